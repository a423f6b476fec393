"""The race: the best few of a search and the baselines, measured again on common rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from hpo.analysis.verdict import Interval
from hpo.study import Direction

__all__ = ["RaceFinding", "Racer", "rank"]


@dataclass(frozen=True, kw_only=True)
class Racer:
    """One configuration in the race."""

    name: str  # for a person; unique in its race
    number: int | None  # of its trial; None: a baseline
    search_value: float | None  # what the search measured; None: it was no trial of the search
    scores: tuple[float, ...]  # measured again, one a round; the same rounds for all

    @property
    def mean(self) -> float:
        """Of the scores."""
        return fmean(self.scores)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields."""
        return {**asdict(self), "scores": list(self.scores)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Racer":
        """What `to_json` made."""
        return cls(**{**document, "scores": tuple(document["scores"])})


@dataclass(frozen=True, kw_only=True)
class RaceFinding:
    """What the race says about the search."""

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
        float | None
    )  # of bootstrap resamples of the rounds: the winner stays first of the trials; None: one round

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
        """What `to_json` made."""
        interval = document["optimism_ci95"]
        return cls(
            order=tuple(Racer.from_json(racer) for racer in document["order"]),
            winner=Racer.from_json(document["winner"]),
            optimism=document["optimism"],
            optimism_ci95=None if interval is None else (interval[0], interval[1]),
            tau=document["tau"],
            first_share=document["first_share"],
        )


def rank(racers: Sequence[Racer], *, direction: Direction, seed: int = 0) -> RaceFinding:
    """Order the racers by their mean score and say how far the search's own values can be trusted.

    Args:
        racers: at least one trial, any number of baselines, all with the same rounds.
        direction: of the scores.
        seed: of the bootstrap.

    Raises:
        UsageError: no trial among them, a name twice, rounds that differ or are none, a score that is not finite.

    """
    raise NotImplementedError
