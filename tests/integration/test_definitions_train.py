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
        **cnn.baseline().params_in("wide"),
        "conv_layers": 2,
        "padding": "same",
        "filters_2": 16,
        "batch_norm": True,
        "dropout": 0.1,
        "optimizer": "adamw",
        "weight_decay": 1e-3,
        "label_smoothing": 0.1,
        "augmentation": "flip-shift",
    },
    "fcnn": {
        **fcnn.baseline().params_in("wide"),
        "initializer": "he_normal",
        "optimizer": "sgd",
        "momentum": 0.5,
        "weight_decay": 1e-4,
        "learning_rate": 0.003,
        "schedule": "one-cycle",
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


@pytest.mark.parametrize("space", ["report", "wide"])
def test_a_search_of_real_data_learns_and_sees_no_test_rows(definition: StudyDefinition, space: str) -> None:
    study = optuna.create_study(direction=definition.direction)
    study.enqueue_trial(dict(definition.baseline().params if space == "report" else EVERYTHING[definition.name]))
    study.optimize(objective(definition, space=space, seed=1), n_trials=1)
    value = study.best_value
    # Guessing gives 0.1, and the mean price 6.6 thousand dollars.
    assert 0.3 < value < 1 if definition.name == "cnn" else 1 < value < 6
    assert study.best_trial.user_attrs["epochs"] == LITTLE[definition.name].epochs
