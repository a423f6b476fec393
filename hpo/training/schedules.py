"""Learning-rate schedules: the rate of every step of a run, as an array.

A schedule is data, not code in the training loop: the compiled epoch reads one rate a step, so every schedule and every
rate runs through the same program.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Constant", "CosineDecay", "ExponentialDecay", "OneCycle", "Schedule"]


class Schedule(ABC):
    """The learning rate as a function of the step."""

    @abstractmethod
    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rate of each of `steps` steps, shape (steps,), for an optimizer whose own rate is `initial`."""


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The optimizer's own rate throughout."""

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """`initial`, `steps` times."""
        return np.full(steps, initial, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class ExponentialDecay(Schedule):
    """initial × decay_rate^(step / decay_steps), as `keras.optimizers.schedules.ExponentialDecay` without staircase."""

    decay_steps: int  # steps after which the rate has been multiplied by decay_rate once
    decay_rate: float

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The decaying rates, from step 0."""
        step = np.arange(steps, dtype=np.float64)
        return (initial * self.decay_rate ** (step / self.decay_steps)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class CosineDecay(Schedule):
    """Half a cosine from `initial` to 0 over the whole run (Loshchilov and Hutter, arXiv 1608.03983, one period)."""

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The falling rates; the last step is the last one above 0."""
        step = np.arange(steps, dtype=np.float64)
        return (initial * 0.5 * (1 + np.cos(np.pi * step / steps))).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """Up to the peak and down again (Smith, arXiv 1803.09820), both halves cosine; `initial` is the peak."""

    warmup: float = 0.3  # share of the steps spent rising
    start_divisor: float = 25.0  # the first rate is the peak divided by this
    end_divisor: float = 1e4  # the last rate is the first divided by this

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The rising and falling rates; `initial` is reached at the end of the warm-up."""
        first = initial / self.start_divisor
        last = first / self.end_divisor
        rise = max(1, round(self.warmup * steps))
        up = _cosine(first, initial, rise)
        down = _cosine(initial, last, steps - rise)
        return np.concatenate([up, down]).astype(np.float32)


def _cosine(start: float, end: float, steps: int) -> NDArray[np.float64]:
    """`steps` rates from `start` to `end` along half a cosine, both ends included where there are two or more."""
    progress = np.linspace(0.0, 1.0, steps) if steps > 1 else np.ones(steps)
    return end + (start - end) * 0.5 * (1 + np.cos(np.pi * progress))
