"""Alpha dropout is Keras' own, with its rate in a variable."""

from typing import Any

import keras
import numpy as np
import pytest

from hpo.training import AlphaDropout, Recipe
from hpo.training.signature import signature

LIMIT = -1.0507009873554805 * 1.6732632423543772


def normal(rows: int, units: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, units)).astype(np.float32)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
def test_alpha_dropout_equals_keras_for_the_same_seed(rate: float) -> None:
    x = normal(50, 40)
    ours, theirs = AlphaDropout(rate, seed=4), keras.layers.AlphaDropout(rate, seed=4)
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_mean_and_variance_are_kept(rate: float) -> None:
    y = np.asarray(AlphaDropout(rate, seed=1)(normal(2000, 200), training=True), dtype=np.float64)
    assert y.mean() == pytest.approx(0, abs=5 / np.sqrt(y.size))
    assert y.var() == pytest.approx(1, abs=0.01)


def test_a_dropped_unit_stands_at_selus_limit_before_the_rescaling() -> None:
    rate = 0.4
    a = ((1 - rate) * (1 + rate * LIMIT**2)) ** -0.5
    y = np.asarray(AlphaDropout(rate, seed=1)(np.full((300, 300), 9.0, dtype=np.float32), training=True))
    dropped, kept = np.unique(np.round(y, 4))
    assert dropped == pytest.approx(a * LIMIT - a * LIMIT * rate, abs=1e-3)
    assert kept == pytest.approx(a * 9 - a * LIMIT * rate, abs=1e-3)
    assert np.mean(y < 0) == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / y.size))


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.4, False)])
def test_prediction_and_a_rate_of_zero_change_nothing(rate: float, training: bool) -> None:
    x = normal(3, 4)
    np.testing.assert_array_equal(AlphaDropout(rate)(x, training=training), x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"is not in \[0, 1\)"):
        AlphaDropout(rate)


def test_rates_share_a_program() -> None:
    def key(rate: float) -> str:
        model = keras.Sequential([keras.Input((6,)), AlphaDropout(rate), keras.layers.Dense(1)])
        recipe = Recipe(model=model, optimizer=keras.optimizers.SGD(), loss="mse")
        return signature(recipe, shapes=[], metric="mae", jit=False)

    assert key(0.1) == key(0.4) != key(0.0)


def test_a_saved_model_keeps_its_rate(tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), AlphaDropout(0.3, seed=2)])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[0].get_config()["rate"] == 0.3
    x = normal(20, 4)
    np.testing.assert_array_equal(again(x, training=True), model(x, training=True))
