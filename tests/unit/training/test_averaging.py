"""The mean of the weights over the last steps, in the compiled loop, step by step against the plain training."""

from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.training import EarlyStopping, Phase, Recipe, Run, build
from hpo.training.compiled_program import programs

random = np.random.default_rng(2)
DATA = Rows(x=random.normal(size=(24, 5)).astype(np.float32), y=random.normal(size=24).astype(np.float32))
EPOCHS = 8  # a step each


def recipe(average: float = 0.0, rate: float = 0.05, **more: Any) -> Recipe:
    def made(_: None) -> Recipe:
        layers = [keras.Input((5,)), keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
        optimizer = keras.optimizers.SGD(rate, momentum=0.9)
        return Recipe(
            model=keras.Sequential(layers), optimizer=optimizer, loss="mse", batch_size=24, average=average, **more
        )

    return build(made, None, 3)


def trained(made: Recipe) -> list[list[np.ndarray]]:
    """The weights and moving statistics as a run hands them over after each epoch."""
    run = Run(made, DATA, epochs=EPOCHS, metric="mse", seed=1)
    found = []
    for _ in range(EPOCHS):
        run.epoch()
        found.append([array.copy() for array in run.model().get_weights()])
    return found


def test_the_weights_are_the_mean_over_the_last_steps_so_far() -> None:
    plain, averaged = trained(recipe()), trained(recipe(average=0.5))
    for step in range(EPOCHS):
        since = min(step, EPOCHS - 4)
        for number, ours in enumerate(averaged[step]):
            wanted = np.mean([plain[before][number] for before in range(since, step + 1)], axis=0)
            np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-6)


def test_scores_are_computed_with_the_averaged_weights() -> None:
    run = Run(recipe(average=1.0), DATA, DATA, epochs=3, metric="mse", seed=1)
    for _ in range(3):
        score = run.epoch().validation
        assert score == pytest.approx(run.evaluate(DATA))
        assert score == pytest.approx(float(np.mean((run.predict(DATA.x)[:, 0] - DATA.y) ** 2)), rel=1e-5)


@pytest.mark.thorough
def test_varying_the_share_and_the_rate_compiles_nothing() -> None:
    programs.clear()
    for average, rate in ((0.1, 0.05), (0.9, 0.05), (0.4, 0.01)):
        trained(recipe(average, rate))
    assert len(programs) == 1
    trained(recipe())
    assert len(programs) == 2


def test_a_run_in_anothers_program_averages_its_own_weights() -> None:
    alone = trained(recipe(average=0.5, rate=0.01))
    runs = [Run(recipe(average=0.5, rate=r), DATA, epochs=EPOCHS, metric="mse", seed=1) for r in (0.05, 0.01)]
    for _ in range(EPOCHS):
        for run in runs:
            run.epoch()
    for ours, wanted in zip(runs[1].model().get_weights(), alone[-1], strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-7)


def test_each_phase_ends_with_its_own_mean() -> None:
    phased = recipe(average=1.0, phases=(Phase(epochs=3), Phase()))
    plain = trained(recipe())
    averaged = trained(phased)
    wanted = np.mean([weights[0] for weights in plain[:3]], axis=0)
    np.testing.assert_allclose(averaged[2][0], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.thorough
def test_the_best_epochs_mean_is_restored() -> None:
    run = Run(recipe(average=1.0, stopping=EarlyStopping(patience=50)), DATA, DATA, epochs=6, metric="mse", seed=1)
    scores = [run.epoch().validation for _ in range(6)]
    assert run.evaluate(DATA) == pytest.approx(min(scores), rel=1e-5)


def test_an_optimizer_that_averages_itself_is_refused() -> None:
    with pytest.raises(DefinitionError, match="give one of them"):
        Recipe(
            model=keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]),
            optimizer=keras.optimizers.SGD(0.1, use_ema=True),
            loss="mse",
            average=0.5,
        )
