"""Learning-rate schedules: the rate of every step of a run, as an array, and the momentum of every step beside it.

A schedule is data, not code in the training loop: the compiled epoch reads one rate a step, so every schedule and every
rate runs through the same program. What a schedule does only in answer to the scores of a run is a `Reaction`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DefinitionError
from hpo.study.checked_records import Positive, Share, check
from hpo.training.early_stopping import Plateau, Reaction

__all__ = [
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "LinearOneCycle",
    "OneCycle",
    "Performance",
    "PiecewiseConstant",
    "Power",
    "Schedule",
    "StepSchedules",
    "Triangular",
    "averaging",
    "drives_momentum",
]


class Schedule(ABC):
    """The learning rate as a function of the step.

    A schedule of one's own inherits from this and gives `rates`; the others have a default that changes nothing.
    """

    @abstractmethod
    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rate of each of `steps` steps, shape (steps,), for an optimizer whose own rate is `initial`."""

    def momenta(self, initial: float, steps: int) -> NDArray[np.float64] | None:  # noqa: ARG002 - for those that cycle
        """The momentum of each of `steps` steps, for an optimizer whose own is `initial`; None: its own throughout.

        In doubles, because what an optimizer needs of a momentum is often 1 minus it. Momentum is SGD's and RMSprop's
        where theirs is above 0, and beta_1 of Adam and its kin; an optimizer that has none keeps the rates alone.
        """
        return None

    def reaction(self) -> Reaction | None:
        """What changes the rates in answer to a run's scores, made anew for each run; None: nothing does."""
        return None

    def miniature(self, share: float) -> "Schedule":  # noqa: ARG002 - for those that count epochs
        """The schedule of a run with a `share` of the epochs, to whose steps `rates` and `momenta` are resampled.

        Itself, unless its reaction counts epochs.
        """
        return self


class StepSchedules(NamedTuple):
    """What is laid out for each step: of a run as arrays of shape (steps,), of one step as scalar tensors."""

    rate: Any  # float32
    momentum: Any  # float64: what is needed is often 1 minus it; of a step None where its optimizer has none
    averaging: Any  # float32: the weight of the newest weights in their average

    def steps(self, which: slice) -> "StepSchedules":
        """Those of some steps."""
        return StepSchedules(*(values[which] for values in self))


def averaging(share: float, steps: int) -> NDArray[np.float32]:
    """The weight c of the newest weights in their average, average += c (weights - average), for each of `steps` steps.

    1 up to the step with which the last `share` of them begins, so that the average is the weights; then 1/2, 1/3, …:
    it is the mean of the weights after each step since. With a share of 0 it is the last ones.
    """
    averaged = max(round(share * steps), 1)
    return (1 / np.maximum(np.arange(steps) - (steps - averaged) + 1, 1)).astype(np.float32)


def drives_momentum(schedule: Schedule | None) -> bool:
    """Whether a schedule says what the momentum of each step is."""
    return schedule is not None and schedule.momenta(0.0, 1) is not None


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The optimizer's own rate throughout."""

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """`initial`, `steps` times."""
        return np.full(steps, initial, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Power(Schedule):
    """initial / (1 + step / s)^c: falls fast, then ever more slowly. With c = 1 the `decay` of early Keras' optimizers.

    Source: Senior et al. 2013, "An empirical study of learning rates in deep neural networks".

    Raises:
        DefinitionError: s is not above 0, or c is below 0.

    """

    s: float  # steps after which the rate is initial / 2^c
    c: float = 1.0  # at least 0; 0 is a constant rate

    def __post_init__(self) -> None:
        check(self)
        if not (self.s > 0 and self.c >= 0):
            raise DefinitionError(f"Power(s={self.s}, c={self.c}): give s above 0 steps and c of at least 0, such as 1")

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The falling rates, from step 0."""
        step = np.arange(steps, dtype=np.float64)
        return (initial / (1 + step / self.s) ** self.c).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class ExponentialDecay(Schedule):
    """initial × decay_rate^(step / decay_steps), as `keras.optimizers.schedules.ExponentialDecay` without staircase.

    With a decay_rate of 0.1 exponential scheduling as it is usually written: a factor of 10 every decay_steps.

    Raises:
        DefinitionError: a number is not above 0.

    """

    decay_steps: float  # steps after which the rate has been multiplied by decay_rate once
    decay_rate: float = 0.1  # above 0

    def __post_init__(self) -> None:
        check(self)
        if not (self.decay_steps > 0 and self.decay_rate > 0):
            raise DefinitionError(f"{self}: give steps and a rate of decay above 0")

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The decaying rates, from step 0."""
        step = np.arange(steps, dtype=np.float64)
        return (initial * self.decay_rate ** (step / self.decay_steps)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class PiecewiseConstant(Schedule):
    """A rate for each part of the run: initial × the part's factor.

    As `keras.optimizers.schedules.PiecewiseConstantDecay`, but for boundaries that are shares of the run, so that a
    schedule means the same for any number of epochs; the step on a boundary belongs to the part before it, as there.

    Raises:
        DefinitionError: the boundaries do not rise within (0, 1), or there is not one factor more than boundaries.

    """

    boundaries: tuple[float, ...] = (0.5, 0.75)  # shares of the run's steps, rising
    factors: tuple[float, ...] = (1.0, 0.1, 0.01)  # of the initial rate, one a part

    def __post_init__(self) -> None:
        check(self)
        edges = (0.0, *self.boundaries, 1.0)
        if not all(a < b for a, b in pairwise(edges)):
            raise DefinitionError(f"boundaries {self.boundaries} do not rise between 0 and 1: give shares of the run")
        if len(self.factors) != len(self.boundaries) + 1:
            raise DefinitionError(
                f"{len(self.factors)} factors for {len(self.boundaries)} boundaries: give one factor a part, "
                f"{len(self.boundaries) + 1} in all"
            )

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rates, part after part."""
        part = np.searchsorted(np.asarray(self.boundaries) * steps, np.arange(steps), side="left")
        return (initial * np.asarray(self.factors)[part]).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class CosineDecay(Schedule):
    """Half a cosine from `initial` to 0 over the whole run (Loshchilov and Hutter, arXiv 1608.03983, one period)."""

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The falling rates; the last step is the last one above 0."""
        step = np.arange(steps, dtype=np.float64)
        return (initial * 0.5 * (1 + np.cos(np.pi * step / steps))).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """Up to the peak and down again (Smith, arXiv 1803.09820), both halves cosine; `initial` is the peak.

    Raises:
        DefinitionError: the warm-up is no share of the steps, or a divisor is not above 0.

    """

    warmup: Share = 0.3  # of the steps, spent rising
    start_divisor: Positive = 25.0  # the first rate is the peak divided by this
    end_divisor: Positive = 1e4  # the last rate is the first divided by this

    def __post_init__(self) -> None:
        check(self)

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rising and falling rates; `initial` is reached at the end of the warm-up."""
        first = initial / self.start_divisor
        last = first / self.end_divisor
        rise = max(1, round(self.warmup * steps))
        up = _cosine(first, initial, rise)
        down = _cosine(initial, last, steps - rise)
        return np.concatenate([up, down]).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class LinearOneCycle(Schedule):
    """1cycle as Smith first gave it: three straight lines, and momentum that goes the other way; `initial` is the peak.

    Over the steps before the tail, the rate rises from initial / start_divisor to the peak during the first half and
    falls back during the second, while momentum falls from momentum[0] to momentum[1] and rises back. Over the tail the
    rate falls on to initial / start_divisor / end_divisor and momentum stays. Source: Smith, arXiv 1803.09820.

    Raises:
        DefinitionError: the tail or a momentum is not in [0, 1), or a divisor is below 1.

    """

    start_divisor: float = 10.0  # the first rate is the peak divided by this
    tail: float = 0.1  # share of the steps, the last ones, over which the rate drops by orders of magnitude
    end_divisor: float = 1e3  # the last rate is the first divided by this
    momentum: tuple[float, float] | None = (0.95, 0.85)  # at the ends and at the peak; None: the optimizer's own

    def __post_init__(self) -> None:
        check(self)
        if not 0 <= self.tail < 1 or self.start_divisor < 1 or self.end_divisor < 1:
            raise DefinitionError(
                f"LinearOneCycle(tail={self.tail}, start_divisor={self.start_divisor}, end_divisor={self.end_divisor}):"
                " give a tail in [0, 1) and divisors of at least 1"
            )
        if self.momentum is not None and not all(0 <= value < 1 for value in self.momentum):
            raise DefinitionError(f"momenta {self.momentum} of 1cycle: give two in [0, 1), such as 0.95 and 0.85")

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rates along the three lines: the first at the first step, the last at the last."""
        first = initial / self.start_divisor
        return self._along((first, initial, first, first / self.end_divisor), steps).astype(np.float32)

    def momenta(self, initial: float, steps: int) -> NDArray[np.float64] | None:  # noqa: ARG002 - it goes its own way
        """Down and up along lines with the same corners, level over the tail."""
        if self.momentum is None:
            return None
        high, low = self.momentum
        return self._along((high, low, high, high), steps)

    def _along(self, values: tuple[float, float, float, float], steps: int) -> NDArray[np.float64]:
        """The lines between the values at the start, at the peak, where the tail begins, and at the end."""
        last = steps - 1
        peak = round(last * (1 - self.tail) / 2)  # a step of its own: a run reaches the peak however short it is
        line = np.interp(np.arange(steps), (0, peak, 2 * peak, max(last, 2 * peak)), values)
        line[peak] = values[1]
        return line


@dataclass(frozen=True, kw_only=True)
class Triangular(Schedule):
    """Linear up to the peak and linear down to zero; `initial` is the peak.

    Rates are 0 one step before the first and one behind the last, so that each step has one above 0. Source: Jordan,
    arXiv 2404.00498; Smith, arXiv 1506.01186.

    Raises:
        DefinitionError: the peak is not within [0, 1].

    """

    peak: Share = 0.25  # of the steps, before the one with the highest rate

    def __post_init__(self) -> None:
        check(self)

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rising and falling rates; the peak is a step's own however short the run."""
        top = min(round(self.peak * steps), steps - 1)
        return np.interp(np.arange(steps), (-1, top, steps), (0.0, initial, 0.0)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Performance(Schedule):
    """The rate multiplied by `factor` whenever the run's scores stop improving, as `keras.callbacks.ReduceLROnPlateau`.

    What is watched is the metric on the validation rows after each epoch, in the direction that is the metric's own; a
    run without validation rows watches its training loss.

    Raises:
        DefinitionError: the factor is not in (0, 1), or another number is below what it may be.

    """

    factor: float = 0.5  # in (0, 1)
    patience: int = 5  # epochs without improvement before the rate falls
    min_delta: float = 1e-4  # what counts as an improvement, in units of the metric
    cooldown: int = 0  # epochs after a fall in which none is counted
    min_rate: float = 0.0  # no rate falls below it

    def __post_init__(self) -> None:
        check(self)
        if not 0 < self.factor < 1:
            raise DefinitionError(f"factor {self.factor} is not between 0 and 1: give what the rate is multiplied by")
        if self.patience < 1 or min(self.min_delta, self.cooldown, self.min_rate) < 0:
            raise DefinitionError(f"{self}: give a patience of at least 1 epoch, and nothing below 0")

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """`initial` throughout: what the rates are until the scores say otherwise."""
        return np.full(steps, initial, dtype=np.float32)

    def reaction(self) -> Reaction:
        """The plateau rule, which lowers the rate where scores stop improving."""
        return Plateau(
            factor=self.factor,
            patience=self.patience,
            min_delta=self.min_delta,
            cooldown=self.cooldown,
            min_rate=self.min_rate,
        )

    def miniature(self, share: float) -> "Performance":
        """The same for a `share` of the epochs: patience, at least 1, and cooldown in proportion."""
        return replace(self, patience=max(1, round(self.patience * share)), cooldown=round(self.cooldown * share))


def _cosine(start: float, end: float, steps: int) -> NDArray[np.float64]:
    """`steps` rates from `start` to `end` along half a cosine, both ends included where there are two or more."""
    progress = np.linspace(0.0, 1.0, steps) if steps > 1 else np.ones(steps)
    return end + (start - end) * 0.5 * (1 + np.cos(np.pi * progress))
