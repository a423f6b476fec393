"""A search that weighs the metric against costs, trained for real."""

from typing import Any

import keras
import numpy as np
import optuna
import pytest

from hpo.data import Dataset, Rows
from hpo.errors import DefinitionError, UsageError
from hpo.search import Objective, objective
from hpo.search.trainings import costs
from hpo.study import Categorical, Fidelity, Int, KFold, Params, Space, StudyDefinition
from hpo.study.objectives import directions, parse_objectives
from hpo.training import Recipe

optuna.logging.set_verbosity(optuna.logging.WARNING)


def data() -> Dataset:
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    rows = Rows(x=x, y=x.sum(axis=1))
    return Dataset(name="sums", development=rows, test=Rows(x=rows.x + 1, y=rows.y))


def build(params: Params) -> Recipe:
    layers = [keras.layers.Dense(params["units"], activation=params["activation"]), keras.layers.Dense(1)]
    return Recipe(
        model=keras.Sequential([keras.Input((3,)), *layers]),
        optimizer=keras.optimizers.Adam(0.01),
        loss="mse",
        batch_size=16,
    )


study = StudyDefinition(
    name="sums",
    title="sums",
    data=data,
    build=build,
    metric="mae",
    direction="minimize",
    spaces=(
        Space(
            name="all",
            params={"units": Int(low=1, high=64), "activation": Categorical(choices=("relu", "no such activation"))},
        ),
    ),
    evaluation=KFold(folds=2),
    fidelities=(Fidelity(name="quick", epochs=2),),
    infeasible=lambda params: None if params["activation"] == "relu" else "no such activation",
)


def test_a_trial_has_a_value_for_each_objective_and_reports_nothing() -> None:
    weighed = parse_objectives("mae, parameters,latency", study)
    assert weighed == ("parameters", "latency")
    searched = optuna.create_study(directions=[*directions("minimize", weighed)])  # type: ignore[list-item]
    for units, activation in ((5, "relu"), (40, "relu"), (7, "no such activation")):
        searched.enqueue_trial({"units": units, "activation": activation})
    searched.optimize(objective(study, seed=1, costs=weighed), n_trials=3)
    small, large, impossible = searched.trials
    for trial, units in ((small, 5), (large, 40)):
        mae, parameters, latency = trial.values
        assert 0 < mae < 10
        assert parameters == trial.user_attrs["parameters"] == 4 * units + units + 1
        assert latency == trial.user_attrs["latency"]
        assert 0 < latency < 1
        assert not trial.intermediate_values
    assert impossible.state == optuna.trial.TrialState.PRUNED
    assert impossible.user_attrs["reason"] == "infeasible: no such activation"


def test_without_costs_the_value_is_one_number() -> None:
    searched = optuna.create_study(direction="minimize")
    searched.enqueue_trial({"units": 5, "activation": "relu"})
    made = objective(study, seed=1)
    assert isinstance(made, Objective)
    searched.optimize(made, n_trials=1)
    assert not {"parameters", "latency"} & set(searched.trials[0].user_attrs)
    assert searched.best_value > 0


def test_a_model_of_ones_own_has_parameters_and_no_latency() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.only = keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.only(x)

    model = Own()
    model(np.zeros((1, 3), np.float32))
    assert costs(model, ("parameters",)) == (3 * 2 + 2,)
    with pytest.raises(DefinitionError, match=r"not of Own: .* leave latency out of --objectives"):
        costs(model, ("parameters", "latency"))


@pytest.mark.parametrize("text", ["mae", "accuracy,latency", "mae,speed", "mae,latency,latency", "mae,mae", "mae,", ""])
def test_unknown_or_repeated_objectives_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as mae,latency$"):
        parse_objectives(text, study)
