"""What follows from the scores of a run: early stopping, the weights of the best epoch, lower rates on a plateau."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from hpo.errors import DefinitionError
from hpo.study.checked_records import AnyFloat, check

__all__ = [
    "EarlyStopping",
    "Monitor",
    "Patience",
    "Plateau",
    "Reaction",
    "Score",
    "Weights",
]


@dataclass(frozen=True, kw_only=True)
class Score:
    """What is watched of an epoch."""

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


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """When a training ends before its last epoch, as `keras.callbacks.EarlyStopping`. Source: Prechelt 1998.

    What is watched is the metric on the validation rows after each epoch, in the direction that is the metric's own; a
    run without validation rows watches its training loss, unless `Recipe.watch` holds out rows for it. In a run of
    several phases it counts on from one to the next, and the best epoch may be of any.

    Raises:
        DefinitionError: the patience is below 1, or min_delta below 0.

    """

    patience: int = 10  # epochs without improvement before it ends
    min_delta: float = 0.0  # what counts as an improvement, in units of the metric
    restore_best: bool = True  # the run ends with the weights of its best epoch, also where it is not stopped

    def __post_init__(self) -> None:
        check(self)
        if self.patience < 1 or self.min_delta < 0:
            raise DefinitionError(
                f"EarlyStopping(patience={self.patience}, min_delta={self.min_delta}): give a patience of at least "
                "1 epoch and a min_delta of at least 0"
            )

    def miniature(self, share: float) -> "EarlyStopping":
        """That of a run with a `share` of the epochs: patience in proportion, at least 1."""
        return replace(self, patience=max(1, round(self.patience * share)))


class Patience:
    """The counters of `EarlyStopping` for one run."""

    def __init__(self, stopping: EarlyStopping) -> None:
        self._stopping = stopping
        self._best: float | None = None
        self._wait = 0  # epochs since the best one

    @property
    def over(self) -> bool:
        """Whether the training ends here."""
        return self._wait >= self._stopping.patience

    def improved(self, score: Score) -> bool:
        """Count an epoch: whether its score is the best so far."""
        if score.beats(self._best, self._stopping.min_delta):
            self._best = score.value
            self._wait = 0
            return True
        self._wait += 1
        return False


class Weights(Protocol):
    """The model of one run."""

    def snapshot(self) -> list[Any]:
        """A copy of its variables."""

    def restore(self, snapshot: list[Any]) -> None:
        """Put them back."""


class Monitor:
    """Watches the scores of one run: early stopping, the weights of its best epoch, and what its schedule answers."""

    def __init__(self, stopping: EarlyStopping | None, reaction: Reaction | None) -> None:
        self._patience = None if stopping is None else Patience(stopping)
        self._restores = stopping is not None and stopping.restore_best
        self.best: list[Any] | None = None  # the model's variables after the best epoch, where it restores them
        self.reaction = reaction  # of the schedule of this phase; early stopping counts on over the phases

    @property
    def over(self) -> bool:
        """Whether the scores have not improved for as long as the recipe waits."""
        return self._patience is not None and self._patience.over

    @property
    def heeds(self) -> bool:
        """Whether anything follows from the scores."""
        return self._patience is not None or self.reaction is not None

    def keeps(self, score: Score, weights: Weights) -> bool:
        """Take an epoch's score, its weights being these: whether a run that ended here would keep them."""
        if self._patience is None:
            return True
        improved = self._patience.improved(score)
        if improved and self._restores:
            self.best = weights.snapshot()
        return improved or not self._restores

    def factor(self, score: Score, rate: float) -> float:
        """What the rates of the steps left are multiplied by, `rate` being that of the last step."""
        return 1.0 if self.reaction is None else self.reaction.factor_after(score, rate)

    def end(self, weights: Weights) -> None:
        """Give the run the weights it ends with."""
        if self.best is not None:
            weights.restore(self.best)
            self.best = None
