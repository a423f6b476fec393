"""Freezing and unfreezing within one run, against two of Keras' own, one compiled after the other."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.training import EarlyStopping, LinearOneCycle, Performance, Phase, Recipe, Run, Schedule, build
from hpo.training.loop import shuffled
from hpo.training.phases import spans

ROWS, BATCH, SEED = 20, 8, 5
random = np.random.default_rng(1)
DATA = Rows(x=random.normal(size=(ROWS, 6)).astype(np.float32), y=random.normal(size=ROWS).astype(np.float32))


def recipe(*phases: Phase, schedule: Schedule | None = None, stopping: EarlyStopping | None = None) -> Recipe:
    def made(_: None) -> Recipe:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, "tanh", name="reused"),
                layers.BatchNormalization(name="normal"),
                layers.Dense(1, name="head"),
            ]
        )
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        return Recipe(
            model=model,
            optimizer=optimizer,
            loss="mse",
            batch_size=BATCH,
            phases=phases,
            schedule=schedule,
            stopping=stopping,
        )

    return build(made, None, 3)


def test_a_phase_equals_keras_with_frozen_layers_and_the_next_continues_its_weights() -> None:
    made = recipe()
    for epochs, frozen, rate in (((1, 2), ("reused", "normal"), 0.1), ((3,), (), 0.01)):
        for layer in made.model.layers:
            layer.trainable = layer.name not in frozen
        made.model.compile(optimizer=keras.optimizers.SGD(rate, momentum=0.9), loss="mse", run_eagerly=True)
        for epoch in epochs:
            order = shuffled(ROWS, ROWS, tf.constant([SEED, epoch])).numpy()
            for start in range(0, ROWS, BATCH):
                batch = order[start : start + BATCH]
                made.model.train_on_batch(DATA.x[batch], DATA.y[batch])
    phases = Phase(epochs=2, frozen=("reused", "normal")), Phase(rate=0.01)
    run = Run(recipe(*phases), DATA, epochs=3, metric="mse", seed=SEED)
    before = run.model().get_layer("reused").get_weights()
    run.epoch(), run.epoch()
    for one, other in zip(run.model().get_layer("reused").get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    run.epoch()
    for ours, theirs in zip(run.model().get_weights(), made.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.thorough
def test_the_best_epoch_may_be_of_a_phase_before() -> None:
    """The second phase, at a rate far too high, spoils what the first has learnt."""
    phases = Phase(epochs=3, frozen=("reused",), rate=0.01), Phase(rate=0.4)
    made = recipe(*phases, stopping=EarlyStopping(patience=9))
    run = Run(made, DATA, DATA, epochs=5, metric="mse", seed=SEED)
    scores = [run.epoch().validation for _ in range(5)]
    assert run.outcome is not None
    assert run.outcome.number <= 3
    assert run.evaluate(DATA) == pytest.approx(min(scores))


@pytest.mark.thorough
def test_a_schedule_is_laid_out_over_each_phase_from_its_rate() -> None:
    cycle = LinearOneCycle()
    phases = Phase(epochs=2, frozen=("head",)), Phase(rate=0.01)
    run = Run(recipe(*phases, schedule=cycle), DATA, epochs=5, metric="mse", seed=SEED)
    np.testing.assert_array_equal(run._schedules.rate, [*cycle.rates(0.1, 6), *cycle.rates(0.01, 9)])
    np.testing.assert_array_equal(run._schedules.momentum, [*cycle.momenta(0.9, 6), *cycle.momenta(0.9, 9)])


def test_performance_scheduling_starts_afresh_in_each_phase() -> None:
    hopeless = Performance(factor=0.5, patience=1, min_delta=1e9, min_rate=0.004)  # only a first score is the best
    phases = Phase(epochs=3, frozen=("head",)), Phase(rate=0.01)
    run = Run(recipe(*phases, schedule=hopeless), DATA, epochs=7, metric="mse", seed=SEED)
    for _ in range(7):
        run.epoch()
    expected = [0.1, 0.1, 0.05, 0.01, 0.01, 0.005, 0.004]
    np.testing.assert_allclose(run._schedules.rate, np.repeat(expected, 3), rtol=1e-6)


@pytest.mark.thorough
def test_layers_frozen_by_the_model_stay_frozen_even_in_nested_models() -> None:
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, name="old"), keras.layers.Dense(4, name="new")])
    inner.get_layer("old").trainable = False
    model = keras.Sequential([keras.Input((6,)), inner, keras.layers.Dense(1, name="head")])
    made = Recipe(
        model=model,
        optimizer=keras.optimizers.SGD(0.1),
        loss="mse",
        phases=(Phase(epochs=1, frozen=(inner.name,)), Phase()),
    )
    before = model.get_weights()
    run = Run(made, DATA, epochs=2, metric="mse", seed=SEED)
    moved = []
    for _ in range(2):
        run.epoch()
        moved.append([bool((a != b).any()) for a, b in zip(run.model().get_weights(), before, strict=True)])
    assert moved == [[False] * 4 + [True] * 2, [False] * 2 + [True] * 4]


def test_phases_are_cut_to_the_run_and_the_last_goes_on_to_its_end() -> None:
    one, two = Phase(epochs=4), Phase(epochs=16)
    assert spans((one, two), 30, 30) == [(0, 4, one, 4), (4, 26, two, 26)]
    assert spans((one, two), 3, 3) == [(0, 3, one, 3)]
    assert spans((Phase(), two), 3, 3) == [(0, 3, Phase(), 3)]


def test_phases_of_a_short_training_are_proportional_and_kept_if_possible() -> None:
    one, two, three = Phase(epochs=4), Phase(epochs=10), Phase()
    assert spans((one, two, three), 15, 30) == [(0, 2, one, 4), (2, 5, two, 10), (7, 8, three, 16)]
    assert spans((one, two, three), 3, 30) == [(0, 1, one, 4), (1, 1, two, 10), (2, 1, three, 16)]
    assert spans((one, two, three), 2, 30) == [(0, 1, two, 10), (1, 1, three, 16)]
    assert spans((one, three), 10, 20) == [(0, 2, one, 4), (2, 8, three, 16)]


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        (("tail",), "no layer 'tail' to freeze: those with weights are reused, normal, head"),
        (("reused", "normal", "head"), "leaves no weights"),
    ],
)
def test_unknown_layers_and_nothing_left_to_train_are_refused(frozen: tuple[str, ...], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Run(recipe(Phase(frozen=frozen)), DATA, epochs=1, metric="mse", seed=SEED)


def test_a_phase_without_epochs_or_with_a_rate_below_zero_is_refused() -> None:
    with pytest.raises(DefinitionError, match="a phase of 0 epochs"):
        Phase(epochs=0)
    with pytest.raises(DefinitionError, match="learning rate of -1"):
        Phase(rate=-1)
