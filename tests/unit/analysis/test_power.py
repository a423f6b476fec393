import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.analysis import DECIDING_PAIRS
from hpo.analysis.methods.power import HOPELESS, POWER, deciding_pairs, more_pairs, power, power_equivalence


@pytest.mark.parametrize(
    ("effect", "pairs", "expected"),
    [(0.5, 34, 0.8077775), (0.8, 15, 0.8213105), (0.2, 199, 0.8016904)],
)
def test_power_is_what_g_power_gives(effect: float, pairs: int, expected: float) -> None:
    """G*Power 3.1, difference between two dependent means, two tails, alpha 0.05: the sizes for a power of 0.8."""
    assert power(effect, pairs) == pytest.approx(expected, abs=5e-6)


def test_power_is_what_r_s_pwr_gives() -> None:
    """pwr.t.test(d = 0.2, n = 60, sig.level = 0.10, type = "one.sample") gives 0.4555818, both sides together."""
    critical, shift = stats.t.isf(0.05, 59), 0.2 * math.sqrt(60)
    other_side = stats.nct.cdf(-critical, 59, shift)
    assert power(0.2, 60, alpha=0.1) + other_side == pytest.approx(0.4555818, abs=5e-7)


def test_the_power_for_one_standard_deviation_over_twelve_pairs_is_88_percent() -> None:
    assert power(1.0, 12) == pytest.approx(0.8828915, abs=1e-6)


def test_power_is_exact_for_certain_and_impossible_differences() -> None:
    assert power(1e12, 12) == 1
    assert power(0.0, 12) == pytest.approx(0.025)
    assert power_equivalence(1.0, 0.5, 12) == 0
    assert power_equivalence(0.0, 1e12, 12) == 1


def test_resampled_test_rows_limit_the_power_of_any_number_of_pairs() -> None:
    assert power(1.0, 12, test_share=0.25) < power(1.0, 12)
    assert power(1.0, 10_000, test_share=0.25) < 0.55  # the interval never gets narrower than sd / 2


@given(st.floats(0.05, 3), st.integers(3, 300), st.floats(1e-4, 0.2))
def test_power_grows_with_pairs_effect_and_alpha(effect: float, pairs: int, alpha: float) -> None:
    here = power(effect, pairs, alpha=alpha)
    assert 0 <= here <= 1
    for more in (
        power(effect, pairs + 1, alpha=alpha),
        power(effect * 1.1, pairs, alpha=alpha),
        power(effect, pairs, alpha=1.1 * alpha),
    ):
        assert more >= here - 1e-9


def test_equivalence_is_found_as_often_as_its_power_says(rng: np.random.Generator) -> None:
    pairs, margin = 20, 0.9
    gains = rng.normal(0.2, 1, size=(4_000, pairs))
    error = gains.std(axis=1, ddof=1) / math.sqrt(pairs)
    inside = np.abs(gains.mean(axis=1)) + 1.729 * error < margin  # 1.729: t(19) at 0.05
    assert power_equivalence(0.2, margin, pairs) == pytest.approx(inside.mean(), abs=0.02)


@given(st.floats(0.1, 2), st.integers(2, 60), st.sampled_from([0.0375, 0.009375, 0.05]))
def test_more_pairs_is_the_smallest_number_with_the_wanted_power(effect: float, pairs: int, alpha: float) -> None:
    more = more_pairs(effect, 1.0, pairs, alpha=alpha, margin=0.0)
    assert more is not None
    total, least = pairs + more, deciding_pairs(alpha)
    assert total >= least
    assert power(effect, total, alpha=alpha) >= POWER
    if more > 1 and total > least:
        assert power(effect, total - 1, alpha=alpha) < POWER


def test_equivalence_may_be_the_nearer_decision() -> None:
    """A hundredth of a standard deviation would take 100,000 pairs to find, and far fewer to be called too small."""
    more = more_pairs(0.01, 1.0, 12, alpha=0.05, margin=0.5)
    assert more is not None
    assert power_equivalence(0.01, 0.5, 12 + more) >= POWER > power_equivalence(0.01, 0.5, 11 + more)
    assert more_pairs(0.01, 1.0, 12, alpha=0.05, margin=0.0) is None


@pytest.mark.parametrize("pairs", [2, 3, 5])
def test_equivalence_however_plain_waits_for_the_first_number_of_pairs_that_can_decide(pairs: int) -> None:
    assert power_equivalence(0.01, 100.0, 3) >= POWER
    assert more_pairs(0.01, 1.0, pairs, alpha=0.05, margin=100.0) == DECIDING_PAIRS - pairs


def test_no_number_of_pairs_is_given_when_none_would_decide() -> None:
    assert more_pairs(0.0, 1.0, 12, alpha=0.05, margin=0.0) is None
    assert more_pairs(0.02, 1.0, 12, alpha=0.05, margin=0.0) is None  # 19,600 pairs
    assert more_pairs(0.5, 1.0, 12, alpha=0.05, margin=0.0, test_share=0.25) is None
    assert HOPELESS == 10_000


def test_identical_gains_wait_for_the_least_number_of_pairs() -> None:
    assert more_pairs(0.1, 0.0, 3, alpha=0.0375, margin=0.01) == 3
    assert more_pairs(0.1, 0.0, 6, alpha=0.009375, margin=0.01) == 2  # 2/2^8 = 0.0078
    assert more_pairs(0.0, 0.0, 3, alpha=0.0375, margin=0.01) == 3
    assert more_pairs(0.0, 0.0, 8, alpha=0.0375, margin=0.0) is None
