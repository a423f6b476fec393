"""A Keras model trained by its own `fit`, whose callback reports each epoch and prunes."""

from typing import Any

import numpy as np
import optuna

import hpo


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(rows, 2) points, and whether each lies within a ring."""
    points = np.random.default_rng(seed).uniform(-1, 1, (600, 2)).astype("float32")
    radius = np.hypot(*points.T)
    return points, ((radius > 0.4) & (radius < 0.8)).astype("float32")


@hpo.tunable(
    direction="maximize",
    metric="accuracy",
    name="keras_fit",
    baselines={"by hand": {"units": 16, "layers": 1, "rate": 1e-2}},
    seeds=True,
)
def objective(trial: optuna.Trial) -> float:
    """The accuracy on validation rows."""
    import keras  # here, so that hpo need not import it to look at this file

    units = trial.suggest_int("units", 4, 64, log=True)
    layers = trial.suggest_int("layers", 1, 3)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    keras.utils.set_random_seed(hpo.seed(trial))
    x, y = rows()
    model = keras.Sequential([keras.Input((2,))])
    for _ in range(layers):
        model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])

    class Report(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"after epoch {epoch + 1}")

    seen = model.fit(x, y, epochs=8, batch_size=16, validation_split=0.25, callbacks=[Report()], verbose=0)
    return float(seen.history["val_accuracy"][-1])
