"""What early stopping makes of a trial: its value, what it reports, whether it is pruned."""

from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from hpo import objective
from hpo.data import Dataset, Rows
from hpo.search import measure
from hpo.study import Fidelity, Float, Holdout, Int, KFold, Params, Space, StudyDefinition
from hpo.training import EarlyStopping, Recipe

optuna.logging.set_verbosity(optuna.logging.WARNING)


def data() -> Dataset:
    random = np.random.default_rng(1)
    x = random.normal(size=(90, 4)).astype(np.float32)
    y = (x @ np.array([1.0, -2.0, 0.5, 3.0]) + random.normal(0, 0.5, 90)).astype(np.float32)
    return Dataset(name="line", development=Rows(x=x[:70], y=y[:70]), test=Rows(x=x[70:], y=y[70:]))


def build(params: Params) -> Recipe:
    """With patience 0 nothing stops it."""
    import keras

    return Recipe(
        model=keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]),
        optimizer=keras.optimizers.SGD(params["rate"]),
        loss="mean_squared_error",
        batch_size=10,
        stopping=EarlyStopping(patience=params["patience"]) if params["patience"] else None,
    )


STUDY = StudyDefinition(
    name="stopped",
    title="A line that may stop",
    data=data,
    build=build,
    metric="mae",
    direction="minimize",
    spaces=(Space(name="line", params={"rate": Float(low=0.0, high=1.0), "patience": Int(low=0, high=9)}),),
    evaluation=Holdout(rows=20),
    fidelities=(Fidelity(name="full", epochs=6),),
)


class Impatient(optuna.pruners.BasePruner):
    """Prunes whatever asks after step 4 or later."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        del study
        return (trial.last_step or 0) >= 4


def one(definition: StudyDefinition, pruner: optuna.pruners.BasePruner, **params: Any) -> optuna.trial.FrozenTrial:
    study = optuna.create_study(direction="minimize", pruner=pruner)
    study.enqueue_trial(params)
    study.optimize(objective(definition, seed=3), n_trials=1)
    return study.trials[0]


@pytest.mark.parametrize("evaluation", [Holdout(rows=20), KFold(folds=2)], ids=["holdout", "folds"])
def test_an_early_stopped_trial_reports_up_to_the_last_step_and_is_not_pruned(evaluation: Holdout | KFold) -> None:
    """At a rate of 0 no epoch is better than the first."""
    definition = replace(STUDY, evaluation=evaluation)
    trial = one(definition, Impatient(), rate=0.0, patience=2)
    assert trial.state == optuna.trial.TrialState.COMPLETE
    assert trial.intermediate_values == dict.fromkeys(range(1, 7), trial.value)
    assert trial.user_attrs["epochs"] == 3
    assert one(definition, Impatient(), rate=0.0, patience=5).state == optuna.trial.TrialState.PRUNED  # it still trains


def test_value_and_reports_are_those_of_the_best_epoch() -> None:
    short = replace(STUDY, fidelities=(Fidelity(name="short", epochs=4),))
    plain = one(short, optuna.pruners.NopPruner(), rate=0.2, patience=0)
    kept = one(short, optuna.pruners.NopPruner(), rate=0.2, patience=4)
    curve = list(plain.intermediate_values.values())
    assert curve[-1] > min(curve)  # at this rate it goes up and down as it falls
    assert plain.value == curve[-1]
    assert kept.value == min(curve)
    assert list(kept.intermediate_values.values()) == [min(curve[:step]) for step in range(1, 5)]


def test_a_measurement_reports_the_epochs_it_trained() -> None:
    done = measure(STUDY, {"rate": 0.0, "patience": 2}, seed=3)
    assert done.epochs == 3
    assert done.to_json()["epochs"] == 3
