"""Likelihoods and calibration errors against hand-worked cases and SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from hpo.errors import UsageError
from hpo.training.after.calibration import calibration_error, gaussian_calibration_error, gaussian_nll, nll


def test_the_negative_log_likelihood_is_of_the_true_class() -> None:
    p = [[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]
    wanted = -(math.log(0.7) + math.log(0.25)) / 2
    assert nll(p, [0, 1]) == pytest.approx(wanted)
    assert nll(p, [[1, 0, 0], [0, 1, 0]]) == pytest.approx(wanted)


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_one_column_is_the_probability_of_class_1(shape: tuple[int, ...]) -> None:
    p = np.reshape([0.9, 0.4], shape)
    assert nll(p, [1, 0]) == pytest.approx(-(math.log(0.9) + math.log(0.6)) / 2)
    assert calibration_error(p, np.reshape([1, 0], shape), bins=1) == pytest.approx(1 - (0.9 + 0.6) / 2)


def test_a_certain_mistake_is_costly_and_finite() -> None:
    assert 20 < nll([[1.0, 0.0]], [1]) < 40


def test_the_calibration_error_equals_one_by_hand() -> None:
    # Two bins: (0, 0.5] holds one row, held at 0.5 and right; (0.5, 1] three, held at 0.8, 0.9, 1.0, two of them right.
    p = [[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]]
    wanted = 1 / 4 * 0.5 + 3 / 4 * abs(2 / 3 - 0.9)
    assert calibration_error(p, [0, 0, 1, 0], bins=2) == pytest.approx(wanted)


def test_over_and_under_confidence_of_different_bins_do_not_cancel() -> None:
    p = np.array([[0.6, 0.4]] * 10 + [[0.9, 0.1]] * 10)
    labels = [0] * 10 + [0] * 5 + [1] * 5  # all of the unsure are right, half of the sure
    assert calibration_error(p, labels) == pytest.approx((0.4 + 0.4) / 2)


def test_honest_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(0)
    p = random.dirichlet([1, 1, 1], size=40_000)
    labels = (random.random(40_000)[:, None] > p.cumsum(axis=1)).sum(axis=1)
    assert calibration_error(p, labels) < 0.02
    sharper = p**2 / (p**2).sum(axis=1, keepdims=True)
    assert calibration_error(sharper, labels) > 0.08


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(2, 5)), elements=st.floats(0.01, 1)),
    st.integers(1, 20),
)
def test_the_calibration_error_is_within_bounds_and_ignores_row_order(weights: np.ndarray, bins: int) -> None:
    p = weights / weights.sum(axis=1, keepdims=True)
    labels = np.arange(len(p)) % p.shape[1]
    error = calibration_error(p, labels, bins=bins)
    assert 0 <= error <= 1
    turned = np.arange(len(p))[::-1]
    assert calibration_error(p[turned], labels[turned], bins=bins) == pytest.approx(error)
    gap = abs(np.mean(p.argmax(axis=1) == labels) - p.max(axis=1).mean())
    assert error >= gap - 1e-9  # with one bin it is this; more bins only part what would cancel


def test_the_gaussian_likelihood_equals_scipys() -> None:
    mean, std, y = np.array([1.0, 5.0, -2.0]), np.array([0.5, 2.0, 1.0]), np.array([1.2, 2.0, -2.5])
    assert gaussian_nll(mean, std, y) == pytest.approx(-stats.norm.logpdf(y, mean, std).mean())
    wider = np.sqrt(std**2 + 0.7**2)
    assert gaussian_nll(mean[:, None], std[:, None], y, noise=0.7) == pytest.approx(
        -stats.norm.logpdf(y, mean, wider).mean()
    )


def test_calibration_of_a_regressor_compares_its_quantiles() -> None:
    random = np.random.default_rng(1)
    mean, std = random.normal(size=20_000), random.uniform(0.5, 2, 20_000)
    y = random.normal(mean, std)
    assert gaussian_calibration_error(mean, std, y) < 0.01
    assert gaussian_calibration_error(mean, std / 10, y) > 0.15
    # All targets far above: every quantile is short of all of them, and the levels themselves are the gaps.
    assert gaussian_calibration_error(mean, std, y + 100) == pytest.approx(0.5)


def test_empty_or_unequal_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="1 predictions for 2 targets"):
        nll([[0.5, 0.5]], [0, 1])
    with pytest.raises(UsageError, match="0 predictions for 0 targets"):
        gaussian_nll([], [], [])
    with pytest.raises(UsageError, match="0 bins: give at least 1"):
        calibration_error([[0.5, 0.5]], [0], bins=0)
    with pytest.raises(UsageError, match="0 bins: give at least 1"):
        gaussian_calibration_error([0.0], [1.0], [0.0], bins=0)
