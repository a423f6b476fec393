"""Interactions planted and absent, on every kind of axis."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.analysis.interaction import interaction

SPACE: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "width": FloatDistribution(0.0, 10.0),
    "layers": IntDistribution(1, 6),
    "kind": CategoricalDistribution(("a", None, True)),
    "size": CategoricalDistribution((32, 64)),
}


def drawn(rng: np.random.Generator, count: int = 200) -> list[dict[str, Any]]:
    return [
        {
            "rate": float(10 ** rng.uniform(-4, 0)),
            "width": float(rng.uniform(0, 10)),
            "layers": int(rng.integers(1, 7)),
            "kind": ("a", None, True)[rng.integers(3)],
            "size": (32, 64)[rng.integers(2)],
        }
        for _ in range(count)
    ]


def number(params: dict[str, Any], name: str) -> float:
    """What a parameter does by itself, from -1 to 1."""
    if name == "kind":
        return {"a": -1.0, None: 0.2, True: 1.0}[params[name]]
    value, domain = float(params[name]), SPACE[name]
    if name == "size":
        return value / 16 - 3
    low, high = domain.low, domain.high  # type: ignore[attr-defined]
    if name == "rate":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return 2 * (value - low) / (high - low) - 1


PAIRS = [("rate", "width"), ("rate", "kind"), ("layers", "width"), ("kind", "size"), ("size", "layers")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_additive_effects_have_no_interaction_strength(first: str, second: str, rng: np.random.Generator) -> None:
    trials = [(p, number(p, first) - 2 * number(p, second) + 0.1 * float(rng.normal())) for p in drawn(rng)]
    found = interaction(trials, SPACE, first, second)
    assert found is not None
    assert found.strength == pytest.approx(0, abs=0.02)
    assert found.p_value is not None
    assert found.p_value > 0.005


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_an_effect_reversed_by_the_other_parameter_has_full_strength(
    first: str, second: str, rng: np.random.Generator
) -> None:
    trials = [(p, number(p, first) * number(p, second) + 0.05 * float(rng.normal())) for p in drawn(rng)]
    found = interaction(trials, SPACE, first, second)
    assert found is not None
    assert found.strength is not None
    assert found.strength > 0.8
    assert found.p_value is not None
    assert found.p_value < 1e-6


def test_a_curve_in_one_parameter_is_no_interaction(rng: np.random.Generator) -> None:
    trials = [(p, number(p, "rate") ** 2 + 0.05 * float(rng.normal())) for p in drawn(rng)]
    found = interaction(trials, SPACE, "rate", "width")
    assert found is not None
    assert found.strength == pytest.approx(0, abs=0.02)


def test_interaction_axes_know_their_scale_and_kind(rng: np.random.Generator) -> None:
    trials = [(p, p["width"]) for p in drawn(rng, 20)]
    found = interaction(trials, SPACE, "rate", "kind")
    assert found is not None
    assert (found.first, found.first_log, found.first_kind) == ("rate", True, "numeric")
    assert (found.second, found.second_log, found.second_kind) == ("kind", False, "categorical")
    assert found.points == tuple((p["rate"], p["kind"], value) for p, value in trials)
    assert found.grid is None  # 20 rates are no columns


def test_a_grid_holds_means_and_how_many_trials_they_stand_on() -> None:
    places = [("a", 2), ("a", 2), (True, 5), (None, 5)]
    values = [1.0, 2.0, 7.0, 9.0]
    trials = [({"kind": kind, "layers": layers}, v) for (kind, layers), v in zip(places, values, strict=True)]
    found = interaction(trials, SPACE, "kind", "layers")
    assert found is not None
    assert found.grid is not None
    assert (found.grid.columns, found.grid.rows) == (("a", None, True), (2, 5))
    assert found.grid.means == ((1.5, None, None), (None, 9.0, 7.0))
    assert found.grid.counts == ((2, 0, 0), (0, 1, 1))
    assert (found.strength, found.p_value) == (None, None)  # four trials tell nothing


def test_parameters_that_never_meet_have_no_interaction() -> None:
    trials: list[tuple[dict[str, Any], float]] = [({"rate": 0.1}, 1.0), ({"width": 1.0}, 2.0)]
    assert interaction(trials, SPACE, "rate", "width") is None
    assert interaction([], SPACE, "rate", "width") is None


def test_an_interaction_uses_only_trials_with_both_parameters(rng: np.random.Generator) -> None:
    trials = [(p, 1.0) for p in drawn(rng, 10)]
    for params, _ in trials[:4]:
        del params["width"]
    found = interaction(trials, SPACE, "rate", "width")
    assert found is not None
    assert len(found.points) == 6


def test_equal_values_have_no_strength(rng: np.random.Generator) -> None:
    found = interaction([(p, 3.0) for p in drawn(rng)], SPACE, "rate", "width")
    assert found is not None
    assert (found.strength, found.p_value) == (None, None)


trial = st.tuples(
    st.fixed_dictionaries({"kind": st.sampled_from(("a", None, True)), "layers": st.integers(1, 6)}),
    st.floats(-1e6, 1e6),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(trial, min_size=1, max_size=60))
def test_a_grid_loses_no_trial_and_strength_is_a_share(trials: list[tuple[dict[str, Any], float]]) -> None:
    found = interaction(trials, SPACE, "kind", "layers")
    assert found is not None
    assert found.grid is not None
    cells = [
        (mean, count)
        for means, counts in zip(found.grid.means, found.grid.counts, strict=True)
        for mean, count in zip(means, counts, strict=True)
    ]
    assert sum(count for _, count in cells) == len(trials)
    assert all((mean is None) == (count == 0) for mean, count in cells)
    total = sum(mean * count for mean, count in cells if mean is not None)
    assert total == pytest.approx(sum(value for _, value in trials), rel=1e-9, abs=1e-3)
    assert found.strength is None or 0 <= found.strength <= 1
    assert found.p_value is None or 0 <= found.p_value <= 1
