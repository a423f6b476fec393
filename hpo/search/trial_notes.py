"""What a trial notes of its training, whether it searched or measured."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

from optuna.exceptions import TrialPruned
from optuna.trial import BaseTrial

if TYPE_CHECKING:
    from hpo.training.probes import Probe

__all__ = ["FEASIBLE", "PROBES", "Work", "note_probes", "note_work", "reject"]

FEASIBLE = "feasible"  # the constraint told to Optuna: above 0 where a configuration cannot be trained

PROBES = "probes"  # user attribute of a trial: looks into its network, as Probe.to_json writes them


class Work(Protocol):
    """A training, finished or broken off."""

    @property
    def train(self) -> float | None:
        """The metric on the rows it is trained on; None before the first epoch is over."""

    @property
    def epochs(self) -> int:
        """How many epochs were trained to their end."""

    @property
    def compile_seconds(self) -> float:
        """Seconds spent on compiling."""

    @property
    def fit_seconds(self) -> float:
        """Seconds spent on training itself."""


def note_work(trial: BaseTrial, work: Work) -> None:
    """Keep what a training came to as user attributes of its trial."""
    if work.train is not None:
        trial.set_user_attr("train", work.train)
    trial.set_user_attr("epochs", work.epochs)
    trial.set_user_attr("compile_seconds", round(work.compile_seconds, 3))
    trial.set_user_attr("fit_seconds", round(work.fit_seconds, 3))


def note_probes(trial: BaseTrial, probes: "Sequence[Probe]") -> None:
    """Keep what was seen inside a trial's network, if there was a look."""
    if probes:
        trial.set_user_attr(PROBES, [probe.to_json() for probe in probes])


def reject(trial: BaseTrial, reason: str) -> NoReturn:
    """End the trial of a configuration that cannot be trained, or not to the end. Raises TrialPruned."""
    trial.set_constraint(FEASIBLE, 1.0)
    trial.set_user_attr("reason", reason)
    raise TrialPruned(reason)
