"""What a search at a low fidelity is a miniature of: the definition's highest fidelity, with its rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpo.data import Dataset, Rows
from hpo.search import measure
from hpo.search.row_splits import cut, full_training
from hpo.search.trial_evaluation import Evaluation
from hpo.study import Fidelity, Float, Holdout, KFold, Params, Space, StudyDefinition
from hpo.training import FullTraining, PiecewiseConstant, Recipe

QUICK = Fidelity(name="quick", epochs=3, rows=20)
FULL = Fidelity(name="full", epochs=10)
PART = Fidelity(name="part", epochs=12, rows=30)  # more epochs, less work


def data() -> Dataset:
    rows = Rows(x=np.arange(120, dtype=np.float32)[:, None], y=np.zeros(120, dtype=np.float32))
    return Dataset(name="d", development=rows.take(np.arange(100)), test=rows.take(np.arange(100, 120)))


def stepped(params: Params) -> Recipe:
    """A bias that each step moves by its rate, so that it tells the sum of the rates."""
    import keras

    return Recipe(
        model=keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="only")]),
        optimizer=keras.optimizers.SGD(1.0),
        loss=falling,
        batch_size=10,
        schedule=PiecewiseConstant(boundaries=(0.5,), factors=(0.001, 1.0)),
    )


def falling(y: Any, outputs: Any) -> Any:
    """Its gradient by the bias is -1 whatever the row."""
    return -outputs[:, 0]


DEFINITION = StudyDefinition(
    name="d",
    title="d",
    data=data,
    build=stepped,
    metric="mse",
    direction="minimize",
    spaces=(Space(name="s", params={"x": Float(low=0, high=1)}),),
    evaluation=Holdout(rows=30),
    fidelities=(QUICK, FULL),
)


def found(fidelity: Fidelity, *fidelities: Fidelity, rows: int = 100, **more: Any) -> FullTraining | None:
    return full_training(replace(DEFINITION, fidelities=fidelities, **more), fidelity, rows)


def test_the_highest_fidelity_has_the_most_epochs_times_rows() -> None:
    for order in ((QUICK, FULL, PART), (FULL, PART, QUICK)):
        for lower in (QUICK, PART):
            assert found(lower, *order) == FullTraining(epochs=10, rows=70)  # 30 of 100 are held out
        assert found(FULL, *order) is None


def test_a_definition_with_one_fidelity_has_no_miniature() -> None:
    assert found(QUICK, QUICK) is None


def test_rows_are_what_a_fold_leaves_and_labels_are_all_that_count() -> None:
    folded = {"evaluation": KFold(folds=5)}
    few = Fidelity(name="few", epochs=5, folds=2)
    assert found(few, few, FULL, **folded) == FullTraining(epochs=10, rows=80)
    same = Fidelity(name="same", epochs=10, rows=40)
    assert found(same, same, FULL) == FullTraining(epochs=10, rows=70)
    assert found(same, same, FULL, labels=12) is None  # both train on the same twelve


def moved(run: Any) -> float:
    return float(run.model().get_layer("only").get_weights()[1][0])


def test_a_trial_at_a_low_fidelity_follows_the_schedule_of_the_highest() -> None:
    splits = cut(DEFINITION, QUICK, data().development, seed=1)
    work = Evaluation(DEFINITION, {"x": 0.5}, splits, epochs=QUICK.epochs, seed=1)
    list(work.in_step(1))
    # 6 steps stand for 70, at the places 0, 14, 28, 41, 55 and 69; the rate is 0.001 to the 35th
    assert moved(work._runs[0]) == pytest.approx(3 * 0.001 + 3, abs=1e-4)


@pytest.mark.parametrize(("fidelity", "steps"), [("quick", 30), ("full", 100)])
def test_a_measurement_at_any_fidelity_follows_the_full_schedule(fidelity: str, steps: int) -> None:
    measured = measure(DEFINITION, {"x": 0.5}, fidelity=fidelity)
    places = np.rint(np.linspace(0, 99, steps))
    assert moved(measured.run) == pytest.approx(np.where(places <= 50, 0.001, 1.0).sum(), abs=1e-3)
