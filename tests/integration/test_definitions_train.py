"""Both definitions on their real data, with less work than their own fidelities: what a search of them does."""

from dataclasses import replace

import optuna
import pytest

from hpo import objective
from hpo.data import Dataset
from hpo.search.row_splits import load
from hpo.study import Fidelity, Params, StudyDefinition
from studies.cnn import study as cnn
from studies.fcnn import study as fcnn

optuna.logging.set_verbosity(optuna.logging.WARNING)

EVERYTHING: dict[str, Params] = {
    "cnn": {
        **{
            name: value
            for name, value in cnn.baseline().params_in("wide").items()
            if name not in ("adaptive_rate", "decay_steps", "decay_rate")
        },
        "conv_layers": 2,
        "convolutions": 2,
        "padding": "same",
        "filters_2": 16,
        "batch_norm": True,
        "dropout": 0.1,
        "optimizer": "sgd",
        "momentum": 0.85,
        "nesterov": True,
        "decay": 1e-3,
        "sgd_rate": 2.0,
        "schedule": "triangular",
        "batch_size": 64,
        "average": 0.25,
        "label_smoothing": 0.2,
        "augmentation": "alternating-flip-shift",
    },
    "fcnn": {
        **{name: value for name, value in fcnn.baseline().params_in("wide").items() if name != "adaptive_rate"},
        "initializer": "he_normal",
        "optimizer": "sgd",
        "momentum": 0.5,
        "nesterov": True,
        "decay": 1e-4,
        "sgd_rate": 0.2,
        "schedule": "triangular",
        "average": 0.1,
        "dropout": 0.1,
        "loss": "huber",
    },
}
LITTLE = {"cnn": Fidelity(name="little", epochs=1, rows=2_000), "fcnn": Fidelity(name="little", epochs=20, folds=2)}


@pytest.fixture(params=[cnn, fcnn], ids=lambda study: study.name)
def definition(request: pytest.FixtureRequest, fashion_mnist: Dataset, boston_housing: Dataset) -> StudyDefinition:
    """One of the two, with little work, and without the rows that no search may see."""
    study: StudyDefinition = request.param
    known = {"cnn": fashion_mnist, "fcnn": boston_housing}[study.name]
    made = replace(study, data=lambda: replace(known), fidelities=(LITTLE[study.name],))
    object.__setattr__(load(made), "test", None)  # after the look that everything is given once
    return made


@pytest.mark.thorough
@pytest.mark.parametrize("space", ["report", "wide"])
def test_a_search_of_real_data_learns_and_sees_no_test_rows(definition: StudyDefinition, space: str) -> None:
    study = optuna.create_study(direction=definition.direction)
    study.enqueue_trial(dict(definition.baseline().params if space == "report" else EVERYTHING[definition.name]))
    study.optimize(objective(definition, space=space, seed=1), n_trials=1)
    value, seen = study.best_value, study.best_trial.user_attrs
    # Guessing gives 0.1, and the mean price 6.6 thousand dollars. After an epoch the running means of a normalization
    # have not come far, so pictures are judged by what was seen while training.
    assert 0 < value < 1 and 0.3 < seen["train"] < 1 if definition.name == "cnn" else 1 < value < 6
    assert seen["epochs"] == LITTLE[definition.name].epochs
