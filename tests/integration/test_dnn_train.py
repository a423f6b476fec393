"""A search of dnn on its real data, with less work than its own fidelities."""

from dataclasses import replace

import optuna
import pytest

from hpo import objective
from hpo.data import Dataset
from hpo.search.row_splits import load
from hpo.study import Fidelity, Params
from studies.dnn import study as dnn
from studies.dnn.params import written
from studies.dnn.sweeps import guideline, self_normalizing

optuna.logging.set_verbosity(optuna.logging.WARNING)

EVERYTHING: Params = {
    **guideline(4),
    "inputs": "batch_norm",
    "batch_norm": "before",
    "first_units": 64,
    "hidden_units": 32,
    "clipping": "global_norm",
    "penalty": "l1_l2",
    "l1": 1e-6,
    "l2": 1e-6,
    "dropout": 0.1,
    "input_dropout": 0.1,
    "constraint": "max_norm",
    "max_norm": 3.0,
    "learning_rate": 0.03,
}
SELF_NORMALIZING: Params = {**self_normalizing(4), "schedule": "performance", "optimizer": "nadam"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("space", "params"), [("wide", EVERYTHING), ("chapter", SELF_NORMALIZING)], ids=["everything", "self-normalizing"]
)
def test_a_search_of_real_data_learns_and_sees_no_test_rows(space: str, params: Params, fashion_mnist: Dataset) -> None:
    little = Fidelity(name="little", epochs=2, rows=2_000)
    definition = replace(dnn, data=lambda: replace(fashion_mnist), fidelities=(little,))
    object.__setattr__(load(definition), "test", None)  # after the look that everything is given once
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial(written(definition.space(space), params))
    study.optimize(objective(definition, space=space, seed=1), n_trials=1)
    assert 0.4 < study.best_value < 1  # guessing gives 0.1
    assert study.best_trial.params == written(definition.space(space), params)
    assert study.best_trial.user_attrs["epochs"] == little.epochs
