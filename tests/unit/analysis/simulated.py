"""Comparisons whose truth is known, many times over: how often do the verdicts and the intervals come out right?

Everything goes through the functions people use. `make simulate` prints all of it: simulate.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.analysis import Racer, compare, interim_alpha, rank

Rng = np.random.Generator
Scores = tuple[np.ndarray, np.ndarray]  # (pairs,) of a, (pairs,) of b
Draw = Callable[[Rng, int], Scores]

LOOKS = (12, 20, 28)  # pairs at the first, second and third look


def normal(rng: Rng, pairs: int, gain: float = 0.0) -> Scores:
    """A shared part that pairing takes away; what is left differs by a normal gain with standard deviation 1."""
    shared = rng.normal(90, 5, pairs)
    return shared + gain + rng.normal(0, np.sqrt(0.5), pairs), shared + rng.normal(0, np.sqrt(0.5), pairs)


def one_better(rng: Rng, pairs: int) -> Scores:
    """A true gain of one standard deviation of the differences."""
    return normal(rng, pairs, gain=1.0)


def skewed(rng: Rng, pairs: int) -> Scores:
    """Both sides lognormal with sigma 1: most scores alike, some far off."""
    return rng.lognormal(0, 1, pairs), rng.lognormal(0, 1, pairs)


def losses(rng: Rng, pairs: int) -> Scores:
    """Scores whose long tail is below, as accuracies near 1 have it."""
    return 1 - rng.gamma(2, 0.01, pairs), 1 - rng.gamma(2, 0.01, pairs)


def counted(rng: Rng, pairs: int) -> Scores:
    """Accuracies on 100 test rows: full of ties."""
    return rng.binomial(100, 0.9, pairs) / 100, rng.binomial(100, 0.9, pairs) / 100


def steadier(rng: Rng, pairs: int) -> Scores:
    """Equal means, but b is three times as noisy: no difference in the mean, though the two are not alike."""
    return rng.normal(0, 1, pairs), rng.normal(0, 3, pairs)


def other_shape(rng: Rng, pairs: int) -> Scores:
    """Equal means and standard deviations; a is normal, b lognormal with sigma 0.5."""
    spread = np.sqrt((np.exp(0.25) - 1) * np.exp(0.25))
    return rng.normal(np.exp(0.125), spread, pairs), rng.lognormal(0, 0.5, pairs)


def rare_losses(rng: Rng, pairs: int) -> Scores:
    """Gains of mean 0 whose long tail is all on one side (exponential): what no interval of so few pairs can see."""
    return 1 - rng.exponential(1, pairs), np.zeros(pairs)


def collapses(rng: Rng, pairs: int) -> Scores:
    """Gains of mean 0: a is ahead by 1, and collapses in one run of twenty, by 19; what few pairs seldom contain."""
    return np.where(rng.random(pairs) < COLLAPSE, 1 - 1 / COLLAPSE, 1.0) + rng.normal(0, 0.2, pairs), np.zeros(pairs)


def autocorrelated(rng: Rng, pairs: int) -> Scores:
    """Normal gains of mean 0, each correlated by 0.5 with the one before, as a machine that drifts would make them."""
    own = rng.normal(0, 1, pairs)
    gains = np.empty(pairs)
    gains[0] = own[0]
    for number in range(1, pairs):
        gains[number] = 0.5 * gains[number - 1] + np.sqrt(0.75) * own[number]
    return gains, np.zeros(pairs)


def shared_test_set(rng: Rng, pairs: int) -> Scores:
    """Normal gains that share the luck of one test set, half their own spread; over all test sets their mean is 0.

    No difference to a verdict about those rows: what happens to one that is taken for a verdict about the task.
    """
    return rng.normal(0, 0.5) + rng.normal(0, 1, pairs), np.zeros(pairs)


COLLAPSE = 1 / 20  # probability of a run

ALIKE: tuple[Draw, ...] = (normal, skewed, losses, counted)  # a and b exchangeable: no difference of any kind
EQUAL_MEANS: tuple[Draw, ...] = (steadier, other_shape)
UNSEEN: tuple[Draw, ...] = (rare_losses, collapses)  # equal means, and what tells against a is rare
CORRELATED: tuple[Draw, ...] = (autocorrelated, shared_test_set)  # equal means, and pairs are not independent


@dataclass(frozen=True)
class Rates:
    """Shares of the simulations."""

    better: float
    worse: float
    equivalent: float
    firm: float = 0.0  # better, and no caution that a few pairs went far against it


def verdicts(
    draw: Draw,
    *,
    pairs: int = 12,
    simulations: int = 2_000,
    alpha: float = 0.05,
    seed: int = 0,
) -> Rates:
    """One look at `pairs`."""
    rng = np.random.default_rng(seed)
    found = [compare(*draw(rng, pairs), alpha=alpha) for _ in range(simulations)]
    said = [one.verdict for one in found]
    firm = sum(one.verdict == "better" and "skewness" not in one.note for one in found)
    return Rates(
        *(said.count(verdict) / simulations for verdict in ("better", "worse", "equivalent")), firm=firm / simulations
    )


def looked(draw: Draw, *, simulations: int = 2_000, seed: int = 0) -> Rates:
    """Three looks at growing pairs, each at its own alpha: what any of them said."""
    return _said(draw, LOOKS, interim_alpha, simulations, seed)


def looked_at_will(looks: Sequence[int], *, simulations: int = 2_000, seed: int = 0) -> float:
    """How often any look at growing normal pairs decides, for either side, where each spends 0.05."""
    rates = _said(normal, looks, lambda _: 0.05, simulations, seed)
    return rates.better + rates.worse  # what said both counts twice


def _said(draw: Draw, looks: Sequence[int], alpha: Callable[[int], float], simulations: int, seed: int) -> Rates:
    """What any of the looks said."""
    rng = np.random.default_rng(seed)
    said = np.zeros(3)
    for _ in range(simulations):
        a, b = draw(rng, looks[-1])
        verdicts_ = {
            compare(a[:pairs], b[:pairs], alpha=alpha(number)).verdict for number, pairs in enumerate(looks, start=1)
        }
        said += [verdict in verdicts_ for verdict in ("better", "worse", "equivalent")]
    return Rates(*map(float, said / simulations))


def inside_margin(*, simulations: int = 2_000, seed: int = 0) -> tuple[float, float]:
    """How often a true gain as large as the margin passes both one-sided tests: once at 0.05, and over three looks."""
    rng = np.random.default_rng(seed)
    once = over_looks = 0
    for _ in range(simulations):
        a, b = one_better(rng, LOOKS[-1])
        p = [compare(a[:pairs], b[:pairs], margin=1.0).p_equivalent or 0.0 for pairs in LOOKS]
        once += p[-1] < 0.05
        over_looks += any(value < interim_alpha(number) for number, value in enumerate(p, start=1))
    return once / simulations, over_looks / simulations


def coverage(pairs: int, *, simulations: int = 2_000, seed: int = 0) -> float:
    """Share of 95 % intervals that hold the true gain of 0.3."""
    rng = np.random.default_rng(seed)
    inside = 0
    for _ in range(simulations):
        low, high = compare(*normal(rng, pairs, gain=0.3)).ci95 or (0.0, 0.0)
        inside += low <= 0.3 <= high
    return inside / simulations


def searched(*, studies: int = 200, seed: int = 0) -> tuple[Rates, float]:
    """Searches among equals: 50 trials and a baseline that differ by noise alone, raced, paired, judged.

    Returns:
        The rates over the studies, and the mean optimism in standard deviations of a trial's noise.

    """
    rng = np.random.default_rng(seed)
    found, optimism = [], []
    for number in range(studies):
        values = 0.9 + 0.01 * rng.normal(size=50)  # what the search measured; all are worth 0.9
        best = np.argsort(values)[::-1][:5]
        splits = 0.005 * rng.normal(size=3)  # the rounds are common: easy and hard splits for everybody
        again = 0.9 + splits + 0.01 * rng.normal(size=(6, 3))
        racers = [
            Racer(name=f"trial {trial}", number=int(trial), search_value=float(values[trial]), scores=tuple(scores))
            for trial, scores in zip(best, again[1:], strict=True)
        ]
        hand = Racer(name="baseline", number=None, search_value=None, scores=tuple(again[0]))
        finding = rank([*racers, hand], direction="maximize", seed=number)
        optimism.append((finding.optimism or 0.0) / 0.01)
        seeds = 0.005 * rng.normal(size=12)
        optimum, baseline = (0.9 + seeds + 0.01 * rng.normal(size=12) for _ in range(2))
        found.append(compare(optimum, baseline, alpha=interim_alpha(1)).verdict)
    rates = Rates(*(found.count(verdict) / studies for verdict in ("better", "worse", "equivalent")))
    return rates, float(np.mean(optimism))
