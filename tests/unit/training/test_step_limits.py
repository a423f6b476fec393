"""Clipping and max-norm against their definitions, step by step; every epoch here is one step."""

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.training import Clip, Recipe, Run, build

random = np.random.default_rng(3)
DATA = Rows(x=random.normal(0, 2, (12, 7)).astype(np.float32), y=random.normal(0, 3, 12).astype(np.float32))


def descent(rate: float, begin: list[np.ndarray] | None = None, **options: object) -> Run:
    """Plain gradient descent, from these weights."""

    def made(_: None) -> Recipe:
        layers = [keras.Input((7,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)]
        optimizer = keras.optimizers.SGD(rate)
        return Recipe(model=keras.Sequential(layers), optimizer=optimizer, loss="mse", batch_size=12, **options)

    recipe = build(made, None, 3)
    if begin is not None:
        recipe.model.set_weights(begin)
    return Run(recipe, DATA, epochs=8, metric="mse", seed=1)


def gradients(clip: Clip | None) -> list[np.ndarray]:
    """What gradient descent at a rate of 1 takes from the weights in its first step."""
    run = descent(1.0, clip=clip)
    before = run.model().get_weights()
    run.epoch()
    return [old - new for old, new in zip(before, run.model().get_weights(), strict=True)]


def norm(*values: np.ndarray) -> float:
    return float(np.sqrt(sum(np.square(value.astype(np.float64)).sum() for value in values)))


@pytest.mark.parametrize("share", [0.2, 0.9, 1.1])
def test_clipping_against_its_formula(share: float) -> None:
    """A threshold that takes from some of the variables, from none, or from nearly all."""
    plain = gradients(None)
    limit = share * max(norm(g) for g in plain)
    by_norm = [g * min(1, limit / norm(g)) for g in plain]
    together = [g * min(1, limit / norm(*plain)) for g in plain]
    component = share * max(np.abs(g).max() for g in plain)
    by_value = [np.clip(g, -component, component) for g in plain]
    for by, threshold, expected in (
        ("norm", limit, by_norm),
        ("global_norm", limit, together),
        ("value", component, by_value),
    ):
        for found, wanted in zip(gradients(Clip(by=by, threshold=float(threshold))), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_max_norm_holds_after_every_step() -> None:
    """And touches no unit that is within it: each step is the plain one, then scaled down."""
    limit = 0.9
    run = descent(0.05, max_norm=limit)
    reached, within = 0, 0
    for _ in range(8):
        plain = descent(0.05, run.model().get_weights())
        plain.epoch()
        run.epoch()
        for ours, free in zip(run.model().get_weights(), plain.model().get_weights(), strict=True):
            if ours.ndim == 1:  # a bias is free
                np.testing.assert_allclose(ours, free, atol=1e-5)
                continue
            norms = np.linalg.norm(free, axis=0)  # of what comes into each unit
            np.testing.assert_allclose(ours, free * np.minimum(1, limit / norms), atol=1e-5)
            assert np.linalg.norm(ours, axis=0).max() <= limit * (1 + 1e-6)
            reached += int((norms > limit).sum())
            within += int((norms < limit).sum())
    assert reached > 8
    assert within > 8
