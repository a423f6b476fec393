"""`within_budget.py` with plain Optuna."""

import numpy as np
import optuna

LARGEST = 20  # terms
random = np.random.default_rng(2)
x = random.uniform(-1, 1, (200, 2))
y = np.exp(x[:, 0] * x[:, 1]) + random.normal(0, 0.05, 200)
TRAIN, VALIDATION = slice(0, 150), slice(150, 200)

TRIALS = 40


def objective(trial: optuna.Trial) -> float:
    """The squared error on validation rows; more than 20 terms are infeasible."""
    first = trial.suggest_int("first", 0, 6)
    second = trial.suggest_int("second", 0, 6)
    terms = (first + 1) * (second + 1)
    trial.set_constraint("terms", terms - LARGEST)  # above 0 it is broken
    if terms > LARGEST:
        raise optuna.TrialPruned(f"{terms} terms")  # not worth the work; the sampler learns from it all the same
    made = np.polynomial.chebyshev.chebvander2d(*x.T, [first, second])  # (rows, terms)
    weights = np.linalg.lstsq(made[TRAIN], y[TRAIN], rcond=None)[0]
    return float(np.mean((made[VALIDATION] @ weights - y[VALIDATION]) ** 2))


study = optuna.create_study(
    study_name="within_budget", storage="sqlite:///optuna.db", direction="minimize", load_if_exists=True
)
left = TRIALS - len(study.trials)
study.optimize(objective, left)
print(study.best_params, study.best_value)
