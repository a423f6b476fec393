"""`unbalanced.py` with Ray Tune."""

from pathlib import Path

import numpy as np
import pandas as pd
from ray import tune
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
    import keras

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


def train(config):
    """Report the mean AUC over folds."""
    tune.report({"auc": float(np.mean([score(config, *fold) for fold in FOLDS]))})


folder = str(Path("ray").resolve())
if tune.Tuner.can_restore(f"{folder}/payments"):
    tuner = tune.Tuner.restore(f"{folder}/payments", train, resume_unfinished=True)
else:
    space = {
        "units": tune.lograndint(4, 65),
        "rate": tune.loguniform(1e-3, 1e-1),
        "balanced": tune.choice([False, True]),
    }
    wanted = tune.TuneConfig(metric="auc", mode="max", num_samples=TRIALS)
    kept = tune.RunConfig(name="payments", storage_path=folder, verbose=0)
    tuner = tune.Tuner(train, param_space=space, tune_config=wanted, run_config=kept)
best = tuner.fit().get_best_result()
print(best.config, best.metrics["auc"])
