"""What follows from the scores of a run: other rates, the end of it, the weights it ends with."""

from typing import TYPE_CHECKING, Any

from hpo.training.plateau import Score
from hpo.training.schedules import Schedule
from hpo.training.stopping import EarlyStopping, Patience

if TYPE_CHECKING:
    from hpo.training.program import Program

__all__ = ["Judge"]


class Judge:
    """Watches one run: the reaction of its schedule, its early stopping, the weights of its best epoch."""

    def __init__(self, schedule: Schedule, stopping: EarlyStopping | None) -> None:
        self._schedule = schedule
        self._reaction = schedule.reaction()
        self._patience = None if stopping is None else Patience(stopping)
        self._restores = stopping is not None and stopping.restore_best
        self._best: list[Any] | None = None  # the model's variables after the best epoch

    def next_phase(self) -> None:
        """Let the schedule, laid out anew, react to what comes; early stopping counts on over the phases."""
        self._reaction = self._schedule.reaction()

    @property
    def over(self) -> bool:
        """Whether the scores have not improved for as long as the recipe waits."""
        return self._patience is not None and self._patience.over

    def heard(self, score: Score, program: "Program") -> bool:
        """Take an epoch's score, its weights being in `program`: whether a run that ended here would keep them."""
        if self._patience is None:
            return True
        improved = self._patience.improved(score)
        if improved and self._restores:
            self._best = program.snapshot()
        return improved or not self._restores

    def factor(self, score: Score, rate: float) -> float:
        """What the rates of the steps left are multiplied by, `rate` being that of the last step."""
        return 1.0 if self._reaction is None else self._reaction.factor_after(score, rate)

    def end(self, program: "Program") -> None:
        """Give the run the weights it ends with."""
        if self._best is not None:
            program.restore(self._best)
            self._best = None
