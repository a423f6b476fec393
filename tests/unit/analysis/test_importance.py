"""Importances against functions whose parameters are known to matter, or not to, and against Optuna itself."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from hpo.analysis.parameter_importance import LEAST_TRIALS, Importances
from hpo.analysis.parameter_importance import importances as every_resample
from hpo.analysis.ped_anova import PedAnova

SPACE: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "layers": IntDistribution(1, 6),
    "kind": CategoricalDistribution(("a", None, True)),
    "momentum": FloatDistribution(0.0, 1.0),  # where kind is a
    "idle": FloatDistribution(0.0, 1.0),
}
importances = partial(every_resample, resamples=40)  # enough to tell what these tests ask
Trials = list[tuple[dict[str, Any], float]]
Draw = Callable[[int, Callable[[dict[str, Any]], float]], Trials]


@pytest.fixture
def draw(rng: np.random.Generator) -> Draw:
    def one(value: Callable[[dict[str, Any]], float]) -> tuple[dict[str, Any], float]:
        params: dict[str, Any] = {
            "rate": float(10 ** rng.uniform(-4, 0)),
            "layers": int(rng.integers(1, 7)),
            "kind": ("a", None, True)[rng.integers(3)],
            "idle": float(rng.random()),
        }
        if params["kind"] == "a":
            params["momentum"] = float(rng.random())
        return params, value(params) + 0.01 * float(rng.normal())

    return lambda count, value: [one(value) for _ in range(count)]


def planted(params: dict[str, Any]) -> float:
    """Best at a rate of 0.01; the layers matter a little, nothing else at all."""
    return -abs(math.log10(params["rate"]) + 2) + 0.05 * params["layers"]


@pytest.mark.thorough
def test_a_dominant_parameter_comes_first_and_an_idle_one_is_near_zero(draw: Draw) -> None:
    found = every_resample(draw(200, planted), SPACE, direction="maximize")
    first, by_name = found.parameters[0], {one.name: one for one in found.parameters}
    assert first.name == "rate"
    assert first.share > 0.7
    assert first.ci95[0] > 0.4
    assert first.share > first.chance
    assert by_name["idle"].ci95[1] < 0.2
    assert by_name["idle"].share < by_name["idle"].chance
    assert "cannot be told from chance" in found.note
    assert (found.evaluator, found.trials) == ("ped-anova", 200)


@pytest.mark.thorough
def test_a_parameter_without_effect_passes_chance_about_once_in_twenty(draw: Draw) -> None:
    passed = []
    for seed in range(6):
        found = importances(draw(60, planted), SPACE, direction="maximize", seed=seed)
        passed += [one.share > one.chance for one in found.parameters if one.name in ("idle", "kind", "momentum")]
    assert len(passed) == 18
    assert sum(passed) <= 5  # about one is expected


def test_no_parameter_stands_out_when_none_has_an_effect(draw: Draw) -> None:
    found = importances(draw(100, lambda _: 0.0), SPACE, direction="minimize", seed=1)
    assert "no parameter stands out from chance" in found.note or sum(
        one.share > one.chance for one in found.parameters
    ) <= 1  # fmt: skip
    assert all(one.ci95[1] - one.ci95[0] > 0.02 for one in found.parameters)


def test_importances_follow_the_direction(draw: Draw) -> None:
    def narrow(params: dict[str, Any]) -> float:
        """Very good on a small part of idle, and alike elsewhere; the worst depend on the layers."""
        return (5.0 if params["idle"] < 0.1 else 0.0) - (5.0 if params["layers"] == 6 else 0.0)

    trials = draw(300, narrow)
    assert importances(trials, SPACE, direction="maximize").parameters[0].name == "idle"
    assert importances(trials, SPACE, direction="minimize").parameters[0].name == "layers"


def test_shares_sum_to_one_and_lie_in_their_intervals(draw: Draw) -> None:
    found = importances(draw(LEAST_TRIALS, planted), SPACE, direction="maximize")
    assert sum(one.share for one in found.parameters) == pytest.approx(1.0)
    shares = [one.share for one in found.parameters]
    assert shares == sorted(shares, reverse=True)
    for one in found.parameters:
        assert 0 <= one.ci95[0] <= one.share <= one.ci95[1] <= 1
        assert 0 <= one.chance <= 1


def test_a_conditional_parameter_is_judged_only_by_trials_that_have_it(draw: Draw) -> None:
    trials = draw(300, lambda params: 1.0 - params.get("momentum", 1.0))
    found = importances(trials, SPACE, direction="maximize")
    momentum = next(one for one in found.parameters if one.name == "momentum")
    assert momentum.trials == sum("momentum" in params for params, _ in trials) < 150
    assert momentum.share > momentum.chance


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others(draw: Draw) -> None:
    trials = draw(40, planted)
    first = importances(trials, SPACE, direction="maximize", seed=5)
    assert importances(trials, SPACE, direction="maximize", seed=5) == first
    other = importances(trials, SPACE, direction="maximize", seed=6)
    assert [one.share for one in other.parameters] == [one.share for one in first.parameters]
    assert [one.ci95 for one in other.parameters] != [one.ci95 for one in first.parameters]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_shares_are_those_of_optuna_with_repeated_trials_too(
    direction: str, draw: Draw, rng: np.random.Generator
) -> None:
    trials = draw(120, planted)
    values = np.array([value for _, value in trials])
    mine = PedAnova([params for params, _ in trials], SPACE, direction=direction)
    for drawn in (np.arange(120), rng.integers(0, 120, 120)):
        study = optuna.create_study(direction=direction)
        for i in drawn:
            params, value = trials[i]
            active = {name: SPACE[name] for name in params}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=active, value=value))
        theirs = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.1))
        raw = mine.importances(values, drawn)
        assert dict(zip(mine.names, raw / raw.sum(), strict=True)) == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "no trial has a value that compares, which"),
        (1, "1 trial has a value that compares, which"),
        (7, "7 trials have a value that compares, which"),
    ],
)
def test_too_few_trials_give_no_importances_and_say_how_many_are_needed(count: int, said: str, draw: Draw) -> None:
    found = importances(draw(count, planted), SPACE, direction="maximize")
    assert (found.parameters, found.trials) == ((), count)
    assert found.note.startswith(said)
    assert found.note.endswith(f"at least {LEAST_TRIALS} are needed")


@pytest.mark.thorough
@pytest.mark.parametrize("count", [LEAST_TRIALS, 12])
def test_few_trials_have_wide_intervals_and_say_so(count: int, draw: Draw) -> None:
    few = every_resample(draw(count, planted), SPACE, direction="maximize")
    many = every_resample(draw(200, planted), SPACE, direction="maximize")
    assert few.note.startswith(f"{count} trials are few: the intervals say how little is sure")

    def wide(found: Importances) -> float:
        return max(one.ci95[1] - one.ci95[0] for one in found.parameters)

    assert wide(few) > 0.5
    assert wide(few) > 1.5 * wide(many)


def test_equal_values_and_constant_parameters_give_no_importances() -> None:
    trials: Trials = [({"x": i / 50}, 1.0) for i in range(50)]
    assert "have the same value" in importances(trials, {"x": FloatDistribution(0, 1)}, direction="maximize").note
    trials = [({"x": 0.5}, float(i)) for i in range(50)]
    found = importances(trials, {"x": FloatDistribution(0.5, 0.5)}, direction="maximize")
    assert (found.parameters, found.note) == ((), "no parameter takes more than one value, so none can matter")


def test_trials_with_non_finite_values_are_ignored(draw: Draw) -> None:
    trials = draw(LEAST_TRIALS, planted)
    spoilt: Trials = [*trials, (trials[0][0], math.inf), (trials[1][0], math.nan)]
    assert importances(spoilt, SPACE, direction="maximize") == importances(trials, SPACE, direction="maximize")


def test_overlapping_intervals_and_rare_parameters_are_cautioned_about(draw: Draw) -> None:
    trials = draw(30, planted)
    kept = [(params if i < 5 else {n: v for n, v in params.items() if n != "momentum"}, value)
            for i, (params, value) in enumerate(trials)]  # fmt: skip
    kept[0][0]["momentum"] = 0.5
    note = importances(kept, SPACE, direction="maximize").note
    assert "momentum had a meaning in fewer than 10 trials" in note
    overlapping = importances(draw(40, lambda p: p["idle"] + p["layers"] / 6), SPACE, direction="maximize").note
    assert "their order is not settled" in overlapping
