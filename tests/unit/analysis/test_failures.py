"""What a comparison says of failures: those that were seen, and those that so few trainings cannot show."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.analysis import Comparison, compare, failed, failures, sentence, unseen
from hpo.analysis.methods.intervals import clopper_pearson, more_often, upper_bound
from hpo.errors import UsageError

BASE = np.full(12, 0.9)
GAINS = np.linspace(0.015, 0.025, 12)
OFTEN = failures((5, 17), (0, 14))  # Fisher's p is 0.036
SELDOM = failures((2, 14), (0, 13))


@given(st.integers(1, 60).flatmap(lambda among: st.tuples(st.integers(0, among), st.just(among))))
def test_failure_bounds_equal_scipys_exact_bounds(counted: tuple[int, int]) -> None:
    upper = stats.binomtest(*counted, alternative="less").proportion_ci(0.95, "exact").high
    assert upper_bound(*counted) == pytest.approx(upper, abs=1e-9)
    both = stats.binomtest(*counted).proportion_ci(0.95, "exact")
    assert clopper_pearson(*counted) == pytest.approx((both.low, both.high), abs=1e-9)


@pytest.mark.parametrize("pairs", [6, 12, 28, 100])
def test_without_failures_the_bound_follows_the_rule_of_three(pairs: int) -> None:
    found = compare(np.full(pairs, 0.9), np.full(pairs, 0.8)).unseen95
    assert found == pytest.approx(1 - 0.05 ** (1 / pairs))
    assert found == pytest.approx(3 / pairs, rel=0.25)


def test_more_frequent_failures_are_tested_by_fishers_exact_test() -> None:
    # 5 of 17 against 0 of 14: of all ways to choose the 5 that failed, those that lie among the first 17.
    assert more_often(5, 17, 0, 14) == pytest.approx(6188 / 169911)
    assert more_often(0, 17, 0, 14) == 1
    assert more_often(0, 17, 5, 14) == 1


@pytest.mark.parametrize(
    ("a", "b", "margin", "by_scores"),
    [(BASE + GAINS, BASE, 0.001, "better"), (BASE + GAINS - 0.02, BASE, 0.02, "equivalent")],
)
def test_an_optimum_that_fails_more_often_is_called_unreliable(a, b, margin: float, by_scores: str) -> None:
    assert compare(a, b, margin=margin).verdict == by_scores
    assert compare(a, b, margin=margin, failures=SELDOM).verdict == by_scores
    found = compare(a, b, margin=margin, failures=OFTEN)
    assert (found.verdict, found.by_scores) == ("unreliable", by_scores)
    assert found.note == f"By the scores alone it would be {by_scores}; what fails more often is no better choice."
    assert Comparison.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_failures_do_not_change_other_verdicts() -> None:
    assert compare(BASE - GAINS, BASE, failures=OFTEN).verdict == "worse"
    assert compare(BASE[:5] + GAINS[:5], BASE[:5], failures=OFTEN).verdict == "undecided"
    assert compare(BASE + GAINS, BASE, failures=failures((0, 14), (5, 17))).verdict == "better"


def test_the_sentence_of_an_unreliable_optimum_says_better_only_when_it_trains() -> None:
    said = sentence(compare(BASE + GAINS, BASE, failures=OFTEN), metric="accuracy", optimum="a", baseline="b")
    assert said.startswith("A beats b on the test rows only when it trains: accuracy better by 0.0200 (95 % interval ")
    assert said.endswith(
        "ahead in 12 of 12 pairs; 5 of 17 trainings of a failed (exact 95 % bound 52.2%), and 0 of 14 trainings of b"
        " (exact 95 % bound 19.3%): more often, p = 0.0364 by Fisher's exact test."
    )
    alike = compare(BASE + GAINS - 0.02, BASE, margin=0.02, failures=OFTEN)
    assert sentence(alike, metric="accuracy", optimum="a", baseline="b").startswith(
        "A and b are equivalent on the test rows only when the former trains: after 12 pairs"
    )


def test_every_verdict_states_the_bound_on_unseen_failures() -> None:
    assert unseen(compare(BASE + GAINS, BASE)) == (
        "What none of 12 pairs shows may still happen in up to 22.1% of trainings (exact 95 % bound)."
    )
    assert unseen(compare([0.9], [0.8])) == (
        "What the only pair does not show may still happen in up to 95.0% of trainings (exact 95 % bound)."
    )


def test_failures_not_shown_to_be_more_frequent_are_reported_as_such() -> None:
    found = compare(BASE + GAINS, BASE, failures=SELDOM)
    assert failed(found, optimum="a", baseline="b") == (
        "2 of 14 trainings of a failed (exact 95 % bound 38.5%), and 0 of 13 trainings of b (exact 95 % bound 20.6%):"
        " not shown to be more often, p = 0.259 by Fisher's exact test"
    )
    for none in (None, failures((0, 13), (0, 13))):
        assert failed(compare(BASE + GAINS, BASE, failures=none), optimum="a", baseline="b") == ""


@pytest.mark.parametrize("counted", [(1, 0), (0, 0), (-1, 3), (4, 3), (1.5, 3), (1,), 5, ("1", 3)])
def test_invalid_failure_counts_are_refused(counted) -> None:
    with pytest.raises(UsageError, match=r"^of a .*trainings.*\b(1 or more|not .*)$"):
        failures(counted, (0, 12))
    with pytest.raises(UsageError, match=r"^of b "):
        failures((0, 12), counted)


def test_compare_refuses_failures_not_made_by_its_own_function() -> None:
    with pytest.raises(UsageError, match=r"^failures must be a Failures, not \(\(3, 12\), \(0, 12\)\)$"):
        compare(BASE + GAINS, BASE, failures=((3, 12), (0, 12)))  # type: ignore[arg-type]
