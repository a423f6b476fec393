"""Where batch normalization stands, what it computes, and that the engine trains it as Keras does."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.training import Recipe, Run, activation, hidden
from hpo.training.loop import shuffled

layers = keras.layers


def kinds(normalization: str, **dense: Any) -> list[str]:
    return [type(layer).__name__ for layer in hidden(3, activation("relu"), normalization=normalization, **dense)]


def test_normalization_stands_before_or_after_the_activation() -> None:
    assert kinds("none") == ["Dense", "Activation"]
    assert kinds("before") == ["Dense", "BatchNormalization", "Activation"]
    assert kinds("after") == ["Dense", "Activation", "BatchNormalization"]


@pytest.mark.parametrize(("normalization", "bias"), [("none", True), ("before", False), ("after", True)])
def test_there_is_no_bias_right_before_batch_normalization(normalization: str, bias: bool) -> None:
    assert hidden(3, activation("relu"), normalization=normalization)[0].use_bias is bias


def test_an_unknown_normalization_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no normalization 'around': take one of none, before, after"):
        hidden(3, activation("relu"), normalization="around")


def test_the_initializer_and_the_name_reach_the_kernel() -> None:
    (kernel, _) = hidden(3, activation("relu"), initializer="zeros", name="first")
    kernel(np.ones((1, 4), dtype=np.float32))
    assert kernel.name == "first"
    assert not kernel.kernel.numpy().any()


def test_training_normalizes_by_the_batch_and_prediction_by_moving_averages() -> None:
    x = np.random.default_rng(0).normal(3, 2, (64, 5)).astype(np.float32)
    model = keras.Sequential([keras.Input((5,)), *hidden(4, activation("tanh"), normalization="before")])
    z = x.astype(np.float64) @ model.layers[0].kernel.numpy()
    epsilon, momentum = 1e-3, 0.99
    in_training = model(x, training=True).numpy()
    np.testing.assert_allclose(in_training, np.tanh((z - z.mean(0)) / np.sqrt(z.var(0) + epsilon)), atol=1e-4)
    mean, variance = (1 - momentum) * z.mean(0), momentum + (1 - momentum) * z.var(0)
    np.testing.assert_allclose(model(x).numpy(), np.tanh((z - mean) / np.sqrt(variance + epsilon)), atol=1e-4)


@pytest.mark.parametrize("normalization", ["before", "after"])
def test_the_compiled_loop_trains_batch_normalization_as_keras_does(normalization: str) -> None:
    random = np.random.default_rng(1)
    rows = Rows(x=random.normal(size=(36, 6)).astype(np.float32), y=random.normal(size=36).astype(np.float32))

    def made() -> Recipe:
        keras.utils.set_random_seed(4)
        model = keras.Sequential(
            [
                keras.Input((6,)),
                layers.BatchNormalization(),  # of the input
                *hidden(8, activation("elu", alpha=1.5), normalization=normalization),
                layers.Dense(1),
            ]
        )
        return Recipe(model=model, optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="mse", batch_size=8)

    run = Run(made(), rows, epochs=2, metric="mae", seed=5)
    theirs = made()
    theirs.model.compile(optimizer=theirs.optimizer, loss=theirs.loss, run_eagerly=True)
    for epoch in (1, 2):
        run.epoch()
        order = shuffled(36, 36, tf.constant([5, epoch])).numpy()
        for start in range(0, 36, 8):
            index = order[start : start + 8]
            theirs.model.train_on_batch(rows.x[index], rows.y[index])
    for ours, wanted in zip(run.model().get_weights(), theirs.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=2e-4, atol=2e-5)
