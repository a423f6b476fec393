from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.analysis.methods import significance
from hpo.analysis.methods.significance import sign_flip, signed_rank

# Darwin's Zea mays, height of crossed minus self-fertilized plants in eighths of an inch, as Fisher (1935), The Design
# of Experiments, section 21, has them: of 32,768 sign patterns 1,726 reach the observed sum on either side.
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]) / 8

WHOLE = st.lists(st.integers(-9, 9), min_size=1, max_size=9)


def listed(gains: np.ndarray) -> float:
    """The definition: every pattern written down. For whole gains, whose sums are exact."""
    sums = [abs(np.dot(signs, gains)) for signs in product((-1, 1), repeat=len(gains))]
    return float(np.mean(np.array(sums) >= abs(gains.sum())))


def test_the_sign_flip_test_reproduces_fishers_example() -> None:
    assert sign_flip(DARWIN) == 1726 / 32_768


def test_wilcoxons_test_of_fishers_example_equals_rs() -> None:
    """R: wilcox.test(ZeaMays$cross, ZeaMays$self, paired = TRUE) gives V = 96, p-value = 0.04126."""
    assert signed_rank(DARWIN) == pytest.approx(0.04126, abs=5e-6)


@given(WHOLE)
def test_the_sign_flip_p_value_counts_all_patterns(whole: list[int]) -> None:
    gains = np.array(whole, dtype=float)
    assert sign_flip(gains) == pytest.approx(listed(gains), abs=1e-12)


@given(WHOLE, st.floats(1e-9, 1e9))
def test_the_sign_flip_test_ignores_unit_side_and_order(whole: list[int], unit: float) -> None:
    gains = np.array(whole, dtype=float)
    p = sign_flip(gains)
    assert sign_flip(gains * unit) == p
    assert sign_flip(-gains) == p
    assert sign_flip(np.sort(gains)) == p


def test_sums_that_differ_in_their_last_bits_alone_are_the_same_sum() -> None:
    """0.1 + 0.2 is not 0.3 in floating point; in tenths all is exact, and p must be that of the tenths."""
    tenths = np.array([1.0, 2, -3, 3, 1, 1, -2])
    assert sign_flip(tenths / 10) == listed(tenths)


def test_the_sign_flip_test_equals_scipys_permutation_test(rng: np.random.Generator) -> None:
    for pairs in (6, 11):
        gains = rng.normal(0.5, 1, pairs)
        found = stats.permutation_test(
            (gains,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
        ).pvalue
        assert sign_flip(gains) == pytest.approx(found, abs=1e-12)


def test_the_signed_ranks_are_scipys(rng: np.random.Generator) -> None:
    for pairs in (7, 20):
        gains = rng.normal(0.3, 1, pairs)
        assert signed_rank(gains) == pytest.approx(stats.wilcoxon(gains, method="exact").pvalue, abs=1e-12)


def test_forty_pairs_are_counted_and_more_are_drawn_and_both_agree_with_the_t_test(rng: np.random.Generator) -> None:
    gains = rng.normal(0.3, 1, significance.EXACT_PAIRS + 20)
    for pairs, within in ((significance.EXACT_PAIRS, 0.01), (gains.size, 0.01)):
        expected = stats.ttest_1samp(gains[:pairs], 0).pvalue
        assert sign_flip(gains[:pairs]) == pytest.approx(expected, abs=within)


def test_drawn_patterns_repeat_with_the_seed_and_p_is_never_0(rng: np.random.Generator) -> None:
    gains = rng.normal(0.3, 1, 60)
    assert sign_flip(gains, seed=1) == sign_flip(gains, seed=1)
    assert sign_flip(gains, seed=1) != sign_flip(gains, seed=2)
    assert sign_flip(np.ones(60)) == 1e-5  # the observed pattern alone, of 100,000


@pytest.mark.parametrize("pairs", [1, 5, 6, 40])
def test_the_smallest_p_is_that_of_all_pairs_won(pairs: int) -> None:
    assert sign_flip(np.full(pairs, 0.3)) == 2.0 ** (1 - pairs)


def test_no_gain_at_all_decides_nothing() -> None:
    assert sign_flip(np.zeros(8)) == 1
    assert signed_rank(np.zeros(8)) is None


def test_gains_that_cancel_decide_nothing() -> None:
    assert sign_flip(np.array([0.1, 0.2, -0.3, 0.7, -0.7])) == 1
