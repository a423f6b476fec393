"""What a schedule does in answer to a run's scores: the plateau rule of performance scheduling."""

from dataclasses import dataclass
from typing import Protocol

from hpo.study.annotations import AnyFloat
from hpo.study.checked_records import check

__all__ = ["Plateau", "Reaction", "Score"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a run is judged by after an epoch."""

    value: AnyFloat  # the metric on the rows watched, or the training loss
    higher: bool  # whether higher is better

    def __post_init__(self) -> None:
        check(self)

    def beats(self, best: float | None, min_delta: float) -> bool:
        """Whether it is better than `best` by more than `min_delta`; the first score always is."""
        if best is None:
            return True
        return self.value - min_delta > best if self.higher else self.value + min_delta < best


class Reaction(Protocol):
    """Changes the rates of the steps that are left."""

    def factor_after(self, score: Score, rate: float) -> float:
        """What the rates left are multiplied by after an epoch with that score, `rate` being that of its last step."""


class Plateau:
    """`keras.callbacks.ReduceLROnPlateau`, its counters for one run."""

    def __init__(self, *, factor: float, patience: int, min_delta: float, cooldown: int, min_rate: float) -> None:
        self._factor = factor
        self._patience = patience
        self._min_delta = min_delta
        self._cooldown = cooldown
        self._min_rate = min_rate
        self._best: float | None = None
        self._wait = 0  # epochs without improvement
        self._cooling = 0  # epochs until they are counted again

    def factor_after(self, score: Score, rate: float) -> float:
        """1, or what lowers the rate."""
        if self._cooling:
            self._cooling -= 1
            self._wait = 0
        if score.beats(self._best, self._min_delta):
            self._best = score.value
            self._wait = 0
            return 1.0
        if self._cooling:
            return 1.0
        self._wait += 1
        if self._wait < self._patience or rate <= self._min_rate:
            return 1.0
        self._cooling = self._cooldown
        self._wait = 0
        return max(rate * self._factor, self._min_rate) / rate
