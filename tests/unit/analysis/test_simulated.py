"""The statistics against known truth. `make simulate` prints what docs/statistics.md says."""

import numpy as np
import pytest
from simulated import (
    ALIKE,
    Draw,
    coverage,
    inside_margin,
    looked,
    losses,
    normal,
    one_better,
    other_shape,
    searched,
    skewed,
    steadier,
    verdicts,
)

from hpo.analysis.methods.power import power

BOUND = 0.035  # of "better" where there is no difference; 0.025 is nominal


@pytest.mark.parametrize("draw", [normal, skewed])
def test_without_a_difference_a_better_verdict_is_rare(draw: Draw) -> None:
    rates = verdicts(draw)
    assert 0.005 <= rates.better <= BOUND
    assert 0.005 <= rates.worse <= BOUND


@pytest.mark.thorough
def test_false_better_verdicts_stay_rare_over_three_interim_analyses() -> None:
    rates = looked(skewed, simulations=1_000)
    assert rates.better <= BOUND
    assert rates.worse <= BOUND


def test_one_standard_deviation_over_twelve_pairs_is_found_as_often_as_theory_says() -> None:
    rates = verdicts(one_better)
    assert rates.better == pytest.approx(power(1.0, 12), abs=0.03)  # 0.883
    assert rates.worse == 0


@pytest.mark.thorough
def test_a_gain_as_large_as_the_margin_seldom_passes_for_equivalent() -> None:
    once, over_looks = inside_margin(simulations=1_000)
    assert once == pytest.approx(0.05, abs=0.02)
    assert 0.01 <= over_looks <= 0.06


@pytest.mark.thorough
@pytest.mark.parametrize("pairs", [8, 29])
def test_the_t_interval_covers_what_it_says(pairs: int) -> None:
    assert coverage(pairs, simulations=1_000) == pytest.approx(0.95, abs=0.015)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("pairs", [8, 12, 29])
def test_the_t_interval_covers_what_it_says_in_many_studies(pairs: int) -> None:
    assert coverage(pairs, simulations=10_000) == pytest.approx(0.95, abs=0.01)


def test_the_best_of_equal_trials_is_not_called_better() -> None:
    """200 searches whose 50 trials differ by noise alone: the race unmasks the luck, the pairs find nothing."""
    rates, optimism = searched(studies=200)
    assert rates.better <= 0.05
    assert optimism == pytest.approx(2.25, abs=0.15)  # how lucky the best of 50 equals looks, in standard deviations


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("draw", [*ALIKE, steadier, other_shape])
@pytest.mark.parametrize("pairs", [6, 12, 28])
def test_without_a_difference_better_is_rare_for_any_shape(draw: Draw, pairs: int) -> None:
    """At the level of the first interim analysis, as a comparison is judged."""
    assert verdicts(draw, pairs=pairs, alpha=0.0375).better <= BOUND


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("draw", [normal, skewed, losses, steadier])
def test_over_three_interim_analyses_false_better_is_rare_for_any_shape(draw: Draw) -> None:
    rates = looked(draw)
    assert rates.better <= BOUND
    assert rates.worse <= BOUND


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_best_of_equal_trials_is_not_called_better_in_many_studies() -> None:
    rates, _ = searched(studies=4_000)
    assert rates.better <= 0.025
    assert np.isclose(rates.better, rates.worse, atol=0.01)
