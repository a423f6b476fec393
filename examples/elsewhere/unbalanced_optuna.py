"""`unbalanced.py` with plain Optuna."""

import keras
import numpy as np
import optuna
import pandas as pd
from sklearn.model_selection import StratifiedKFold

ROWS, TEST, TRIALS = 2_000, 500, 20


def data():
    """The frame of payments, and whether each is a fraud; the first 500 rows are for a test."""
    random = np.random.default_rng(0)
    x = pd.DataFrame(
        {
            "amount": random.lognormal(4.0, 1.0, ROWS).round(2),
            "hour": random.integers(0, 24, ROWS),
            "country": random.choice(["at", "de", "fr"], ROWS),
        }
    )
    night = (x["hour"] < 6) & (x["country"] == "fr")
    risk = 0.9 * np.log(x["amount"]) + 2.0 * night - 7.5
    y = np.where(random.random(ROWS) < 1 / (1 + np.exp(-risk)), "fraud", "honest")
    x = pd.get_dummies(x, columns=["country"], dtype=float)
    return x[TEST:].to_numpy("float32"), (y[TEST:] == "fraud").astype("float32")


x, y = data()
FOLDS = list(StratifiedKFold(3, shuffle=True, random_state=0).split(x, y))


def score(params, train, validation):
    """The AUC on the rows of `validation` of a model trained on those of `train`."""
    normalization = keras.layers.Normalization()
    normalization.adapt(x[train])
    hidden = keras.layers.Dense(params["units"], activation="relu")
    output = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((5,)), normalization, hidden, output])
    model.compile(keras.optimizers.Adam(params["rate"]), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    share = y[train].mean()
    weights = {0: 0.5 / (1 - share), 1: 0.5 / share} if params["balanced"] else None
    rows = (x[validation], y[validation])
    seen = model.fit(
        x[train], y[train], epochs=10, batch_size=64, class_weight=weights, validation_data=rows, verbose=0
    )
    return seen.history["val_auc"][-1]


def objective(trial):
    """The mean AUC over folds."""
    params = {
        "units": trial.suggest_int("units", 4, 64, log=True),
        "rate": trial.suggest_float("rate", 1e-3, 1e-1, log=True),
        "balanced": trial.suggest_categorical("balanced", [False, True]),
    }
    keras.utils.set_random_seed(trial.number)
    return float(np.mean([score(params, *fold) for fold in FOLDS]))


study = optuna.create_study(
    study_name="payments", storage="sqlite:///optuna.db", direction="maximize", load_if_exists=True
)
left = TRIALS - len(study.trials)
study.enqueue_trial({"units": 16, "rate": 1e-2, "balanced": False}, skip_if_exists=True)
study.optimize(objective, left)
print(study.best_params, study.best_value)
