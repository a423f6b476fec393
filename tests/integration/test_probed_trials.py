"""Trials that look into their networks: what they note, and that training does not notice."""

from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from hpo import objective
from hpo.data import Dataset, Rows
from hpo.optuna_internals import JOB
from hpo.search import Job, measuring
from hpo.search.trainings import PROBES
from hpo.study import Categorical, Fidelity, Holdout, Params, Space, StudyDefinition
from hpo.training import Clip, Recipe, activation, hidden, initializer
from hpo.training.probes import Probe

optuna.logging.set_verbosity(optuna.logging.ERROR)

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(160, 12)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[np.argmax(X[:, :3], axis=1)]


def data() -> Dataset:
    return Dataset(name="points", development=Rows(x=X, y=Y), test=Rows(x=X[:8] + 1, y=Y[:8]))


def build(params: Params) -> Recipe:
    import keras

    from hpo.training import Dropout

    layers = [keras.Input((12,)), keras.layers.Normalization(), Dropout(0.1)]
    for _ in range(3):
        layers += hidden(6, activation("relu"), initializer=initializer(str(params["begins"])), normalization="before")
    return Recipe(
        model=keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")]),
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        loss="categorical_crossentropy",
        batch_size=16,
        clip=Clip(by="norm", threshold=1e-3),
    )


STUDY = StudyDefinition(
    name="points",
    title="points",
    data=data,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(Space(name="all", params={"begins": Categorical(choices=("he_normal", "naive"))}),),
    evaluation=Holdout(rows=40),
    fidelities=(Fidelity(name="quick", epochs=3),),
    probe_rows=32,
)


def searched(definition: StudyDefinition, **more: Any) -> optuna.trial.FrozenTrial:
    study = optuna.create_study(direction="maximize", **more)
    study.enqueue_trial({"begins": "he_normal"})
    study.optimize(objective(definition, seed=3), n_trials=1)
    return study.trials[0]


def test_a_trial_is_probed_twice_and_trains_as_without_probes() -> None:
    looked, blind = searched(STUDY), searched(replace(STUDY, probe_rows=0))
    assert PROBES not in blind.user_attrs
    assert looked.intermediate_values == blind.intermediate_values
    assert (looked.value, looked.user_attrs["train"]) == (blind.value, blind.user_attrs["train"])
    start, after = (Probe.from_json(one) for one in looked.user_attrs[PROBES])
    assert (start.epoch, start.rows, after.epoch) == (0, 32, 1)
    assert [layer.initializer for layer in start.hidden] == ["he_normal"] * 3
    assert start.normalized
    assert start.clips
    assert start.layers[0].clipped_norm == pytest.approx(1e-3, rel=1e-4)
    assert after.layers[0].weight_norm != start.layers[0].weight_norm


class _Stop(optuna.pruners.BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return True


def test_a_pruned_trial_keeps_its_probes() -> None:
    trial = searched(STUDY, pruner=_Stop())
    assert trial.state.name == "PRUNED"
    assert [one["epoch"] for one in trial.user_attrs[PROBES]] == [0, 1]


@pytest.mark.thorough
@pytest.mark.parametrize("steep", [False, True])
def test_trainings_of_sweeps_are_probed_even_when_they_diverge(steep: bool) -> None:
    payload = Job(rows="development", params={"begins": "he_normal"}, seed=1).to_payload()
    study = optuna.create_study(direction="maximize")
    given = {JOB: payload["job"], "fixed_params": payload["params"]}
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.WAITING, system_attrs=given))
    study.optimize(measuring(replace(STUDY, build=_steep) if steep else STUDY), n_trials=1)
    trial = study.trials[0]
    assert trial.state.name == ("PRUNED" if steep else "COMPLETE")
    assert [one["epoch"] for one in trial.user_attrs[PROBES]] == ([0] if steep else [0, 1])


def _steep(params: Params) -> Recipe:
    recipe = build(params)
    recipe.optimizer.learning_rate = 1e30
    return replace(recipe, clip=None)
