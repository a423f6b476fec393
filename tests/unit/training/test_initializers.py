"""Each initializer draws with the mean, the variance and the bounds of its formula."""

import math

import keras
import numpy as np
import pytest

from hpo.errors import DefinitionError
from hpo.training import INITIALIZERS, initializer

FAN_IN, FAN_OUT = 500, 300
FAN_AVG = (FAN_IN + FAN_OUT) / 2

VARIANCE = {
    "glorot_normal": 1 / FAN_AVG,
    "glorot_uniform": 1 / FAN_AVG,
    "he_normal": 2 / FAN_IN,
    "he_uniform": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
    "variance_scaling": 2 / FAN_AVG,
    "naive": 1.0,
}
UNIFORM = ("glorot_uniform", "he_uniform", "lecun_uniform", "variance_scaling")


def drawn(name: str, seed: int | None = 3) -> np.ndarray:
    return np.asarray(initializer(name, seed)((FAN_IN, FAN_OUT)), dtype=np.float64)


def test_every_initializer_has_a_formula_in_this_test() -> None:
    assert set(INITIALIZERS) == set(VARIANCE)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_draw_with_the_mean_and_variance_of_their_formula(name: str) -> None:
    values, variance = drawn(name), VARIANCE[name]
    # 150,000 draws: the mean's standard error is sigma / 387, that of the variance at most sigma² / 273.
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)
    assert abs(values.var() / variance - 1) < 5 / 273


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_draw_from_the_distribution_of_their_formula(name: str) -> None:
    values, sigma = drawn(name), math.sqrt(VARIANCE[name])
    furthest = np.abs(values).max() / sigma
    kurtosis = np.mean((values / sigma) ** 4)
    if name in UNIFORM:
        assert furthest <= math.sqrt(3) * (1 + 1e-6)
        assert kurtosis == pytest.approx(9 / 5, abs=0.02)
    elif name == "naive":
        assert furthest > 4
        assert kurtosis == pytest.approx(3, abs=0.06)
    else:  # cut at two deviations of the normal it is drawn from
        assert furthest == pytest.approx(2 / 0.8796, rel=0.01)
        assert kurtosis == pytest.approx(2.37, abs=0.03)


def test_equal_seeds_give_equal_draws_and_no_seed_gives_new_ones() -> None:
    assert np.array_equal(drawn("he_normal", 7), drawn("he_normal", 7))
    assert not np.array_equal(drawn("he_normal", 7), drawn("he_normal", 8))
    keras.utils.set_random_seed(5)
    first, second = drawn("he_normal", None), drawn("he_normal", None)
    keras.utils.set_random_seed(5)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, drawn("he_normal", None))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"no initializer 'xavier': take one of glorot_normal, "):
        initializer("xavier")
