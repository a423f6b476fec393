"""The race: the best few of a search and the baselines, measured again on common rounds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from hpo.analysis.methods.intervals import Interval, standard_error, student
from hpo.errors import UsageError
from hpo.study import Direction
from hpo.study.checked_records import Count, Name, Share, arguments, check
from hpo.study.direction import sign

__all__ = ["RaceFinding", "Racer", "rank"]

_RESAMPLES = 9_999  # of the rounds


@dataclass(frozen=True, kw_only=True)
class Racer:
    """One configuration in the race.

    Raises:
        UsageError: a field is not of its kind.

    """

    name: Name  # for a person; unique in its race
    number: Count | None  # of its trial; None: a baseline
    search_value: float | None  # what the search measured; None: it was no trial of the search
    scores: tuple[float, ...]  # measured again, one a round; the same rounds for all

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    @property
    def mean(self) -> float:
        """The mean of its scores."""
        return fmean(self.scores)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields."""
        return {**asdict(self), "scores": list(self.scores)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Racer":
        """The record of which `to_json` made `document`."""
        return cls(**{**document, "scores": tuple(document["scores"])})


@dataclass(frozen=True, kw_only=True)
class RaceFinding:
    """What the race says about the search.

    Raises:
        UsageError: a field is not of its kind.

    """

    order: tuple[Racer, ...]  # best mean first
    winner: Racer  # the first that is no baseline
    optimism: (
        float | None
    )  # of the search's best trial: its value minus its mean here, signed so that positive flattered
    optimism_ci95: Interval | None  # Student's t over the rounds, the search value taken as given; None: one round
    tau: (
        float | None
    )  # Kendall's, of the search's order and this one, baselines apart; None: fewer than two, or no order
    first_share: (
        Share | None
    )  # of bootstrap resamples of the rounds: the winner stays first of the trials; None: one round

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields; racers as `Racer.to_json` has them."""
        return {
            "order": [racer.to_json() for racer in self.order],
            "winner": self.winner.to_json(),
            "optimism": self.optimism,
            "optimism_ci95": None if self.optimism_ci95 is None else list(self.optimism_ci95),
            "tau": self.tau,
            "first_share": self.first_share,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "RaceFinding":
        """The record of which `to_json` made `document`."""
        interval = document["optimism_ci95"]
        return cls(
            order=tuple(Racer.from_json(racer) for racer in document["order"]),
            winner=Racer.from_json(document["winner"]),
            optimism=document["optimism"],
            optimism_ci95=None if interval is None else (interval[0], interval[1]),
            tau=document["tau"],
            first_share=document["first_share"],
        )


@arguments(UsageError)
def rank(racers: Sequence[Racer], *, direction: Direction, seed: Count = 0) -> RaceFinding:
    """Order the racers by their mean score and say how far the search's own values can be trusted.

    Equal means go by the search's value, then by the order given.

    Args:
        racers: at least one trial, any number of baselines, all with the same rounds.
        direction: of the scores.
        seed: of the bootstrap.

    Raises:
        UsageError: no trial among them, a name twice, rounds that differ or are none, a score that is not finite.

    """
    _check(racers)
    better = sign(direction)
    order = tuple(sorted(racers, key=lambda racer: (-better * racer.mean, -better * _searched(racer, better))))
    trials = [racer for racer in order if racer.number is not None]
    optimism, interval = _optimism(trials, better)
    return RaceFinding(
        order=order,
        winner=trials[0],
        optimism=optimism,
        optimism_ci95=interval,
        tau=_tau(trials),
        first_share=_first_share(trials, better, seed),
    )


def _searched(racer: Racer, better: int) -> float:
    return -better * math.inf if racer.search_value is None else racer.search_value


def _optimism(trials: Sequence[Racer], better: int) -> tuple[float | None, Interval | None]:
    known = [trial for trial in trials if trial.search_value is not None]
    if not known:
        return None, None
    # The best of the search; of equal ones the first that was tried, which is the one the search shows.
    best = min(known, key=lambda trial: (-better * _searched(trial, better), trial.number))
    flattery = [better * (_searched(best, better) - score) for score in best.scores]
    mean = fmean(flattery)
    if len(flattery) < 2:
        return mean, None
    return mean, student(mean, standard_error(stdev(flattery), len(flattery)), len(flattery))


def _tau(trials: Sequence[Racer]) -> float | None:
    known = [(trial.search_value, trial.mean) for trial in trials if trial.search_value is not None]
    searched, measured = {value for value, _ in known}, {mean for _, mean in known}
    if min(len(searched), len(measured)) < 2:  # nothing to order, or all the same
        return None
    from scipy.stats import kendalltau

    return float(kendalltau([value for value, _ in known], [mean for _, mean in known]).statistic)


def _first_share(trials: Sequence[Racer], better: int, seed: int) -> float | None:
    """Share of resamples of the rounds in which the first trial stays first; a tie of k counts 1/k."""
    scores = better * np.array([trial.scores for trial in trials])  # (trials, rounds)
    count, rounds = scores.shape
    if count < 2 or rounds < 2:
        return None
    # How often each round is drawn: (resamples, rounds).
    weights = np.random.default_rng(seed).multinomial(rounds, np.full(rounds, 1 / rounds), size=_RESAMPLES) / rounds
    means = weights @ scores.T  # (resamples, trials)
    first = np.isclose(means, means.max(axis=1, keepdims=True), rtol=1e-12, atol=0.0)
    return float(np.mean(first[:, 0] / first.sum(axis=1)))


def _check(racers: Sequence[Racer]) -> None:
    if all(racer.number is None for racer in racers):
        raise UsageError("there is no trial in the race: give at least one beside the baselines")
    names = [racer.name for racer in racers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{twice[0]!r} is in the race twice: each racer needs a name of its own")
    rounds = len(racers[0].scores)
    for racer in racers:
        if len(racer.scores) != rounds or not rounds:
            raise UsageError(
                f"{racer.name!r} has {len(racer.scores)} rounds and {racers[0].name!r} {rounds}: all need the same"
                " number, and at least one"
            )
