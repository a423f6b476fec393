"""Ridge regression on polynomials, by gradient descent: NumPy alone, and nothing of hpo in it."""

import numpy as np
import optuna

random = np.random.default_rng(0)
x = random.uniform(-1, 1, 200)
y = np.sin(3 * x) + random.normal(0, 0.1, 200)
TRAIN, VALIDATION = slice(0, 150), slice(150, 200)


def objective(trial: optuna.Trial) -> float:
    """The squared error on validation rows."""
    degree = trial.suggest_int("degree", 1, 9)
    penalty = trial.suggest_float("penalty", 1e-6, 1.0, log=True)
    rate = trial.suggest_float("rate", 1e-3, 0.5, log=True)
    powers = np.polynomial.chebyshev.chebvander(x, degree)  # (rows, degree + 1)
    weights = np.zeros(degree + 1)
    error = np.inf
    for step in range(20):
        for _ in range(10):
            residual = powers[TRAIN] @ weights - y[TRAIN]
            weights -= rate * (powers[TRAIN].T @ residual / len(residual) + penalty * weights)
        error = float(np.mean((powers[VALIDATION] @ weights - y[VALIDATION]) ** 2))
        trial.report(error, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return error


if __name__ == "__main__":  # as before: hpo does not come here
    study = optuna.create_study(direction="minimize")
    study.optimize(objective, n_trials=20)
    print(study.best_params)
