"""`lightgbm_trees.py` with plain Optuna."""

from typing import Any

import numpy as np
import optuna

TRIALS = 40


def objective(trial: optuna.Trial) -> float:
    """The log loss on validation rows."""
    import lightgbm

    random = np.random.default_rng(0)
    x = random.normal(size=(1200, 6))  # (rows, inputs)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + random.normal(0, 0.5, len(x)) > 0).astype(int)
    train = lightgbm.Dataset(x[:900], y[:900])
    validation = lightgbm.Dataset(x[900:], y[900:], reference=train)
    params = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": trial.suggest_float("learning_rate", 1e-2, 0.5, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 100),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-8, 10.0, log=True),
        "num_threads": 1,
        "seed": 0,
        "verbosity": -1,
    }

    def report(now: Any) -> None:
        if now.iteration % 10 == 9:
            trial.report(now.evaluation_result_list[0][2], now.iteration)
            if trial.should_prune():
                raise optuna.TrialPruned(f"after {now.iteration + 1} trees")

    booster = lightgbm.train(params, train, 60, valid_sets=[validation], callbacks=[report])
    return float(booster.best_score["valid_0"]["binary_logloss"])


study = optuna.create_study(
    study_name="lightgbm_trees", storage="sqlite:///optuna.db", direction="minimize", load_if_exists=True
)
left = TRIALS - len(study.trials)
study.optimize(objective, left)
print(study.best_params, study.best_value)
