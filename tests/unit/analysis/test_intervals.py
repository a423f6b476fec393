import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.analysis.methods.intervals import bca, critical_t, skewness_corrected, standard_error, student, tail_t, wilson


def test_the_t_interval_reproduces_students_example() -> None:
    """Student (1908), The Probable Error of a Mean: hours of sleep gained by ten patients, as R's sleep data has them.

    R: with(sleep, t.test(extra[group == 1], extra[group == 2], paired = TRUE)) gives -2.4598858 to -0.7001142.
    """
    first = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    second = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    gains = first - second
    error = standard_error(float(gains.std(ddof=1)), 10)
    assert student(float(gains.mean()), error, 10) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)


def test_the_variance_of_nadeau_and_bengio() -> None:
    """Ten draws of 90 train and 10 test rows: (1/10 + 1/9) of the variance instead of 1/10."""
    assert standard_error(3.0, 10, 10 / 90) == pytest.approx(3 * math.sqrt(0.1 + 1 / 9))
    assert standard_error(3.0, 10) == pytest.approx(3 * math.sqrt(0.1))


@given(st.integers(1, 5_000), st.floats(1e-6, 0.5))
def test_the_t_distribution_is_scipys(freedom: int, tail: float) -> None:
    critical = critical_t(tail, freedom)
    assert critical == pytest.approx(stats.t.isf(tail, freedom), rel=1e-9, abs=1e-9)
    assert tail_t(critical, freedom) == pytest.approx(tail, rel=1e-6)


@given(st.integers(1, 200), st.data())
def test_wilsons_interval_is_scipys(trials: int, data: st.DataObject) -> None:
    won = data.draw(st.integers(0, trials))
    found = stats.binomtest(won, trials).proportion_ci(method="wilson")
    assert wilson(won / trials, trials) == pytest.approx((found.low, found.high), abs=1e-12)


def test_the_wilson_interval_of_half_a_win_lies_between_its_neighbours() -> None:
    low, high = wilson(7.5 / 12, 12)
    assert wilson(7 / 12, 12)[0] < low < wilson(8 / 12, 12)[0]
    assert wilson(7 / 12, 12)[1] < high < wilson(8 / 12, 12)[1]


def test_the_bootstrap_repeats_with_its_seed_and_leans_with_the_skewness(rng: np.random.Generator) -> None:
    values = rng.exponential(size=40)
    low, high = bca(values, seed=3)
    assert bca(values, seed=3) == (low, high)
    assert bca(values, seed=4) != (low, high)
    mean = values.mean()
    assert high - mean > 1.1 * (mean - low) > 0  # the long tail is above, so that the mean may be further up
    plain = student(float(mean), standard_error(float(values.std(ddof=1)), 40), 40)
    assert (low, high) == pytest.approx(plain, abs=0.25 * (plain[1] - plain[0]))


def test_symmetric_gains_need_no_correction_for_skewness() -> None:
    values = np.array([-2.0, -1, 0, 1, 2]) + 1.5
    assert skewness_corrected(values) == pytest.approx(stats.ttest_1samp(values, 0).statistic)


def test_rare_large_losses_lower_and_rare_gains_raise_the_corrected_statistic() -> None:
    losing = np.array([1.0, 1.1, 0.9, 1.2, 1.0, 0.8, 1.1, -1.5])
    t = stats.ttest_1samp(losing, 0).statistic
    assert skewness_corrected(losing) < t
    winning = 2 * losing.mean() - losing  # the mirror about its mean: the same t, the skewness turned
    assert skewness_corrected(winning) > t


def test_halls_correction_makes_the_test_of_a_skewed_mean_more_nearly_right(rng: np.random.Generator) -> None:
    """Exponential losses with mean gain 0: 20 pairs, 4,000 times; 2.5 % is nominal on this side."""
    gains = 1 - rng.exponential(size=(4_000, 20))
    critical = critical_t(0.025, 19)
    plain = np.mean(stats.ttest_1samp(gains, 0, axis=1).statistic > critical)
    corrected = np.mean([skewness_corrected(row) > critical for row in gains])
    assert plain > 0.055
    assert corrected < 0.045
