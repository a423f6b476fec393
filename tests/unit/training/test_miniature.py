"""A short training as the miniature of a long one: rates and momenta resampled, epochs of patience in proportion."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.training import (
    Constant,
    CosineDecay,
    EarlyStopping,
    ExponentialDecay,
    FullTraining,
    LinearOneCycle,
    OneCycle,
    Performance,
    Phase,
    PiecewiseConstant,
    Power,
    Recipe,
    Run,
    Schedule,
    fit,
)
from hpo.training.miniature import resampled

SCHEDULES = (
    Constant(),
    ExponentialDecay(decay_steps=1_000, decay_rate=0.9),
    Power(s=500),
    CosineDecay(),
    OneCycle(),
    LinearOneCycle(),
    PiecewiseConstant(),
)
random = np.random.default_rng(3)


def rows(number: int) -> Rows:
    return Rows(x=random.normal(size=(number, 3)).astype(np.float32), y=random.normal(size=number).astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Counted(Schedule):
    """A rate and a momentum that tell which step of the full training they are of."""

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        return (np.arange(steps) * 1e-6).astype(np.float32)

    def momenta(self, initial: float, steps: int) -> NDArray[np.float64]:
        return np.arange(steps) * 1e-4


def recipe(**more: Any) -> Recipe:
    made = {"optimizer": keras.optimizers.SGD(0.01, momentum=0.9), "loss": "mse", "batch_size": 8, **more}
    return Recipe(model=keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="out")]), **made)


@given(st.sampled_from(SCHEDULES), st.integers(2, 400), st.integers(1, 30))
def test_resampled_rates_are_the_full_trainings_at_the_same_relative_step(
    schedule: Schedule, steps: int, factor: int
) -> None:
    full = schedule.rates(0.1, steps * factor)
    ours = resampled(full, steps)
    last = steps * factor - 1
    places = [math.floor(Fraction(step * last, steps - 1) + Fraction(1, 2)) for step in range(steps)]
    np.testing.assert_array_equal(ours, full[places])
    assert (ours[0], ours[-1]) == (full[0], full[-1])
    assert ours.dtype == full.dtype


@given(st.integers(1, 2_000))
def test_resampling_to_the_same_number_of_steps_changes_nothing(steps: int) -> None:
    full = OneCycle().rates(0.1, steps)
    assert resampled(full, steps).tobytes() == full.tobytes()


def test_a_decay_that_counts_steps_has_fallen_as_far_at_the_end() -> None:
    full = ExponentialDecay(decay_steps=1_000, decay_rate=0.9).rates(1.0, 15_630)
    ours = resampled(full, 939)
    assert ours[-1] == pytest.approx(0.9**15.629, rel=1e-4)
    assert ours[469] == pytest.approx(0.9 ** (15.629 / 2), rel=1e-2)


def test_a_step_function_keeps_its_parts_and_their_shares() -> None:
    ours = resampled(PiecewiseConstant().rates(1.0, 15_630), 939)
    parts, counts = np.unique(ours, return_counts=True)
    assert parts.tolist() == pytest.approx([0.01, 0.1, 1.0])
    assert counts / 939 == pytest.approx([0.25, 0.25, 0.5], abs=2 / 939)


def test_one_cycle_keeps_its_peak_and_where_it_is() -> None:
    ours = resampled(OneCycle(warmup=0.3).rates(0.004, 15_630), 939)
    assert ours.max() == pytest.approx(0.004, rel=1e-4)
    assert ours.argmax() / 938 == pytest.approx(0.3, abs=2 / 939)


@pytest.mark.parametrize(("patience", "share", "wanted"), [(10, 0.3, 3), (10, 1.0, 10), (5, 0.1, 1), (1, 0.5, 1)])
def test_patience_is_scaled_in_proportion_and_at_least_one(patience: int, share: float, wanted: int) -> None:
    assert EarlyStopping(patience=patience, min_delta=0.1).miniature(share) == EarlyStopping(
        patience=wanted, min_delta=0.1
    )
    assert Performance(patience=patience, cooldown=patience, factor=0.3).miniature(share) == Performance(
        patience=wanted, cooldown=round(patience * share), factor=0.3
    )


def test_a_run_has_the_rates_and_momenta_of_the_full_training() -> None:
    """40 rows in 2 epochs stand for 90 in 5: 10 steps of 8 rows for 60, the last batch of an epoch being smaller."""
    run = Run(
        recipe(schedule=Counted()), rows(40), epochs=2, metric="mse", seed=1, full=FullTraining(epochs=5, rows=90)
    )
    places = [round(step * 59 / 9) for step in range(10)]
    np.testing.assert_allclose(run._schedules.rate, np.array(places) * 1e-6, rtol=1e-6)
    np.testing.assert_allclose(run._schedules.momentum, np.array(places) * 1e-4)


def normalized() -> Recipe:
    """A recipe whose batch normalization, within another model as well, remembers 100 steps."""
    within = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])
    model = keras.Sequential(
        [keras.Input((3,)), within, keras.layers.BatchNormalization(momentum=0.9), keras.layers.Dense(1)]
    )
    return Recipe(model=model, optimizer=keras.optimizers.SGD(0.01), loss="mse", batch_size=8)


def test_moving_averages_remember_the_same_part_of_a_miniature() -> None:
    """40 rows in 2 epochs stand for 200 in 4: a tenth of the steps, so that of a momentum its tenth power is left."""
    data = Rows(x=np.full((40, 3), 5.0, np.float32), y=np.zeros(40, np.float32))
    made = normalized()
    trained = fit(made, data, epochs=2, metric="mse", seed=1, full=FullTraining(epochs=4, rows=200)).model()
    inner, outer = trained.layers[0].layers[0], trained.layers[1]
    assert (inner.momentum, outer.momentum) == (0.99, 0.9)  # as it came, for whoever trains it further
    steps = 10  # of batches that are all alike, so that the average is as far on its way from 0 to 5 as it is fast
    np.testing.assert_allclose(inner.moving_mean, 5.0 * (1 - 0.99 ** (10 * steps)), rtol=1e-4)
    np.testing.assert_allclose(outer.moving_variance, 0.9 ** (10 * steps), atol=1e-4)


def test_moving_averages_of_a_full_training_are_left_alone() -> None:
    data = Rows(x=np.full((40, 3), 5.0, np.float32), y=np.zeros(40, np.float32))
    for full in (None, FullTraining(epochs=2, rows=40), FullTraining(epochs=1, rows=40)):
        trained = fit(normalized(), data, epochs=2, metric="mse", seed=1, full=full).model()
        np.testing.assert_allclose(trained.layers[0].layers[0].moving_mean, 5.0 * (1 - 0.99**10), rtol=1e-4)


def test_the_batch_size_decides_how_many_steps_the_full_training_has() -> None:
    run = Run(
        recipe(schedule=Counted(), batch_size=30),
        rows(40),
        epochs=2,
        metric="mse",
        seed=1,
        full=FullTraining(epochs=5, rows=90),
    )
    np.testing.assert_allclose(run._schedules.rate, np.array([0, 5, 9, 14]) * 1e-6, rtol=1e-6)


def test_rows_held_out_to_be_watched_are_no_steps_of_the_full_training_either() -> None:
    watching = recipe(schedule=Counted(), stopping=EarlyStopping(patience=20), watch=0.2)
    run = Run(watching, rows(40), epochs=1, metric="mse", seed=1, full=FullTraining(epochs=10, rows=100))
    assert run._schedules.rate[-1] == pytest.approx((10 * 10 - 1) * 1e-6)  # 80 rows, ten steps an epoch
    assert len(run._schedules.rate) == 4


def test_each_phase_is_resampled_by_itself() -> None:
    phased = recipe(schedule=Counted(), phases=(Phase(epochs=4), Phase()))
    run = Run(phased, rows(16), epochs=5, metric="mse", seed=1, full=FullTraining(epochs=20, rows=16))
    first, second = np.rint(np.linspace(0, 7, 2)), np.rint(np.linspace(0, 31, 8))
    np.testing.assert_allclose(run._schedules.rate, np.concatenate([first, second]) * 1e-6, rtol=1e-6)


def test_a_run_stops_after_its_share_of_the_patience() -> None:
    still = recipe(optimizer=keras.optimizers.SGD(0.0), stopping=EarlyStopping(patience=10, min_delta=1e-4))
    run = fit(still, rows(16), epochs=10, metric="mse", seed=1, full=FullTraining(epochs=50, rows=16))
    assert run.epochs_done == 3  # the first is the best but for rounding; two without improvement


def same() -> Recipe:
    made = recipe(schedule=OneCycle(), stopping=EarlyStopping(patience=2))
    made.model.set_weights([np.ones((3, 1)), np.zeros(1)])
    return made


def test_a_training_at_full_fidelity_is_unchanged_bit_for_bit() -> None:
    data = rows(20)
    weights = [
        fit(same(), data, epochs=4, metric="mse", seed=1, full=full).model().get_weights()
        for full in (None, FullTraining(epochs=4, rows=20))
    ]
    assert [a.tobytes() for a in weights[0]] == [b.tobytes() for b in weights[1]]
