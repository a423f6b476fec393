"""Which parameters of a search matter, and how far the trials at hand can tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.errors import UsageError
from hpo.study import Direction, Params
from hpo.study.checked_records import AnyFloat, Count, Name, Share, Whole, arguments, check

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = [
    "ENOUGH_TRIALS",
    "LEAST_TRIALS",
    "Importance",
    "Importances",
    "importances",
]

LEAST_TRIALS = 8
"""Trials below which nothing is said: resamples of so few say nothing of how sure a share is."""

ENOUGH_TRIALS = 20
"""Trials below which what is said is very unsure: the ten best would be more than half of them."""

_LEAST_ACTIVE = 10  # trials in which a parameter had a meaning, below which its interval is not to be trusted
_METHOD = "ped-anova"
_MOST_RESAMPLES, _LEAST_RESAMPLES = 200, 100
_BUDGET = 100_000  # trials looked at in all resamples; about 2 s with a dozen parameters


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much of what separates good trials from the others lies in one parameter."""

    name: Name
    share: Share  # of the importance of all parameters, from 0 to 1; they sum to 1
    ci95: tuple[float, float]  # percentile bootstrap interval of the share
    trials: Count  # in which the parameter was active
    chance: Share  # a parameter without effect stays below this share 19 times of 20; below it: perhaps noise

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class Importances:
    """The parameters of a search by importance, or, where `parameters` is empty, why nothing can be said."""

    evaluator: str  # the method: ped-anova
    trials: Count  # it stands on
    basis: str = "complete"  # which trials these are, in words that follow their number
    parameters: tuple[Importance, ...]  # the most important first; empty where nothing can be said
    note: str  # what to keep in mind, or why there is nothing; may be empty

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@arguments(UsageError)
def importances(
    trials: Sequence[tuple[Params, AnyFloat]],
    distributions: Mapping[str, "BaseDistribution"],
    *,
    direction: Direction,
    seed: Count = 0,
    resamples: Whole | None = None,
) -> Importances:
    """How much each parameter matters for being among the best of `trials`: the best tenth, and at least ten.

    PED-ANOVA as Optuna has it (Watanabe et al. 2023, arXiv 2304.10255; conditional parameters: arXiv 2601.20800). The
    intervals are percentiles over trials drawn anew with replacement, wider the fewer trials there are; `chance` comes
    from values dealt out anew among the trials. Both take trials for independent, which those of a sampler that learns
    are not quite; and a parameter that such a sampler moved together with an important one borrows from it.

    Args:
        trials: parameters and finite value of every trial whose value compares with the others'.
        distributions: of every parameter, conditional ones too; one that can take a single value is left out.
        direction: maximize or minimize.
        seed: of the resamples.
        resamples: drawn for the intervals, and half as many for `chance`; None: 200, and down to 100 where the trials
            are so many that it would take more than about 2 s.

    """
    varying = {name: entry for name, entry in distributions.items() if not entry.single()}
    trials = [(params, value) for params, value in trials if math.isfinite(value)]
    varying = {name: entry for name, entry in varying.items() if any(name in params for params, _ in trials)}
    problem = _problem(trials, varying)
    if problem is not None:
        return Importances(evaluator=_METHOD, trials=len(trials), parameters=(), note=problem)
    wanted = resamples or min(_MOST_RESAMPLES, max(_LEAST_RESAMPLES, _BUDGET // len(trials)))
    return _measured(trials, varying, direction=direction, seed=seed, resamples=wanted)


def _problem(trials: Sequence[tuple[Params, float]], distributions: Mapping[str, object]) -> str | None:
    """Why nothing can be said, as one line; None where something can."""
    count = len(trials)
    if count < LEAST_TRIALS:
        there = {0: "no trial has", 1: "1 trial has"}.get(count, f"{count} trials have")
        return (
            f"{there} a value that compares, which says nothing about which parameters matter: at least {LEAST_TRIALS} "
            "are needed"
        )
    if len({value for _, value in trials}) == 1:
        return f"all {count} trials have the same value, so no parameter can matter"
    if not distributions:
        return "no parameter takes more than one value, so none can matter"
    return None


def _measured(
    trials: Sequence[tuple[Params, float]],
    distributions: Mapping[str, "BaseDistribution"],
    *,
    direction: str,
    seed: int,
    resamples: int,
) -> Importances:
    import numpy as np

    from hpo.analysis.ped_anova import PedAnova

    count = len(trials)
    values = np.array([value for _, value in trials], dtype=np.float64)
    method = PedAnova([params for params, _ in trials], distributions, direction=direction)
    rng = np.random.default_rng(seed)
    raw = method.importances(values)
    again = np.array([method.importances(values, rng.integers(0, count, count)) for _ in range(resamples)])
    dealt = np.array([method.importances(rng.permutation(values)) for _ in range(resamples // 2)])

    total = raw.sum() or 1.0
    shares = raw / total
    sums = again.sum(axis=1, keepdims=True)
    tail = _tail(count)
    low, high = np.percentile(again / np.where(sums > 0, sums, 1.0), [tail, 100 - tail], axis=0)
    chance = np.percentile(dealt, 95, axis=0) / total
    found = [
        Importance(
            name=name,
            share=float(shares[i]),
            # A skewed bootstrap may lie beside what was measured; the interval holds both.
            ci95=(min(float(low[i]), float(shares[i])), max(float(high[i]), float(shares[i]))),
            trials=sum(name in params for params, _ in trials),
            chance=min(1.0, float(chance[i])),
        )
        for i, name in enumerate(method.names)
    ]
    found.sort(key=lambda one: -one.share)  # stable: ties stay as declared
    return Importances(evaluator=_METHOD, trials=count, parameters=tuple(found), note=_caution(found, count))


def _tail(count: int) -> float:
    """Percent left out on each side, so that the interval of few trials is as wide as it must be.

    A percentile interval of n trials is too narrow, as if their variance were divided by n and quantiles were normal
    ones; expanded, it leaves out what Student's t leaves out (Hesterberg, The American Statistician 69, 2015).
    """
    from scipy.stats import norm, t

    return 100 * float(norm.cdf(-math.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1)))


def _caution(found: Sequence[Importance], count: int) -> str:
    """What the intervals do not allow one to say; empty where there is nothing of the kind."""
    told = [one for one in found if one.share > one.chance]
    cautions = [] if count >= ENOUGH_TRIALS else [f"{count} trials are few: the intervals say how little is sure"]
    if not told:
        return "; ".join([*cautions, "no parameter stands out from chance: more trials are needed"])
    first, *others = found
    rivals = [one.name for one in others if one.ci95[1] >= first.ci95[0]]
    if rivals:
        cautions.append(f"the interval of {first.name} overlaps that of {_listed(rivals)}: their order is not settled")
    rare = [one.name for one in found if one.trials < _LEAST_ACTIVE]
    if rare:
        cautions.append(
            f"{_listed(rare)} had a meaning in fewer than {_LEAST_ACTIVE} trials, which says little of them"
        )
    noise = len(found) - len(told)
    if noise:
        cautions.append(f"{noise} of {len(found)} parameters cannot be told from chance")
    return "; ".join(cautions)


def _listed(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
