import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.analysis import RaceFinding, Racer, rank
from hpo.errors import UsageError


def trial(number: int, search_value: float | None, *scores: float) -> Racer:
    return Racer(name=f"trial {number}", number=number, search_value=search_value, scores=scores)


def baseline(*scores: float, name: str = "report") -> Racer:
    return Racer(name=name, number=None, search_value=None, scores=scores)


LUCKY = trial(3, 0.93, 0.91, 0.92, 0.915)
STEADY = trial(9, 0.925, 0.92, 0.918, 0.922)
THIRD = trial(5, 0.924, 0.90, 0.90, 0.91)
HAND = baseline(0.93, 0.93, 0.93)


def test_the_best_mean_comes_first_and_the_winner_is_no_baseline() -> None:
    found = rank([LUCKY, HAND, THIRD, STEADY], direction="maximize")
    assert [racer.name for racer in found.order] == ["report", "trial 9", "trial 3", "trial 5"]
    assert found.winner is STEADY


def test_the_smallest_mean_comes_first_when_minimizing() -> None:
    found = rank([LUCKY, HAND, THIRD, STEADY], direction="minimize")
    assert [racer.name for racer in found.order] == ["trial 5", "trial 3", "trial 9", "report"]
    assert found.winner is THIRD


def test_optimism_is_what_the_searchs_best_trial_lost_when_measured_again() -> None:
    found = rank([LUCKY, HAND, STEADY], direction="maximize")
    assert found.optimism == pytest.approx(0.93 - 0.915)
    expected = stats.t.interval(0.95, 2, loc=0.015, scale=stats.sem([0.02, 0.01, 0.015]))
    assert found.optimism_ci95 == pytest.approx(expected)


def test_optimism_is_positive_for_flattery_in_either_direction() -> None:
    found = rank([trial(1, 2.1, 2.4, 2.6), trial(2, 2.2, 2.3, 2.3)], direction="minimize")
    assert found.optimism == pytest.approx(0.4)
    assert found.winner.number == 2


def test_the_first_of_equal_search_values_is_the_searchs_best() -> None:
    found = rank([trial(8, 0.9, 0.5), trial(2, 0.9, 0.7)], direction="maximize")
    assert found.optimism == pytest.approx(0.2)


def test_kendalls_tau_compares_the_two_orders_of_the_trials() -> None:
    assert rank([LUCKY, STEADY, THIRD, HAND], direction="maximize").tau == pytest.approx(1 / 3)
    agreeing = [trial(number, number / 10, number / 10) for number in range(4)]
    assert rank(agreeing, direction="minimize").tau == 1
    turned = [replace(racer, search_value=-(racer.search_value or 0)) for racer in agreeing]
    assert rank(turned, direction="minimize").tau == -1


def test_the_first_share_is_that_of_resamples_the_winner_wins() -> None:
    """Two rounds, one won by each: of four resamples one has the first round twice, two both, one the second twice."""
    ahead = trial(1, None, 1.0, 0.0)
    behind = trial(2, None, 0.0, 0.9)
    share = rank([ahead, behind], direction="maximize").first_share
    assert share == pytest.approx(0.75, abs=0.02)
    assert rank([trial(1, None, 1.0, 1.0), trial(2, None, 0.0, 0.9)], direction="maximize").first_share == 1


def test_trials_that_tie_share_the_first_place() -> None:
    twins = [trial(1, 0.9, 0.5, 0.6), trial(2, 0.8, 0.6, 0.5), trial(3, 0.7, 0.5, 0.6)]
    found = rank(twins, direction="maximize")
    assert found.winner.number == 1  # its search value was the best
    assert found.first_share == pytest.approx(rank(twins, direction="maximize", seed=0).first_share)
    assert found.tau is None  # their means are all the same


def test_the_bootstrap_repeats_with_its_seed() -> None:
    racers = [LUCKY, STEADY, THIRD]
    shares = [rank(racers, direction="maximize", seed=seed).first_share for seed in (1, 1, 2)]
    assert shares[0] == shares[1] != shares[2]


def test_one_round_gives_no_estimate_of_noise() -> None:
    found = rank([trial(1, 0.9, 0.8), trial(2, 0.8, 0.7), baseline(0.6)], direction="maximize")
    assert found.optimism == pytest.approx(0.1)
    assert (found.optimism_ci95, found.first_share) == (None, None)


def test_a_single_trial_wins_the_race_without_a_rank_correlation() -> None:
    found = rank([baseline(0.9, 0.9), trial(1, 0.7, 0.6, 0.6)], direction="maximize")
    assert found.winner.number == 1
    assert (found.tau, found.first_share) == (None, None)


def test_trials_the_search_did_not_value_have_no_optimism() -> None:
    found = rank([trial(1, None, 0.5, 0.6), trial(2, None, 0.4, 0.6)], direction="maximize")
    assert (found.optimism, found.tau) == (None, None)


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(["maximize", "minimize"]),
    st.integers(0, 10),
)
def test_the_ranking_is_by_mean_in_any_input_order(rows: list[list[float]], direction: str, seed: int) -> None:
    racers = [trial(number, float(number), *scores) for number, scores in enumerate(rows)]
    found = rank(racers, direction=direction)
    means = [racer.mean if direction == "maximize" else -racer.mean for racer in found.order]
    assert means == sorted(means, reverse=True)
    shuffled = [racers[index] for index in np.random.default_rng(seed).permutation(len(racers))]
    assert rank(shuffled, direction=direction).order == found.order
    assert found.first_share is None or 0 <= found.first_share <= 1


def test_a_race_finding_survives_json() -> None:
    for racers in ([LUCKY, HAND, STEADY], [trial(1, None, 0.5)]):
        found = rank(racers, direction="maximize")
        assert RaceFinding.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("racers", "said"),
    [
        ([], "no trial"),
        ([HAND], "no trial"),
        ([LUCKY, LUCKY], "'trial 3' is in the race twice"),
        ([LUCKY, trial(1, 0.9, 0.5)], "all need the same number"),
        ([trial(1, 0.9)], "at least one"),
    ],
)
def test_an_invalid_race_is_refused_in_one_line(racers: list[Racer], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        rank(racers, direction="maximize")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("searched", "score", "field"), [(0.9, math.nan, r"scores\[0\]"), (math.inf, 0.9, "search_value")]
)
def test_a_score_that_is_not_finite_is_refused(searched: float, score: float, field: str) -> None:
    with pytest.raises(UsageError, match=rf"racer 'trial 1': {field} must be a finite number"):
        trial(1, searched, score)


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(UsageError, match="maximize, minimize"):
        rank([LUCKY], direction="up")
