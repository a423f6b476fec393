"""Models that Keras cannot make anew from their configuration train as in Keras, each with a program of its own."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.training import Recipe, Run, build
from hpo.training.compiled_program import programs
from hpo.training.loop import shuffled

ROWS, BATCH, SEED = 36, 8, 5
random = np.random.default_rng(0)
DATA = Rows(x=random.normal(2, 3, (ROWS, 6)).astype(np.float32), y=random.normal(size=ROWS).astype(np.float32))

layers = keras.layers


class Apply(layers.Layer):
    """Holds a function, so it has no configuration."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.normalization = layers.Normalization()
        self.hidden, self.drop, self.out = layers.Dense(8, "relu"), layers.Dropout(0.2), layers.Dense(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.out(self.drop(self.hidden(self.normalization(inputs)), training=training))


def sequential(*middle: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((6,)), layers.Dense(8), *middle, layers.Dense(1)])


MODELS: dict[str, Callable[[], keras.Model]] = {
    "a class": Own,
    "a layer with a function": lambda: sequential(Apply(keras.ops.tanh)),
    "a lambda layer": lambda: sequential(layers.Lambda(lambda x: x * 2)),
    "an activation": lambda: sequential(layers.Dense(8, activation=lambda x: x * x / 9)),
    "an initializer": lambda: sequential(
        layers.Dense(8, kernel_initializer=lambda shape, dtype: tf.ones(shape, dtype))
    ),
    "no shape of its inputs": lambda: keras.Sequential([layers.Normalization(), layers.Dense(8), layers.Dense(1)]),
}


def made(model: Callable[[], keras.Model], seed: int = 3) -> Recipe:
    return build(
        lambda _: Recipe(model=model(), optimizer=keras.optimizers.Adam(), loss="mse", batch_size=BATCH), None, seed
    )


def by_keras(what: Recipe, epochs: int) -> list[np.ndarray]:
    """The weights after `train_on_batch`, one batch at a time."""
    for layer in what.model.layers:
        if isinstance(layer, layers.Normalization):
            layer.adapt(DATA.x)
    what.model.compile(optimizer=what.optimizer, loss=what.loss, run_eagerly=True)  # compiling takes longer
    for epoch in range(epochs):
        order = shuffled(ROWS, ROWS, tf.constant([SEED, epoch + 1])).numpy()
        for start in range(0, ROWS, BATCH):
            index = order[start : start + BATCH]
            what.model.train_on_batch(DATA.x[index], DATA.y[index])
    return what.model.get_weights()


@pytest.mark.parametrize("name", MODELS)
def test_custom_layers_train_to_the_weights_of_train_on_batch(name: str) -> None:
    expected = by_keras(made(MODELS[name]), 2)
    run = Run(made(MODELS[name]), DATA, DATA, epochs=2, metric="mae", seed=SEED)
    for _ in range(2):
        run.epoch()
    for ours, theirs in zip(run.model().get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.thorough
def test_functions_of_one_name_are_not_one_program() -> None:
    def scaled(by: float) -> keras.Model:
        def relu(x: Any) -> Any:  # called like one of Keras'
            return keras.ops.relu(x) * by

        return sequential(layers.Dense(8, activation=relu))

    outputs = [
        Run(made(lambda by=by: scaled(by)), DATA, epochs=1, metric="mae", seed=0).predict(DATA.x) for by in (1.0, 3.0)
    ]
    assert not np.allclose(*outputs)


@pytest.mark.thorough
def test_each_fold_of_a_model_with_custom_layers_is_compiled_once() -> None:
    programs.clear()
    runs = [Run(made(Own, seed), DATA, epochs=2, metric="mae", seed=0) for seed in range(5)]
    for _ in range(2):
        for run in runs:
            run.epoch()
    assert len(programs) == 5
    del runs, run
    Run(made(sequential), DATA, epochs=1, metric="mae", seed=0)
    assert len(programs) == 4
