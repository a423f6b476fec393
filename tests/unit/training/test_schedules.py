"""The rate of every step, against Keras' own schedules and against the papers' formulas."""

import math
from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import DefinitionError
from hpo.training import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearOneCycle,
    OneCycle,
    Performance,
    PiecewiseConstant,
    Power,
    Schedule,
    Triangular,
)
from hpo.training.schedules import averaging

STEPS = 60


def keras_rates(schedule: Callable[[int], object], steps: int = STEPS) -> list[float]:
    return [float(schedule(step)) for step in range(steps)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            ExponentialDecay(decay_steps=100, decay_rate=0.9),
            keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9),
        ),
        (ExponentialDecay(decay_steps=7, decay_rate=0.5), keras.optimizers.schedules.ExponentialDecay(0.01, 7, 0.5)),
        (Power(s=20), keras.optimizers.schedules.InverseTimeDecay(0.01, decay_steps=20, decay_rate=1.0)),
        (
            PiecewiseConstant(boundaries=(0.3, 0.5, 0.9), factors=(1.0, 0.5, 0.2, 0.01)),
            keras.optimizers.schedules.PiecewiseConstantDecay([18, 30, 54], [0.01, 0.005, 0.002, 0.0001]),
        ),
        (CosineDecay(), keras.optimizers.schedules.CosineDecay(0.01, decay_steps=STEPS)),
    ],
)
def test_rates_are_those_of_keras(ours: Schedule, theirs: Callable[[int], object]) -> None:
    np.testing.assert_allclose(ours.rates(0.01, STEPS), keras_rates(theirs), rtol=1e-5, atol=1e-9)


def test_the_reports_decay_after_a_thousand_steps_and_after_a_run() -> None:
    rates = ExponentialDecay(decay_steps=1_000, decay_rate=0.9).rates(0.001, 18_750)  # ten epochs of 60,000 rows
    assert rates[0] == pytest.approx(0.001)
    assert rates[1_000] == pytest.approx(0.0009)
    assert rates[-1] == pytest.approx(0.001 * 0.9**18.749, rel=1e-5)


def test_the_constant_schedule_keeps_its_rate() -> None:
    assert Constant().rates(0.05, 3).tolist() == pytest.approx([0.05] * 3)


def test_one_cycle_rises_along_half_a_cosine_and_falls_along_another() -> None:
    rates = OneCycle(warmup=0.3, start_divisor=25, end_divisor=1e4).rates(0.5, 100)
    rise, fall = rates[:30], rates[30:]
    for part, start, end in ((rise, 0.02, 0.5), (fall, 0.5, 0.02 / 1e4)):
        last = len(part) - 1
        for step in range(last + 1):
            share = (1 - math.cos(math.pi * step / last)) / 2
            assert part[step] == pytest.approx(start + (end - start) * share, rel=1e-5)


def test_power_with_an_exponent_is_its_formula_at_every_step() -> None:
    expected = [0.5 / (1 + step / 7) ** 2.5 for step in range(STEPS)]
    np.testing.assert_allclose(Power(s=7, c=2.5).rates(0.5, STEPS), expected, rtol=1e-6)


def test_exponential_scheduling_is_a_factor_of_ten_every_s_steps() -> None:
    expected = [0.01 * 0.1 ** (step / 20) for step in range(STEPS)]
    np.testing.assert_allclose(ExponentialDecay(decay_steps=20).rates(0.01, STEPS), expected, rtol=1e-6)


def test_linear_one_cycle_is_three_lines_and_momentum_goes_the_other_way() -> None:
    """101 steps: up over 45, down over 45, the last 10 a thousand times further down."""
    cycle = LinearOneCycle()
    rates, momenta = cycle.rates(0.5, 101), cycle.momenta(0.9, 101)
    assert momenta is not None
    for step in range(101):
        there = 1 - abs(step - 45) / 45  # 0 at both ends, 1 at the peak
        if step <= 90:
            assert rates[step] == pytest.approx(0.05 + 0.45 * there, rel=1e-6)
            assert momenta[step] == pytest.approx(0.95 - 0.10 * there)
        else:
            assert rates[step] == pytest.approx(0.05 + (0.05e-3 - 0.05) * (step - 90) / 10, rel=1e-5)
            assert momenta[step] == 0.95
    assert LinearOneCycle(momentum=None).momenta(0.9, 101) is None


@pytest.mark.parametrize(("tail", "peak"), [(0.2, 20), (0.9, 2)])
def test_linear_one_cycle_follows_other_tails_and_momenta(tail: float, peak: int) -> None:
    """51 steps; the tail begins where the cycle is over, twice as far as its peak."""
    cycle = LinearOneCycle(start_divisor=4, tail=tail, end_divisor=10, momentum=(0.9, 0.5))
    rates, momenta = cycle.rates(0.2, 51), cycle.momenta(0.3, 51)
    assert momenta is not None
    for step in range(51):
        there = 1 - abs(step - peak) / peak
        left = 1 - (step - 2 * peak) / (50 - 2 * peak) if step > 2 * peak else 1.0
        assert rates[step] == pytest.approx(0.05 + 0.15 * max(there, 0) - 0.045 * (1 - left), rel=1e-5)
        assert momenta[step] == pytest.approx(0.9 - 0.4 * max(there, 0))


@pytest.mark.parametrize("schedule", [Constant(), OneCycle(), CosineDecay(), Power(s=3), Performance()])
def test_no_other_schedule_changes_the_momentum(schedule: Schedule) -> None:
    assert schedule.momenta(0.9, 10) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Power(s=0), "s above 0"),
        (lambda: PiecewiseConstant(boundaries=(0.5, 0.5), factors=(1, 1, 1)), "do not rise"),
        (lambda: PiecewiseConstant(boundaries=(0.5,), factors=(1,)), "2 in all"),
        (lambda: LinearOneCycle(tail=1.0), r"tail in \[0, 1\)"),
        (lambda: LinearOneCycle(momentum=(0.95, 1.0)), r"give two in \[0, 1\)"),
        (lambda: ExponentialDecay(decay_steps=0), "decay above 0"),
        (lambda: Performance(factor=1.0), "between 0 and 1"),
        (lambda: Performance(patience=0), "at least 1 epoch"),
    ],
)
def test_invalid_numbers_are_refused(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        make()


@given(
    st.sampled_from(
        [
            Constant(),
            ExponentialDecay(decay_steps=10, decay_rate=0.9),
            CosineDecay(),
            OneCycle(),
            LinearOneCycle(),
            Power(s=5),
            PiecewiseConstant(),
            Performance(),
        ]
    ),
    st.floats(1e-5, 1.0),
    st.integers(1, 200),
)
def test_every_rate_is_above_zero_and_at_most_the_initial_one(schedule: Schedule, initial: float, steps: int) -> None:
    rates = schedule.rates(initial, steps)
    assert rates.dtype == np.float32
    assert rates.shape == (steps,)
    assert (rates > 0).all()
    assert rates.max() == pytest.approx(initial, rel=1e-6)


@given(st.integers(1, 300), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_triangular_is_two_lines_from_zero_to_the_peak_and_to_zero(steps: int, peak: float) -> None:
    rates = Triangular(peak=peak).rates(0.5, steps)
    top = min(round(peak * steps), steps - 1)
    assert rates[top] == pytest.approx(0.5)
    for step, rate in enumerate(rates):
        wanted = 0.5 * ((step + 1) / (top + 1) if step <= top else (steps - step) / (steps - top))
        assert rate == pytest.approx(wanted, rel=1e-5)


def test_a_peak_outside_the_run_is_refused() -> None:
    with pytest.raises(DefinitionError, match="peak must be 1 or less"):
        Triangular(peak=1.5)


@given(st.integers(1, 200), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), st.data())
def test_averaging_weighs_the_last_share_of_the_steps_alike(steps: int, share: float, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(-1, 1), min_size=steps, max_size=steps))
    average = 7.0
    for weight, newest in zip(weights, averaging(share, steps), strict=True):
        average += float(newest) * (weight - average)
    averaged = max(round(share * steps), 1)
    assert average == pytest.approx(np.mean(weights[-averaged:]), abs=1e-5)
