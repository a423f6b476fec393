import json
import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.analysis import Comparison, compare, interim_alpha
from hpo.errors import UsageError

DARWIN_CROSSED = np.array([188, 96, 168, 176, 153, 172, 177, 163, 146, 173, 186, 168, 177, 184, 96]) / 8
DARWIN_SELFED = np.array([139, 163, 160, 160, 147, 149, 149, 122, 132, 144, 130, 144, 102, 124, 144]) / 8

# Gain in ROC AUC, in 25ths, of the RBF over the linear kernel -> folds with that gain, of the 10 times 10 folds of
# scikit-learn's example "Statistical comparison of models using grid search".
SCIKIT_LEARN_GAINS = {-3: 1, -2: 2, -1: 10, 0: 53, 1: 29, 2: 4, 5: 1}

SCORES = st.lists(st.integers(-1_000, 1_000).map(lambda whole: whole / 100), min_size=1, max_size=12)


def shifted(rng: np.random.Generator, pairs: int, by: float, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Paired scores that share what makes a seed easy or hard; a is better by `by`."""
    shared = rng.normal(90, 5, pairs)
    return shared + rng.normal(by, noise, pairs), shared


def test_darwins_plants_are_compared_as_by_fisher_and_r() -> None:
    """R: t.test(cross, self, paired = TRUE) of ZeaMays gives t = 2.148, p = 0.0497, 0.0039 to 5.2294, mean 2.6167.

    The sign-flip p is 1726/32768 = 0.0527: the interval alone would say better, both together do not.
    """
    found = compare(DARWIN_CROSSED, DARWIN_SELFED)
    assert found.difference == pytest.approx(2.616667, abs=1e-6)
    assert found.ci95 == pytest.approx((0.003899165, 5.229434169), abs=1e-8)
    assert found.p_value == 1726 / 32_768
    assert found.p_wilcoxon == pytest.approx(0.04126, abs=5e-6)
    assert (found.p_superior, found.meaningful) == (pytest.approx(13 / 15), True)
    assert found.verdict == "undecided"


def test_the_corrected_resampled_t_test_equals_rs_correctr() -> None:
    """Its vignette, 30 resamples of 80 train and 20 test rows: statistic 2.407318, p.value 0.01132991 (one tail)."""
    draw = r_normal(123)
    x = np.array([0.6 + 0.1 * next(draw) for _ in range(30)])
    y = np.array([0.4 + 0.1 * next(draw) for _ in range(30)])
    found = compare(x, y, test_share=20 / 80)
    assert found.sd is not None
    assert found.difference / (found.sd * math.sqrt(1 / 30 + 20 / 80)) == pytest.approx(2.407318, abs=5e-7)
    assert found.p_value / 2 == pytest.approx(0.01132991, abs=5e-9)


def r_normal(seed: int) -> Iterator[float]:
    """R's set.seed and rnorm: Mersenne Twister after 50 + 625 steps of a congruential generator, then inversion."""
    words = []
    for step in range(50 + 625):
        seed = (69_069 * seed + 1) % 2**32
        if step > 50:
            words.append(seed)
    source = np.random.RandomState()
    source.set_state(("MT19937", np.array(words, dtype=np.uint32), 624))
    big = 134_217_728

    def uniform() -> float:
        return int(source.randint(0, 2**32, dtype=np.uint32)) * 2.3283064365386963e-10

    while True:
        high = int(big * uniform())
        yield stats.norm.ppf((high + uniform()) / big)


def test_the_corrected_resampled_t_test_equals_scikit_learns() -> None:
    """It prints: corrected t-value 0.750, corrected p-value (one tail) 0.227, uncorrected t-value 2.611."""
    gains = np.repeat(list(SCIKIT_LEARN_GAINS), list(SCIKIT_LEARN_GAINS.values())) / 25
    found = compare(gains, np.zeros(100), test_share=10 / 90)
    assert found.sd is not None
    assert found.difference / (found.sd * math.sqrt(1 / 100 + 10 / 90)) == pytest.approx(0.750, abs=5e-4)
    assert found.p_value / 2 == pytest.approx(0.227, abs=5e-4)
    assert found.difference / found.sd * 10 == pytest.approx(2.611, abs=5e-4)


def test_a_clear_gain_is_better_and_its_mirror_worse(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 12, by=2)
    better, worse = compare(a, b), compare(b, a, margin=compare(a, b).margin)
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.difference == pytest.approx(-worse.difference)
    assert better.ci95 == pytest.approx((-worse.ci95[1], -worse.ci95[0]))
    assert better.p_value == worse.p_value
    assert better.p_superior == pytest.approx(1 - worse.p_superior)


def test_the_gain_is_positive_for_the_smaller_score_when_minimizing(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 12, by=2)
    found = compare(b, a, direction="minimize")
    assert found.verdict == "better"
    assert found.difference == pytest.approx(compare(a, b).difference)


def test_equivalence_needs_both_one_sided_tests_inside_the_margin(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 20, by=0, noise=0.3)
    found = compare(a, b, margin=0.5)
    expected = max(
        stats.ttest_1samp(a - b, -0.5, alternative="greater").pvalue,
        stats.ttest_1samp(a - b, 0.5, alternative="less").pvalue,
    )
    assert found.p_equivalent == pytest.approx(expected)
    assert found.verdict == "equivalent"
    assert compare(a, b, margin=0.01).verdict == "undecided"


def test_a_gain_both_better_and_equivalent_is_called_better_and_small(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 20, by=0.3, noise=0.1)
    found = compare(a, b, margin=1.0)
    assert found.verdict == "better"
    assert found.p_equivalent < 0.05
    assert "smaller than the margin" in found.note


def test_the_margin_is_one_percent_of_the_second_mean_unless_stated() -> None:
    assert compare([90.0, 91], [-90.0, -92]).margin == pytest.approx(0.91)
    assert compare([90.0, 91], [-90.0, -92], margin=2).margin == 2


@pytest.mark.parametrize("pairs", [1, 2, 5])
@pytest.mark.parametrize("test_share", [None, 0.25])
def test_fewer_than_six_pairs_never_decide(pairs: int, test_share: float | None) -> None:
    """Neither for one side, however clear, nor for equivalence, however equal; and the note says so."""
    steps = np.arange(pairs) / 1e6
    for a in (steps + 9, steps + 1e-9, steps * 0):
        found = compare(a, np.zeros(pairs), alpha=0.9, margin=10, test_share=test_share)
        assert found.verdict == "undecided"
        assert "can never decide" in found.note


def test_six_pairs_all_won_decide_at_the_first_interim_analysis_and_not_at_the_second() -> None:
    a, b = np.array([1.0, 1.2, 0.9, 1.1, 1.0, 1.3]), np.zeros(6)
    assert compare(a, b, alpha=interim_alpha(1)).verdict == "better"
    second = compare(a, b, alpha=interim_alpha(2))
    assert second.verdict == "undecided"
    assert second.more_pairs == 4  # the third look's level takes ten pairs
    assert "from 8 pairs on" in second.note


def test_the_verdict_needs_the_interval_at_its_own_level(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 12, by=1.0)
    found = compare(a, b, alpha=0.01)
    low, high = found.ci
    assert high - low > found.ci95[1] - found.ci95[0]
    assert found.ci == pytest.approx(stats.t.interval(0.99, 11, loc=found.difference, scale=stats.sem(a - b)))


def test_a_bootstrap_interval_is_added_from_thirty_pairs_unless_resampled(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 30, by=1)
    assert compare(a[:29], b[:29]).bca95 is None
    assert compare(a, b).bca95 is not None
    assert compare(a, b, test_share=0.2).bca95 is None


def test_resampled_rows_widen_the_interval_and_use_the_corrected_t_test(rng: np.random.Generator) -> None:
    a, b = shifted(rng, 12, by=1)
    fixed, anew = compare(a, b), compare(a, b, test_share=0.25)
    width = (anew.ci95[1] - anew.ci95[0]) / (fixed.ci95[1] - fixed.ci95[0])
    assert width == pytest.approx(math.sqrt((1 / 12 + 0.25) / (1 / 12)))
    assert (anew.resampled, anew.p_wilcoxon) == (True, None)
    statistic = anew.difference / (anew.sd * math.sqrt(1 / 12 + 0.25))
    assert anew.p_value == pytest.approx(2 * stats.t.sf(abs(statistic), 11))


def test_ties_count_half() -> None:
    found = compare([1.0, 2, 3, 4], [1.0, 1, 4, 3])
    assert found.p_superior == pytest.approx(2.5 / 4)
    assert found.meaningful is False
    assert compare([1.0, 2, 3, 4], [1.0, 1, 2, 4]).meaningful is True  # exactly 0.75


def test_no_difference_at_all_is_equivalent_and_without_a_margin_undecided() -> None:
    same = compare(np.full(8, 0.9), np.full(8, 0.9))
    assert (same.verdict, same.difference, same.ci95, same.p_value) == ("equivalent", 0, (0, 0), 1)
    assert same.p_wilcoxon is None
    none = compare(np.zeros(8), np.zeros(8))
    assert (none.margin, none.verdict, none.more_pairs) == (0, "undecided", None)


@pytest.mark.parametrize("test_share", [None, 0.25])
@pytest.mark.parametrize("pairs", [6, 30])
def test_identical_gains_have_an_interval_of_zero_width(pairs: int, test_share: float | None) -> None:
    """0.92 - 0.91 and 0.32 - 0.31 differ in the last bits: that is no noise to divide by."""
    b = np.arange(pairs) / pairs
    found = compare(b + 0.01, b, test_share=test_share)
    assert found.verdict == "better"
    assert found.sd == 0
    assert found.ci95 == pytest.approx((0.01, 0.01))
    assert found.p_value == 2.0 ** (1 - pairs)


def test_rounding_makes_no_winner() -> None:
    a, b = np.full(8, 0.1) + np.full(8, 0.2), np.full(8, 0.3)
    assert compare(a, b).p_superior == 0.5


def test_few_large_losses_against_a_verdict_are_reported() -> None:
    a = np.array([1.0, 1.1, 0.9, 1.2, 1.0, 0.8, 1.1, 1.3, 0.9, 1.2, 1.0, -1.7])
    assert "with caution" in compare(a, np.zeros(12)).note
    assert "with caution" in compare(-a, np.zeros(12)).note
    assert "with caution" not in compare(np.abs(a), np.zeros(12)).note


@pytest.mark.filterwarnings("error")
@given(SCORES, st.data())
def test_any_finite_scores_give_a_consistent_comparison(ours: list[float], data: st.DataObject) -> None:
    theirs = data.draw(st.lists(st.sampled_from(ours), min_size=len(ours), max_size=len(ours)))
    alpha = data.draw(st.sampled_from([0.05, interim_alpha(1), interim_alpha(3)]))
    share = data.draw(st.sampled_from([None, 0.25]))
    found = compare(ours, theirs, alpha=alpha, test_share=share)
    assert 0 < found.p_value <= 1 or share is not None
    assert 0 <= found.p_superior_ci95[0] <= found.p_superior <= found.p_superior_ci95[1] <= 1
    assert (found.more_pairs is None) or found.verdict == "undecided"
    if found.ci95 is not None:
        assert found.ci95[0] <= found.difference + 1e-12
        assert found.difference <= found.ci95[1] + 1e-12
    if found.verdict == "better":
        assert found.p_value < alpha
        assert found.ci[0] > 0
    if found.verdict == "worse":
        assert found.p_value < alpha
        assert found.ci[1] < 0
    json.dumps(found.to_json(), allow_nan=False)
    assert Comparison.from_json(json.loads(json.dumps(found.to_json()))) == found


@given(SCORES.filter(lambda scores: len(scores) > 1), st.floats(0.001, 1e6), st.booleans())
def test_neither_the_unit_nor_the_order_of_the_pairs_changes_the_verdict(
    ours: list[float], unit: float, turned: bool
) -> None:
    a, b = np.array(ours), np.array(ours[::-1]) + 0.25
    plain = compare(a, b, margin=0.5)
    order = slice(None, None, -1 if turned else 1)
    other = compare(a[order] * unit, b[order] * unit, margin=0.5 * unit)
    assert (other.verdict, other.more_pairs) == (plain.verdict, plain.more_pairs)
    assert other.difference == pytest.approx(plain.difference * unit, abs=1e-9 * unit)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-300, 1e-90, 1e99])
def test_scores_of_any_size_are_compared_without_a_warning(size: float) -> None:
    found = compare(np.arange(31) * size / 31, np.zeros(31))
    assert found.verdict == ("better" if size > 1e-100 else "undecided")  # what is below 1e-100 is nothing


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([], [], "no pairs"),
        ([1.0, 2], [1.0], "paired"),
        ([[1.0]], [[1.0]], "paired"),
        (1.0, 2.0, "must be numbers, one a pair: a is a float"),
        ([1.0, math.nan], [1.0, 2.0], "a scored nan in pair 1"),
        ([1.0, 2.0], [-math.inf, 2.0], "b scored -inf in pair 0"),
        ([1.0, 2e100], [1.0, 2.0], "at most 1e"),
        (["high"], ["low"], "must be numbers"),
        ([None], [1.0], "a scored nan"),
        ([[1.0, 2.0], [3.0]], [1.0, 2.0], "must be numbers"),
    ],
)
def test_malformed_paired_scores_are_refused_in_one_line(a: object, b: object, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        compare(a, b)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "option",
    [
        {"direction": "up"},
        {"margin": -0.1},
        {"margin": math.nan},
        {"margin": math.inf},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"alpha": math.nan},
        {"test_share": 0.0},
        {"test_share": math.inf},
        {"test_share": math.nan},
    ],
)
def test_an_option_out_of_range_is_refused_and_named(option: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(option))):
        compare([1.0, 2.0], [1.0, 3.0], **option)


def test_the_given_scores_are_not_modified() -> None:
    a, b = np.array([0.1 + 0.2, 0.5]), np.array([0.3, 0.5])
    compare(a, b)
    assert (a[0], b[0]) == (0.1 + 0.2, 0.3)


def test_neither_keras_nor_optuna_nor_scipy_comes_with_the_import() -> None:
    code = (
        "import sys, hpo.analysis; "
        "print([name for name in ('keras', 'tensorflow', 'optuna', 'scipy', 'pandas') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.thorough
def test_neither_keras_nor_optuna_is_needed_to_compare() -> None:
    code = (
        "import sys, hpo.analysis; hpo.analysis.compare(range(30), range(30)); "
        "print([name for name in ('keras', 'tensorflow', 'optuna', 'pandas') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
