"""A definition that gives few labels: which rows a training has, which a pretraining may look at."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.data import Dataset, Rows
from hpo.errors import DefinitionError, UsageError
from hpo.search import measure
from hpo.search.row_splits import cut, labelled
from hpo.search.trial_evaluation import Evaluation
from hpo.study import Fidelity, Float, Holdout, Params, Space, StudyDefinition
from hpo.training import Recipe

FIDELITY = Fidelity(name="f", epochs=1, rows=60)
seen: list[NDArray[np.generic]] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    seen.clear()
    yield
    seen.clear()


def data() -> Dataset:
    """Rows whose x is their number; the last 20 are for testing."""
    rows = Rows(x=np.arange(120, dtype=np.float32)[:, None], y=np.tile([0.0, 0.0, 1.0], 40).astype(np.float32))
    return Dataset(name="d", development=rows.take(np.arange(100)), test=rows.take(np.arange(100, 120)))


def build(params: Params) -> Recipe:
    import keras

    layers = [keras.Input((1,)), keras.layers.Rescaling(0.01), keras.layers.Dense(1, activation="sigmoid", name="only")]
    return Recipe(model=keras.Sequential(layers), optimizer=keras.optimizers.SGD(0.0), loss="binary_crossentropy")


def pretrain(params: Params, recipe: Recipe, inputs: NDArray[np.generic]) -> Recipe:
    seen.append(inputs)
    recipe.model.get_layer("only").set_weights([np.zeros((1, 1)), np.array([5.0])])  # always says 1
    return recipe


def definition(labels: int | None = 12, **more: Any) -> StudyDefinition:
    return StudyDefinition(
        name="d",
        title="d",
        data=data,
        build=build,
        pretrain=pretrain,
        labels=labels,
        metric="accuracy",
        direction="maximize",
        spaces=(Space(name="s", params={"x": Float(low=0, high=1)}),),
        evaluation=Holdout(rows=30, stratified=True),
        fidelities=(FIDELITY,),
        **more,
    )


def numbers(x: NDArray[np.generic]) -> set[float]:
    return set(x[:, 0].tolist())


def test_labels_are_limited_to_few_training_rows_and_never_overlap_validation() -> None:
    (split,) = cut(definition(), FIDELITY, data().development, seed=1)
    assert np.bincount(split.train.y.astype(int)).tolist() == [8, 4]  # each class by its share
    assert len(split.inputs) == FIDELITY.rows
    assert numbers(split.train.x) < numbers(split.inputs)
    assert not numbers(split.inputs) & numbers(split.validation.x)


def test_the_labelled_rows_are_drawn_by_the_seed() -> None:
    rows = data().development
    drawn = [numbers(labelled(definition(), rows, seed=seed).x) for seed in (1, 2, 1)]
    assert drawn[0] == drawn[2] != drawn[1]


def test_without_a_number_all_rows_have_their_label() -> None:
    rows = data().development
    assert labelled(definition(None), rows, seed=1) is rows
    (split,) = cut(definition(None), FIDELITY, rows, seed=1)
    assert numbers(split.train.x) == numbers(split.inputs)


def test_more_labels_than_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="101 rows of 100"):
        labelled(definition(101), data().development, seed=1)
    with pytest.raises(DefinitionError, match="labels must be 1 or more"):
        definition(0)


def test_a_search_pretrains_only_on_its_training_rows() -> None:
    splits = cut(definition(), FIDELITY, data().development, seed=1)
    work = Evaluation(definition(), {"x": 0.5}, splits, epochs=1, seed=1)
    list(work.in_step(1))
    assert [numbers(inputs) for inputs in seen] == [numbers(splits[0].inputs)]
    assert work.value == pytest.approx(splits[0].validation.y.mean())  # it begins, and stays, as pretrained


def test_a_measurement_pretrains_on_all_development_rows_and_trains_on_the_labelled() -> None:
    measured = measure(definition(), {"x": 0.5}, seed=4)
    assert [numbers(inputs) for inputs in seen] == [numbers(data().development.x)]
    assert len(measured.rows[0]) == 12
    assert measured.test == pytest.approx(data().test.y.mean())


def test_the_number_of_labels_is_part_of_the_definitions_version() -> None:
    assert len({definition(labels).version for labels in (None, 12, 13)}) == 3
