"""Each activation against its formula; slopes and limits live in variables."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.training import ACTIVATIONS, Recipe, Run, activation
from hpo.training.signature import signature
from hpo.training.variable_layers import ELU, LeakyReLU

Z = np.concatenate([np.linspace(-6, 6, 241), [-40.0, 40.0]]).astype(np.float32)[None]
SLOPE, ALPHA = 0.2, 1.7
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

FORMULA: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(0, z),
    "leaky_relu": lambda z: np.maximum(SLOPE * z, z),
    "prelu": lambda z: np.maximum(0.25 * z, z),
    "elu": lambda z: np.where(z < 0, ALPHA * np.expm1(np.minimum(z, 0)), z),
    "selu": lambda z: SELU_SCALE * np.where(z < 0, SELU_ALPHA * np.expm1(np.minimum(z, 0)), z),
}


def applied(name: str, z: Any, **numbers: float) -> Any:
    for layer in activation(name, **numbers):
        z = layer(z)
    return z


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_follow_the_formula(name: str) -> None:
    z = tf.constant(Z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        values = applied(name, z, slope=SLOPE, alpha=ALPHA)
    slopes = tape.gradient(values, z).numpy()
    exact = Z.astype(np.float64)
    step = 1e-6
    wanted = (FORMULA[name](exact + step) - FORMULA[name](exact - step)) / (2 * step)
    np.testing.assert_allclose(values.numpy(), FORMULA[name](exact), rtol=1e-5, atol=1e-6)
    smooth = np.abs(Z) > 1e-3  # at the corner either side's slope is right
    np.testing.assert_allclose(slopes[smooth], wanted[smooth], rtol=1e-3, atol=1e-5)


def test_default_slope_and_alpha() -> None:
    np.testing.assert_allclose(applied("leaky_relu", Z), np.maximum(0.01 * Z, Z), rtol=1e-6)
    np.testing.assert_allclose(applied("elu", Z), keras.ops.elu(Z), rtol=1e-6)


def test_prelu_learns_a_slope_for_each_unit() -> None:
    (layer,) = activation("prelu")
    layer(np.zeros((1, 5), dtype=np.float32))
    assert [v.shape for v in layer.trainable_variables] == [(5,)]


@pytest.mark.parametrize(
    ("name", "numbers", "message"),
    [
        ("swich", {}, "no activation 'swich': take one of sigmoid"),
        ("leaky_relu", {"slope": 1.5}, r"slope 1.5 is not in \[0, 1\]"),
        ("leaky_relu", {"slope": -0.1}, r"slope -0.1 is not in \[0, 1\]"),
        ("elu", {"alpha": 0.0}, r"alpha 0.0 is not above 0"),
    ],
)
def test_unknown_names_and_bad_numbers_are_refused(name: str, numbers: dict[str, float], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        activation(name, **numbers)


def recipe(middle: keras.layers.Layer) -> Recipe:
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), middle, keras.layers.Dense(1)])
    return Recipe(model=model, optimizer=keras.optimizers.SGD(0.05), loss="mse", batch_size=40)


def key(middle: keras.layers.Layer) -> str:
    return signature(recipe(middle), shapes=[], metric="mae", jit=False)


def test_a_search_over_slopes_and_limits_has_one_program() -> None:
    assert key(LeakyReLU(0.01)) == key(LeakyReLU(0.3))
    assert key(ELU(0.5)) == key(ELU(2.0))
    assert key(ELU(1.0)) != key(ELU(2.0))  # 1 is compiled as the plain kernel
    assert key(ELU(1.0)) != key(LeakyReLU(0.3))


@pytest.mark.parametrize(
    ("first", "second", "reference"),
    [
        (LeakyReLU(0.01), LeakyReLU(0.3), keras.layers.LeakyReLU(0.3)),
        (ELU(0.5), ELU(2.0), keras.layers.ELU(2.0)),
    ],
)
def test_a_run_in_anothers_program_trains_with_its_own_number(first: Any, second: Any, reference: Any) -> None:
    random = np.random.default_rng(0)
    rows = Rows(x=random.normal(size=(40, 6)).astype(np.float32), y=random.normal(size=40).astype(np.float32))
    runs = [Run(recipe(layer), rows, epochs=1, metric="mae", seed=1) for layer in (first, second)]
    for run in runs:
        run.epoch()
    by_keras = recipe(reference)
    by_keras.model.compile(optimizer=by_keras.optimizer, loss="mse", run_eagerly=True)
    by_keras.model.train_on_batch(rows.x, rows.y)
    trained = [v.numpy() for v in runs[1].model().trainable_variables]
    for ours, theirs in zip(trained, by_keras.model.trainable_variables, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layer", [LeakyReLU(0.3), ELU(2.0)])
def test_a_saved_model_keeps_its_number(layer: keras.layers.Layer, tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = np.array([[-1.0, 0.5, -2.0]], dtype=np.float32)
    np.testing.assert_array_equal(again(x), model(x))
    assert not np.array_equal(again(x), x)
