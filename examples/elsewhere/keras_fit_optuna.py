"""`keras_fit.py` with plain Optuna."""

import keras
import numpy as np
import optuna

TRIALS = 20


def rows(seed=0):
    """(rows, 2) points, and whether each lies within a ring."""
    points = np.random.default_rng(seed).uniform(-1, 1, (600, 2)).astype("float32")
    radius = np.hypot(*points.T)
    return points, ((radius > 0.4) & (radius < 0.8)).astype("float32")


def objective(trial):
    """The accuracy on validation rows."""
    units = trial.suggest_int("units", 4, 64, log=True)
    layers = trial.suggest_int("layers", 1, 3)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    keras.utils.set_random_seed(trial.number)
    x, y = rows()
    model = keras.Sequential([keras.Input((2,))])
    for _ in range(layers):
        model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])

    class Report(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    seen = model.fit(x, y, epochs=8, batch_size=16, validation_split=0.25, callbacks=[Report()], verbose=0)
    return seen.history["val_accuracy"][-1]


study = optuna.create_study(
    study_name="keras_fit", storage="sqlite:///optuna.db", direction="maximize", load_if_exists=True
)
left = TRIALS - len(study.trials)
study.enqueue_trial({"units": 16, "layers": 1, "rate": 1e-2}, skip_if_exists=True)
study.optimize(objective, left)
print(study.best_params, study.best_value)
