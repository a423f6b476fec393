"""Whatever kind of data, model, metric or split somebody brings, a search of it has the values that it says."""

from typing import Any

import kinds
import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from sklearn import metrics

from hpo.search import Measurement, measure, objective
from hpo.study import StudyDefinition

optuna.logging.set_verbosity(optuna.logging.WARNING)

pytestmark = [pytest.mark.thorough, pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")]

BY_FIT = {
    "unbalanced": "the model has several inputs",
    "of_tf_data": "the data are streamed",
    "of_py_dataset": "the data are streamed",
    "of_words": "the data are streamed",
    "of_own_step": "Halving has a train_step of its own",
}


def searched(definition: StudyDefinition) -> list[FrozenTrial]:
    study = optuna.create_study(direction=definition.direction, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective(definition, seed=1), n_trials=2)
    return study.trials


@pytest.mark.parametrize("name", kinds.ALL)
def test_every_kind_of_model_is_searched_and_its_training_loop_named(name: str) -> None:
    trials = searched(kinds.ALL[name])
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2, [trial.user_attrs for trial in trials]
    assert all(trial.value is not None and np.isfinite(trial.value) for trial in trials)
    why = BY_FIT.get(name)
    assert trials[0].user_attrs.get("trained_by") == (why and f"Keras's fit: {why}")


def right(y: Any, outputs: Any) -> float:
    return float(metrics.accuracy_score(y, outputs.argmax(axis=1)))


SCORES = {
    "auc": lambda y, outputs: metrics.roc_auc_score(y, outputs[:, 0]),
    "r2": lambda y, outputs: metrics.r2_score(y, outputs[:, 0]),
    "rmse": lambda y, outputs: metrics.root_mean_squared_error(y, outputs[:, 0]),
    "f1": lambda y, outputs: metrics.f1_score(y, outputs[:, 0] > 0.5),
    "own_metric": lambda y, outputs: metrics.balanced_accuracy_score(y, outputs[:, 0] > 0.5),
    "unbalanced": lambda y, outputs: metrics.roc_auc_score(y, outputs[:, 0]),
    "of_frame": right,
    "of_mapped": right,
    "of_mixed": right,
    "of_own_step": right,
    "of_own_parts": lambda y, outputs: metrics.mean_squared_error(y, outputs[:, 0]),
}


@pytest.mark.parametrize("name", SCORES)
def test_every_score_equals_scikit_learns_on_the_predictions(name: str) -> None:
    found: Measurement = measure(kinds.ALL[name], {"rate": 0.05}, seed=2)
    test = found.rows[1]
    expected = SCORES[name](test.y, np.asarray(found.run.predict(test.x)))
    assert found.test == pytest.approx(expected, abs=0.004 if "auc" in name or name == "unbalanced" else 1e-3)


@pytest.mark.parametrize("name", ["of_tf_data", "of_py_dataset"])
def test_a_streams_score_covers_all_its_rows(name: str) -> None:
    found = measure(kinds.ALL[name], {"rate": 0.05}, seed=2)
    said = np.asarray(found.run.predict(kinds.X[: kinds.TEST]))
    assert found.test == pytest.approx(right(kinds.SIGN[: kinds.TEST], said))
