"""The rate of every step, against Keras' own schedules and against the papers' formulas."""

import math
from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.training import Constant, CosineDecay, ExponentialDecay, OneCycle, Schedule

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


def test_constant() -> None:
    assert Constant().rates(0.05, 3).tolist() == pytest.approx([0.05] * 3)


def test_one_cycle_rises_along_half_a_cosine_and_falls_along_another() -> None:
    rates = OneCycle(warmup=0.3, start_divisor=25, end_divisor=1e4).rates(0.5, 100)
    rise, fall = rates[:30], rates[30:]
    for part, start, end in ((rise, 0.02, 0.5), (fall, 0.5, 0.02 / 1e4)):
        last = len(part) - 1
        for step in (0, last // 3, last // 2, last):
            share = (1 - math.cos(math.pi * step / last)) / 2
            assert part[step] == pytest.approx(start + (end - start) * share, rel=1e-5)


@given(
    st.sampled_from([Constant(), ExponentialDecay(decay_steps=10, decay_rate=0.9), CosineDecay(), OneCycle()]),
    st.floats(1e-5, 1.0),
    st.integers(1, 200),
)
def test_every_step_has_a_rate_above_zero_and_none_is_above_the_initial_one(
    schedule: Schedule, initial: float, steps: int
) -> None:
    rates = schedule.rates(initial, steps)
    assert rates.dtype == np.float32
    assert rates.shape == (steps,)
    assert (rates > 0).all()
    assert rates.max() == pytest.approx(initial, rel=1e-6)
