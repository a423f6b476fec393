"""Two objectives: how well random features fit, and how few of them do it."""

import numpy as np
import optuna

import hpo

random = np.random.default_rng(1)
x = random.uniform(-1, 1, (300, 3))
y = np.sin(4 * x[:, 0]) * x[:, 1] + x[:, 2] ** 2
TRAIN, VALIDATION = slice(0, 200), slice(200, 300)


@hpo.tunable(direction=("minimize", "minimize"), metric=("error", "features"), name="small_and_good")
def objective(trial: optuna.Trial) -> tuple[float, int]:
    """The squared error on validation rows, and the number of features."""
    features = trial.suggest_int("features", 2, 100, log=True)
    width = trial.suggest_float("width", 0.1, 10.0, log=True)
    drawn = np.random.default_rng(hpo.seed(trial))
    made = np.cos(x @ drawn.normal(0, width, (3, features)) + drawn.uniform(0, 2 * np.pi, features))
    weights = np.linalg.lstsq(made[TRAIN], y[TRAIN], rcond=1e-3)[0]
    trial.set_user_attr("largest_weight", float(np.abs(weights).max()))
    return float(np.mean((made[VALIDATION] @ weights - y[VALIDATION]) ** 2)), features
