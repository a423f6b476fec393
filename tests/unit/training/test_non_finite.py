"""Whether all is finite is seen in losses, weights and outputs: none of them alone tells."""

from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import Diverged
from hpo.training import Recipe, Run, build, fit

L = keras.layers
random = np.random.default_rng(0)
X = random.normal(size=(64, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def run(*layers: Any, x: Any = X, y: Any = Y, validation: Any = None, **given: Any) -> Run:
    def made(_: None) -> Recipe:
        model = keras.Sequential([keras.Input((4,)), *(layer() for layer in layers)])
        return Recipe(
            **{
                "model": model,
                "optimizer": keras.optimizers.SGD(0.1),
                "loss": "sparse_categorical_crossentropy",
                **given,
            }
        )

    watched = None if validation is None else Rows(x=validation, y=Y)
    return Run(build(made, None, 1), Rows(x=x, y=y), watched, epochs=2, metric="accuracy", seed=0)


def relu() -> L.Layer:
    return L.Dense(8, "relu")


def rectified(z: Any) -> Any:
    return keras.ops.where(z > 0, z, 0.0)


def softmax() -> L.Layer:
    return L.Dense(2, "softmax")


def test_weights_that_are_no_numbers_end_a_run_whose_loss_is_finite() -> None:
    """On some processors relu makes 0 of NaN: a missing cell spoils the statistics, and the weights, not the loss."""
    x = X.copy()
    x[5, 2] = np.nan
    with pytest.raises(Diverged, match="diverged: the weights were not finite after epoch 1"):
        run(L.Normalization, lambda: L.Dense(8), lambda: L.Lambda(rectified), softmax, x=x).epoch()


def test_moving_statistics_count_as_weights() -> None:
    x = X.copy()
    x[5, 2] = 3e38
    with pytest.raises(Diverged, match="not finite"):
        run(L.BatchNormalization, relu, softmax, x=x).epoch()


def test_outputs_that_are_no_numbers_end_a_run_whose_score_is_finite() -> None:
    """The largest of NaN is the first class, which is right for some of the rows."""
    x = X.copy()
    x[5] = 1e30
    one = run(lambda: L.Dense(8), lambda: L.Dense(2), lambda: L.Lambda(lambda z: z * z / (1 + z * z)), validation=x)
    with pytest.raises(Diverged, match="diverged: the outputs were not finite after epoch 1"):
        one.epoch()


def test_outputs_on_rows_evaluated_later_are_checked() -> None:
    one = run(lambda: L.Dense(8), lambda: L.Dense(2), lambda: L.Lambda(lambda z: z * z / (1 + z * z)))
    one.epoch()
    x = X.copy()
    x[5] = 1e30
    assert 0 <= one.evaluate(Rows(x=X, y=Y)) <= 1
    with pytest.raises(Diverged, match="the outputs were not finite"):
        one.evaluate(Rows(x=x, y=Y))


@pytest.mark.thorough
def test_xla_detects_the_same_divergence() -> None:
    x = X.copy()
    x[5, 2] = np.nan

    def made(_: None) -> Recipe:
        model = keras.Sequential([keras.Input((4,)), relu(), softmax()])
        return Recipe(model=model, optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")

    with pytest.raises(Diverged):
        fit(build(made, None, 1), Rows(x=x, y=Y), epochs=1, metric="accuracy", seed=0, jit=True)
