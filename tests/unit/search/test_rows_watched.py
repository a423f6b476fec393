"""What a measurement holds out to watch, and how much of a stream it trains on: as the definition and fidelity say."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import model_selection

from hpo.data import Dataset, Rows, Streams
from hpo.errors import UsageError
from hpo.search import measure
from hpo.search.measurement import Measurement
from hpo.study import (
    Fidelity,
    Float,
    GroupHoldout,
    Holdout,
    KFold,
    Params,
    Space,
    StudyDefinition,
    TimeSeriesSplit,
    ValidationData,
)
from hpo.training import EarlyStopping, FullTraining, OneCycle, Recipe

NUMBERS = np.arange(120)
GROUP = NUMBERS % 10  # twelve rows each, of the first 100 ten
TABLE = Rows(x=NUMBERS.astype("float32")[:, None], y=(NUMBERS % 3 == 0).astype("float32"), groups=GROUP)

pytestmark = pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")


def rows() -> Dataset:
    return Dataset(name="d", development=TABLE.take(np.arange(100)), test=TABLE.take(np.arange(100, 120)))


def streams() -> Streams:
    import tensorflow as tf

    def batches() -> Any:
        return tf.data.Dataset.from_tensor_slices((TABLE.x, TABLE.y)).batch(10)

    return Streams(name="d", train=lambda seed: batches(), validation=batches, test=batches)


def build(params: Params) -> Recipe:
    return Recipe(
        model=keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]),
        optimizer=keras.optimizers.SGD(params["rate"]),
        loss="mse",
        stopping=EarlyStopping(patience=9),
        schedule=OneCycle(),
        watch=0.2,
    )


STUDY = StudyDefinition(
    name="watched",
    title="",
    data=rows,
    build=build,
    metric="mse",
    direction="minimize",
    spaces=(Space(name="s", params={"rate": Float(low=1e-6, high=1)}),),
    evaluation=KFold(folds=4, grouped=True),
    fidelities=(Fidelity(name="f", epochs=1),),
)


def measured(definition: StudyDefinition, fidelity: str = "f") -> Measurement:
    return measure(definition, {"rate": 1e-5}, fidelity=fidelity, seed=3)


def parts(definition: StudyDefinition) -> list[list[int]]:
    """(trained on, watched) of a measurement: row numbers."""
    way: Any = measured(definition).run._way
    return [each.x.numpy()[:number, 0].astype(int).tolist() for each, number in (
        (way._data, way._rows), (way._validation, way._validation_rows),
    )]  # fmt: skip


@pytest.mark.parametrize(
    "evaluation", [KFold(folds=4, grouped=True), GroupHoldout(groups=2), model_selection.GroupKFold(4)]
)
def test_rows_held_out_to_watch_are_whole_groups_where_splits_are_by_group(evaluation: Any) -> None:
    train, watched = parts(replace(STUDY, evaluation=evaluation))
    assert sorted(train + watched) == list(range(100))
    assert len(watched) == 20
    assert not set(GROUP[train]) & set(GROUP[watched])


@pytest.mark.parametrize(
    ("evaluation", "last"),
    [
        (TimeSeriesSplit(folds=3, gap=5), 75),
        (Holdout(rows=30, last=True), 80),
        (model_selection.TimeSeriesSplit(3, gap=2), 78),
    ],
)
def test_rows_held_out_to_watch_are_the_latest_where_rows_are_in_time_order(evaluation: Any, last: int) -> None:
    assert parts(replace(STUDY, evaluation=evaluation)) == [list(range(last)), list(range(80, 100))]


def test_a_gap_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(UsageError, match="need 101 rows with a gap of 80"):
        parts(replace(STUDY, evaluation=TimeSeriesSplit(folds=3, gap=80)))


def test_rows_held_out_to_watch_are_stratified_where_splits_are() -> None:
    _, watched = parts(replace(STUDY, evaluation=Holdout(rows=30, stratified=True)))
    assert TABLE.y[watched].sum() == 7  # of 34 in a hundred


def test_a_training_without_definition_watches_whole_groups_where_there_are_groups() -> None:
    from hpo.training import Run

    run: Any = Run(build({"rate": 0.0}), TABLE, epochs=1, metric="mse", seed=1)
    watched = GROUP[run._way._validation.x.numpy()[: run._way._validation_rows, 0].astype(int)]
    assert sorted(watched) == sorted(each for each in set(watched) for _ in range(12))


def test_a_measurement_heeds_the_steps_of_its_fidelity() -> None:
    few, all_ = Fidelity(name="few", epochs=2, steps=3), Fidelity(name="f", epochs=4)
    study = replace(STUDY, data=streams, evaluation=ValidationData(), fidelities=(few, all_), build=streamed)
    run: Any = measured(study, "few").run
    assert run._way.steps == 3
    assert int(run.model().optimizer.iterations) == 6
    np.testing.assert_allclose(run._schedules.rate[[0, -1]], rates(12 * 4)[[0, -1]])  # of all there are, in six steps
    assert measured(study).run._way.steps == 12


def streamed(params: Params) -> Recipe:
    return replace(build(params), watch=0.0)


def rates(steps: int) -> Any:
    return OneCycle().rates(1e-5, steps)


def test_a_full_schedule_excludes_the_rows_held_out_to_watch() -> None:
    from hpo.training import Run

    run: Any = Run(build({"rate": 1.0}), TABLE, epochs=1, metric="mse", seed=1, full=FullTraining(epochs=3, rows=480))
    kept = 120 - run._way._validation_rows
    assert kept == 96
    np.testing.assert_allclose(run._schedules.rate, OneCycle().rates(1.0, 3 * 12)[[0, 18, 35]])
