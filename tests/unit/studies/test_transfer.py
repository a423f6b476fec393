"""The study of few labels: its two tasks, its networks, what they begin with, its spaces and tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import configurations
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.data import Dataset, Rows
from hpo.search.row_splits import cut
from hpo.study import Params
from hpo.training import Phase, build, fit
from studies.transfer import data, model, pretraining, study
from studies.transfer.params import TransferParams, written
from studies.transfer.sweeps import RECIPE, SCRATCH

random = np.random.default_rng(3)
IMAGES = random.integers(0, 256, size=(12, 28, 28, 1)).astype(np.uint8)
SMALL = Rows(x=IMAGES, y=np.eye(8, dtype=np.float32)[np.arange(12) % 8])


def names(params: Params) -> list[str]:
    return [layer.name for layer in model.build(params).model.layers if type(layer).__name__ == "Dense"]


def test_task_b_is_sandals_and_shirts(fashion_mnist: Dataset) -> None:
    task = data.task_b()
    assert (len(task.development), len(task.test)) == (12_000, 2_000)
    assert task.label_names == ("Sandal", "Shirt")
    for ours, whole in ((task.development, fashion_mnist.development), (task.test, fashion_mnist.test)):
        classes = whole.y.argmax(axis=1)
        for target, number in enumerate((5, 6)):
            np.testing.assert_array_equal(ours.x[ours.y == target], whole.x[classes == number])


def test_task_a_has_the_other_eight_classes_from_development_rows_only(fashion_mnist: Dataset) -> None:
    task = data.task_a()
    assert (len(task), task.y.shape) == (48_000, (48_000, 8))
    whole = fashion_mnist.development
    classes = whole.y.argmax(axis=1)
    for position, number in enumerate((0, 1, 2, 3, 4, 7, 8, 9)):
        np.testing.assert_array_equal(task.x[task.y[:, position] == 1], whole.x[classes == number])


def test_task_b_has_200_labels_evenly_over_its_classes_and_the_rest_unlabelled(fashion_mnist: Dataset) -> None:
    (split,) = cut(study, study.fidelity("full"), data.task_b().development, seed=1)
    assert np.bincount(split.train.y.astype(int)).tolist() == [100, 100]
    assert (len(split.inputs), len(split.validation)) == (10_000, 2_000)


def test_the_network_is_a_lower_part_and_a_head() -> None:
    assert names(RECIPE) == ["hidden_1", "hidden_2", "hidden_3", "hidden_4", "output"]
    assert names({**RECIPE, "reused": 2, "head_layers": 1}) == ["hidden_1", "hidden_2", "head_1", "output"]
    made = model.build(RECIPE)
    assert [made.model.get_layer(name).units for name in model.lower_names(4)] == [300, 100, 100, 100]
    assert made.model.output_shape == (None, 1)
    assert made.loss == "binary_crossentropy"


def test_the_baseline_is_the_chapters_recipe() -> None:
    reused = model.lower_names(4)
    assert model.build(RECIPE).phases == (Phase(epochs=4, frozen=reused, rate=0.01), Phase(frozen=(), rate=0.0001))
    assert [fidelity.epochs for fidelity in study.fidelities] == [4 + 16] * 2
    assert study.baselines[0].params == RECIPE
    assert study.labels == 200


@pytest.mark.parametrize(
    ("change", "frozen"),
    [
        ({"unfreeze": "all"}, ()),
        ({"unfreeze": "top"}, ("hidden_1", "hidden_2")),
        ({"unfreeze": "none"}, ("hidden_1", "hidden_2", "hidden_3")),
    ],
)
def test_unfreeze_decides_which_layers_stay_frozen(change: Params, frozen: tuple[str, ...]) -> None:
    assert model.build({**RECIPE, "reused": 3, **change}).phases[1].frozen == frozen


def test_no_layer_is_frozen_from_scratch_or_for_zero_frozen_epochs() -> None:
    assert model.build(SCRATCH).phases == ()
    assert model.build({"source": "task_a", "reused": 4, "frozen_epochs": 0, "learning_rate": 0.1}).phases == ()


def test_targets_of_the_autoencoder_are_its_images() -> None:
    rows = pretraining.autoencoder_rows(IMAGES)
    np.testing.assert_allclose(np.asarray(rows.y, np.float64).reshape(IMAGES.shape) * 255, IMAGES, atol=1e-3)
    assert rows.y.dtype == np.float32


def test_the_auxiliary_task_turns_each_image_by_quarters() -> None:
    rows = pretraining.rotated(IMAGES)
    assert (rows.x.shape, rows.y.shape) == ((48, 28, 28, 1), (48, 4))
    for quarters in range(4):
        turned = rows.x[rows.y[:, quarters] == 1]
        for _ in range(quarters):  # turn back, clockwise: the first row becomes the last column
            turned = np.flip(np.swapaxes(turned, 1, 2), axis=2)
        np.testing.assert_array_equal(turned, IMAGES)


@pytest.fixture
def _small_and_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pretraining, "task_a", lambda: SMALL)


def lower(recipe: Any, layers: int) -> list[Any]:
    return [recipe.model.get_layer(name).get_weights()[0] for name in model.lower_names(layers)]


@pytest.mark.usefixtures("_small_and_apart")
@pytest.mark.parametrize("source", list(pretraining.SOURCES))
def test_reused_layers_start_with_the_pretrained_weights(source: str, tmp_path: Path) -> None:
    params = {**RECIPE, "source": source, "reused": 3, "pretrain_epochs": 1}
    begun = pretraining.pretrain(params, build(model.build, params, 5), IMAGES)
    fresh = build(model.build, params, 5)
    again = pretraining.pretrain({**params, "reused": 2}, build(model.build, {**params, "reused": 2}, 6), IMAGES)
    assert len(list(tmp_path.glob("hpo/pretrained/*.npz"))) == 1  # how many are reused asks for no other network
    for ours, theirs in zip(lower(begun, 2), lower(again, 2), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(lower(begun, 3), lower(fresh, 3), strict=True):
        assert not np.array_equal(ours, theirs)
    np.testing.assert_array_equal(
        begun.model.get_layer("output").get_weights()[0], fresh.model.get_layer("output").get_weights()[0]
    )


@pytest.mark.usefixtures("_small_and_apart")
def test_frozen_layers_keep_their_pretrained_weights() -> None:
    params = {**RECIPE, "pretrain_epochs": 1, "unfreeze": "top"}
    begun = pretraining.pretrain(params, build(model.build, params, 5), IMAGES)
    before = lower(begun, 4)
    few = Rows(x=IMAGES, y=(np.arange(12) % 2).astype(np.float32))
    after = fit(begun, few, epochs=6, metric="accuracy", seed=1).model()
    kept = [np.array_equal(after.get_layer(f"hidden_{n + 1}").get_weights()[0], before[n]) for n in range(4)]
    assert kept == [True, True, True, False]


@pytest.mark.usefixtures("_small_and_apart")
def test_from_scratch_nothing_is_pretrained(tmp_path: Path) -> None:
    begun = pretraining.pretrain(SCRATCH, build(model.build, SCRATCH, 5), IMAGES)
    for ours, fresh in zip(lower(begun, 4), lower(build(model.build, SCRATCH, 5), 4), strict=True):
        np.testing.assert_array_equal(ours, fresh)
    assert not list(tmp_path.glob("hpo/pretrained/*"))


@pytest.mark.parametrize("name", ["chapter", "wide"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_configuration_contradicts_itself(name: str, data: st.DataObject) -> None:
    space = study.space(name)
    params = data.draw(configurations(space))
    wanted = TransferParams(**params)
    assert ("frozen_epochs" in params) == wanted.pretrains
    assert ("frozen_rate" in params) == ("unfreeze" in params) == bool(wanted.frozen_epochs)
    assert wanted.frozen_epochs < min(fidelity.epochs for fidelity in study.fidelities)
    assert written(space, params) == params


@given(params=configurations(study.space("wide")))
@settings(max_examples=10, deadline=None)
def test_any_configuration_builds(params: dict[str, Any]) -> None:
    made = model.build(params)
    assert len(made.phases) in (0, 2)
    assert made.model.output_shape == (None, 1)


def test_each_table_varies_one_choice_of_the_recipe() -> None:
    for sweep in study.sweeps:
        assert sweep.configuration(sweep.rows[sweep.chosen]) == RECIPE
        assert not any(row.reported for row in sweep.rows)
    assert len({sweep.id for sweep in study.sweeps}) == len(study.sweeps)
    source = next(sweep for sweep in study.sweeps if sweep.id == "source")
    assert [row.setting["source"] for row in source.rows] == ["none", "task_a", "autoencoder", "rotation"]
