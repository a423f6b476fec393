"""`small_and_good.py` with plain Optuna."""

import numpy as np
import optuna

random = np.random.default_rng(1)
x = random.uniform(-1, 1, (300, 3))
y = np.sin(4 * x[:, 0]) * x[:, 1] + x[:, 2] ** 2
TRAIN, VALIDATION = slice(0, 200), slice(200, 300)

TRIALS = 40


def objective(trial: optuna.Trial) -> tuple[float, int]:
    """The squared error on validation rows, and the number of features."""
    features = trial.suggest_int("features", 2, 100, log=True)
    width = trial.suggest_float("width", 0.1, 10.0, log=True)
    drawn = np.random.default_rng(trial.number)
    made = np.cos(x @ drawn.normal(0, width, (3, features)) + drawn.uniform(0, 2 * np.pi, features))
    weights = np.linalg.lstsq(made[TRAIN], y[TRAIN], rcond=1e-3)[0]
    trial.set_user_attr("largest_weight", float(np.abs(weights).max()))
    return float(np.mean((made[VALIDATION] @ weights - y[VALIDATION]) ** 2)), features


study = optuna.create_study(
    study_name="small_and_good", storage="sqlite:///optuna.db", directions=["minimize", "minimize"], load_if_exists=True
)
left = TRIALS - len(study.trials)
study.optimize(objective, left)
print([(trial.params, trial.values) for trial in study.best_trials])
