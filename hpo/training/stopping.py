"""Early stopping: a training ends when its scores stop improving, and keeps the weights of its best epoch."""

from dataclasses import dataclass

from hpo.errors import DefinitionError
from hpo.study.checked_records import check
from hpo.training.plateau import Score

__all__ = ["EarlyStopping", "Patience"]


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
