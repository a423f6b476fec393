"""The schedules by their names, each laid out over the run, so that it means the same for any number of epochs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpo.training import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearOneCycle,
    Performance,
    PiecewiseConstant,
    Power,
    Schedule,
    Triangular,
)

if TYPE_CHECKING:
    from studies.dnn.params import DnnParams

__all__ = ["SCHEDULES", "ExponentialOfRun", "PowerOfRun", "schedule"]


@dataclass(frozen=True, kw_only=True)
class PowerOfRun(Schedule):
    """initial / (1 + step / s) with s a share of the run's steps; see `hpo.training.Power`."""

    share: float  # of the run, after which the rate is half the initial one; above 0

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The falling rates, from step 0; shape (steps,)."""
        return Power(s=self.share * steps).rates(initial, steps)


@dataclass(frozen=True, kw_only=True)
class ExponentialOfRun(Schedule):
    """initial × 0.1^(step / s) with s a share of the run's steps; see `hpo.training.ExponentialDecay`."""

    share: float  # of the run, after which the rate is a tenth of the initial one; above 0

    def rates(self, initial: float, steps: int) -> NDArray[np.float32]:
        """The falling rates, from step 0; shape (steps,)."""
        return ExponentialDecay(decay_steps=self.share * steps, decay_rate=0.1).rates(initial, steps)


def _piecewise(wanted: "DnnParams") -> Schedule:
    parts = wanted.drops + 1
    return PiecewiseConstant(
        boundaries=tuple(number / parts for number in range(1, parts)),
        factors=tuple(wanted.drop_factor**number for number in range(parts)),
    )


SCHEDULES: Mapping[str, Callable[["DnnParams"], Schedule]] = MappingProxyType(
    {
        "constant": lambda _: Constant(),
        "power": lambda wanted: PowerOfRun(share=wanted.power_share),
        "exponential": lambda wanted: ExponentialOfRun(share=wanted.exponential_share),
        "piecewise": _piecewise,
        "performance": lambda wanted: Performance(factor=wanted.plateau_factor, patience=wanted.plateau_patience),
        "one-cycle": lambda _: LinearOneCycle(),
        "cosine": lambda _: CosineDecay(),
        "triangular": lambda _: Triangular(),
    }
)
"""Name -> what makes the schedule of a configuration. The last two are not the chapter's."""


def schedule(wanted: "DnnParams") -> Schedule:
    """The schedule of a configuration."""
    return SCHEDULES[wanted.schedule](wanted)
