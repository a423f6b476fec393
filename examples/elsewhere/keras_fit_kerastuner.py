"""`keras_fit.py` with KerasTuner."""

import keras
import keras_tuner
import numpy as np


def rows(seed=0):
    """(rows, 2) points, and whether each lies within a ring."""
    points = np.random.default_rng(seed).uniform(-1, 1, (600, 2)).astype("float32")
    radius = np.hypot(*points.T)
    return points, ((radius > 0.4) & (radius < 0.8)).astype("float32")


def build(hp):
    """The compiled model."""
    model = keras.Sequential([keras.Input((2,))])
    units = hp.Int("units", 4, 64, sampling="log")
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


tuner = keras_tuner.Hyperband(build, "val_accuracy", max_epochs=8, directory="tuner", project_name="keras_fit")
x, y = rows()
tuner.search(x, y, batch_size=16, validation_split=0.25, verbose=0)
print(tuner.get_best_hyperparameters()[0].values)
