"""`keras_fit.py` with Ray Tune."""

from pathlib import Path

import numpy as np
from ray import tune

TRIALS = 20


def rows(seed=0):
    """(rows, 2) points, and whether each lies within a ring."""
    points = np.random.default_rng(seed).uniform(-1, 1, (600, 2)).astype("float32")
    radius = np.hypot(*points.T)
    return points, ((radius > 0.4) & (radius < 0.8)).astype("float32")


def train(config):
    """Report the accuracy on validation rows after each epoch."""
    import keras

    x, y = rows()
    model = keras.Sequential([keras.Input((2,))])
    for _ in range(config["layers"]):
        model.add(keras.layers.Dense(config["units"], activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(config["rate"]), "binary_crossentropy", metrics=["accuracy"])

    class Report(keras.callbacks.Callback):
        def on_epoch_end(self, _, logs):
            tune.report({"accuracy": logs["val_accuracy"]})

    model.fit(x, y, epochs=8, batch_size=16, validation_split=0.25, callbacks=[Report()], verbose=0)


folder = str(Path("ray").resolve())
if tune.Tuner.can_restore(f"{folder}/keras_fit"):
    tuner = tune.Tuner.restore(f"{folder}/keras_fit", train, resume_unfinished=True)
else:
    space = {"units": tune.lograndint(4, 65), "layers": tune.randint(1, 4), "rate": tune.loguniform(1e-4, 1e-1)}
    scheduler = tune.schedulers.ASHAScheduler(max_t=8)
    wanted = tune.TuneConfig(metric="accuracy", mode="max", num_samples=TRIALS, scheduler=scheduler)
    kept = tune.RunConfig(name="keras_fit", storage_path=folder, verbose=0)
    tuner = tune.Tuner(train, param_space=space, tune_config=wanted, run_config=kept)
best = tuner.fit().get_best_result()
print(best.config, best.metrics["accuracy"])
