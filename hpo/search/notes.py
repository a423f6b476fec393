"""What a trial notes of its training, whether it searched or measured."""

from typing import NoReturn, Protocol

from optuna.exceptions import TrialPruned
from optuna.trial import BaseTrial

__all__ = ["FEASIBLE", "Work", "note_work", "reject"]

FEASIBLE = "feasible"  # the constraint told to Optuna: above 0 where a configuration cannot be trained


class Work(Protocol):
    """A training, finished or broken off."""

    @property
    def train(self) -> float | None:
        """The metric on the rows it is trained on; None before the first epoch is over."""

    @property
    def epochs(self) -> int:
        """Completed."""

    @property
    def compile_seconds(self) -> float:
        """Spent compiling."""

    @property
    def fit_seconds(self) -> float:
        """Spent training."""


def note_work(trial: BaseTrial, work: Work) -> None:
    """Keep what a training came to as user attributes of its trial."""
    if work.train is not None:
        trial.set_user_attr("train", work.train)
    trial.set_user_attr("epochs", work.epochs)
    trial.set_user_attr("compile_seconds", round(work.compile_seconds, 3))
    trial.set_user_attr("fit_seconds", round(work.fit_seconds, 3))


def reject(trial: BaseTrial, reason: str) -> NoReturn:
    """End the trial of a configuration that cannot be trained, or not to the end. Raises TrialPruned."""
    trial.set_constraint(FEASIBLE, 1.0)
    trial.set_user_attr("reason", reason)
    raise TrialPruned(reason)
