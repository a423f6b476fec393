"""Every optimizer makes the steps Keras makes, on the same batches, the last and smaller one included."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.training import Constant, ExponentialDecay, Recipe, Run, Schedule, build
from hpo.training.loop import shuffled
from hpo.training.updates import UPDATES

EPOCHS, BATCH, SEED = 4, 8, 5
ROWS = 36  # five steps an epoch, the last of four rows: 20 steps in all

O = keras.optimizers  # noqa: E741
OPTIMIZERS: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
    "adam": lambda: O.Adam(1e-3),
    "adam clipped": lambda: O.Adam(1e-3, global_clipnorm=0.1),
    "adamw": lambda: O.AdamW(1e-3, weight_decay=0.1),
    "rmsprop": lambda: O.RMSprop(1e-3),
    "rmsprop centered": lambda: O.RMSprop(1e-3, centered=True),
    "sgd": lambda: O.SGD(0.01),
    "sgd momentum": lambda: O.SGD(0.01, momentum=0.9),
    "sgd nesterov": lambda: O.SGD(0.01, momentum=0.9, nesterov=True),
    "sgd decay": lambda: O.SGD(0.01, weight_decay=0.05),
    "adamax": lambda: O.Adamax(1e-3),
    "nadam": lambda: O.Nadam(1e-3),
    "adadelta": lambda: O.Adadelta(0.1),
    "adagrad": lambda: O.Adagrad(0.01),
    "adagrad from 0": lambda: O.Adagrad(0.01, initial_accumulator_value=0.0, epsilon=1e-3),
    "lion": lambda: O.Lion(1e-3),
}


def dense() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Normalization(),
            layers.Dense(16, "relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.Dense(16, "tanh"),
            layers.Dense(1),
        ]
    )


def conv() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax"),
        ]
    )


def rows(kind: str) -> Rows:
    random = np.random.default_rng(1)
    if kind == "dense":
        return Rows(x=random.normal(2, 3, (ROWS, 6)), y=random.normal(size=ROWS).astype(np.float32))
    labels = random.integers(0, 3, ROWS)
    return Rows(x=random.integers(0, 256, (ROWS, 10, 10, 1)).astype(np.uint8), y=np.eye(3, dtype=np.float32)[labels])


def recipe(kind: str, optimizer: str, schedule: Schedule | None) -> Recipe:
    model = dense() if kind == "dense" else conv()
    loss = "mse" if kind == "dense" else keras.losses.CategoricalCrossentropy()
    return Recipe(model=model, optimizer=OPTIMIZERS[optimizer](), loss=loss, batch_size=BATCH, schedule=schedule)


def by_keras(what: Recipe, data: Rows) -> list[np.ndarray]:
    """The weights after training `what` by train_on_batch, one batch at a time."""
    model = what.model
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt(data.x)
    model.compile(optimizer=what.optimizer, loss=what.loss, run_eagerly=True)  # compiling takes longer
    steps = -(-ROWS // BATCH)
    initial = float(what.optimizer.learning_rate)
    rates = (what.schedule or Constant()).rates(initial, steps * EPOCHS)
    for epoch in range(EPOCHS):
        order = shuffled(ROWS, ROWS, tf.constant([SEED, epoch + 1])).numpy()
        for step in range(steps):
            index = order[step * BATCH : (step + 1) * BATCH]
            what.optimizer.learning_rate = rates[epoch * steps + step]
            model.train_on_batch(data.x[index], data.y[index])
    return model.get_weights()


SOON = (("adam clipped", "dense"), ("rmsprop centered", "dense"), ("sgd decay", "dense"), ("adam", "conv"))
CONV = ("adamw", "rmsprop", "sgd", "sgd momentum", "sgd nesterov", "adamax", "nadam", "adadelta", "adagrad")
LATER = (("lion", "dense"), ("adagrad from 0", "dense"), *((name, "conv") for name in CONV))


@pytest.mark.parametrize(("optimizer", "kind"), SOON)
def test_every_optimizer_gives_the_weights_of_train_on_batch(optimizer: str, kind: str) -> None:
    """Under a schedule; each option of each optimizer at a steady rate is in `parity.py`."""
    schedule = ExponentialDecay(decay_steps=7, decay_rate=0.5) if kind == "dense" else None
    data = rows(kind)
    expected = by_keras(build(lambda _: recipe(kind, optimizer, schedule), None, 3), data)
    run = Run(build(lambda _: recipe(kind, optimizer, schedule), None, 3), data, epochs=EPOCHS, metric="mse", seed=SEED)
    for _ in range(EPOCHS):
        run.epoch()
    for ours, theirs in zip(run.model().get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "kind"), LATER)
def test_every_other_optimizer_gives_the_weights_of_train_on_batch(optimizer: str, kind: str) -> None:
    test_every_optimizer_gives_the_weights_of_train_on_batch(optimizer, kind)


def test_every_optimizer_with_a_kernel_is_compared() -> None:
    assert set(UPDATES) <= {type(OPTIMIZERS[name]()) for name, _ in (*SOON, *LATER)}
