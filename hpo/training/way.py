"""The two ways a run is trained have one face: the compiled loop, or Keras's own fit."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import keras
from numpy.typing import NDArray

from hpo.data.structures import Arrays
from hpo.study.checked_records import AnyFloat, NotNegative, Whole, check
from hpo.training.miniature import FullTraining
from hpo.training.phases import Phase
from hpo.training.schedules import StepSchedules

__all__ = ["Epoch", "Midway", "Way"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    number: Whole  # from 1
    loss: AnyFloat  # what was minimised, penalties included: mean over the epoch's rows, as seen while training
    train: AnyFloat  # the metric, mean over the epoch's rows, as seen while training
    validation: AnyFloat | None  # the metric after the epoch on validation rows, or those held out; None: not scored
    seconds: NotNegative  # of this epoch, its validation included

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Midway:
    """Where a training stands within an epoch, so that it can go on from there to the bit.

    Which rows a step takes depends on the seed, the epoch and the number of the step alone.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    step: Whole  # made, from the beginning of the epoch
    loss: AnyFloat  # sum over the rows of these steps of what was minimised
    metric: AnyFloat | None  # sum of the metric, and the number it is a sum over; None: it is no mean over rows
    counted: AnyFloat | None

    def __post_init__(self) -> None:
        check(self)


class Way(Protocol):
    """How a run is trained and scored: the compiled loop, or Keras's fit. Its weights are those of this run."""

    @property
    def steps(self) -> int | None:
        """Of an epoch; None: not known before the first is over."""

    @property
    def momentum(self) -> float | None:
        """The optimizer's own, where a schedule can say another one."""

    @property
    def higher(self) -> bool:
        """Whether a higher metric is better."""

    @property
    def halted(self) -> bool:
        """Whether something but the run itself ended the training with the latest epoch."""

    def full_steps(self, full: FullTraining) -> int:
        """How many steps an epoch of the full training has."""

    def begin(self, phase: Phase) -> None:
        """Begin a phase, the first or the next one: weights are carried over, the optimizer begins anew."""

    def epoch(
        self, number: int, schedules: StepSchedules | None, beat: Callable[[], object] | None
    ) -> tuple[float, float | None]:
        """Train an epoch, from 1: the mean loss, and the metric as seen while training where it was seen.

        `schedules` are those of its steps. Raises Diverged.
        """

    def score_train(self) -> float:
        """The metric on the data it is trained on. Raises Diverged."""

    def score_validation(self) -> float | None:
        """The metric on the validation data; None without. Raises Diverged."""

    def score(self, data: Any) -> float:
        """The metric on other data. Raises Diverged, Infeasible."""

    def predict(self, x: Arrays) -> Any:
        """The outputs, (rows, ...), in the structure the model gives them in."""

    def averaged(self) -> AbstractContextManager[None]:
        """Within it the weights are the averages that training would end with, where there are averages."""

    def average(self) -> None:
        """Let the weights be their averages from now on."""

    def snapshot(self) -> list[Any]:
        """A copy of the model's variables."""

    def restore(self, snapshot: list[Any]) -> None:
        """Put the model's variables back."""

    def model(self) -> keras.Model:
        """The recipe's model with the weights as they are."""

    def end(self) -> None:
        """The training is over."""

    @property
    def unkept(self) -> str | None:
        """Why a checkpoint could not hold all that its training depends on, in words; None: it can."""

    @property
    def divisible(self) -> bool:
        """Whether a checkpoint may be made within an epoch."""

    @property
    def midway(self) -> Midway | None:
        """Where it stands within an epoch that has begun; None: between two."""

    def values(self) -> list[NDArray[Any]]:
        """All numbers that training changes: of the model, of the optimizer, of what draws at random."""

    def resume(self, values: list[NDArray[Any]], epochs: int, midway: Midway | None) -> None:
        """Go on, in the phase that has begun, from where `values` were taken, after so many epochs.

        Raises UnusableError, and is as it was, where they are not those of this model and optimizer.
        """
