"""A short training as the miniature of a long one: the same schedule from its first step to its last, in fewer steps.

What a search sees at a low fidelity is to rank configurations as the highest one would. A schedule that counts steps
would show only its beginning there, and one that follows the run its whole: two trainings that do not compare.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.study.checked_records import Whole, check

__all__ = ["FullTraining", "resampled"]

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class FullTraining:
    """The training that a shorter one is a miniature of: how long it is, and of how many rows.

    Of arrays, rows and a recipe's batch size say how many steps its schedule has; of streams, their batches do.

    Raises:
        DefinitionError: a number is none, or below 1.

    """

    epochs: Whole  # it is laid out for
    rows: Whole | None = None  # of arrays it is given to train on; what a recipe holds out to watch is counted
    steps: Whole | None = None  # of streams, the batches of an epoch; None: all there are

    def __post_init__(self) -> None:
        check(self)


def resampled(values: NDArray[T], steps: int) -> NDArray[T]:
    """The values of a full training at `steps` steps, spread evenly from its first step to its last.

    The i-th is values[round(i (n - 1) / (steps - 1))] of n: one that the full training has, and not a mean of several,
    so that a step function keeps its steps, a short warm-up its first rate, and rate and momentum go together.

    Args:
        values: of each step, at least one.
        steps: at least 1; as many as there are values gives those.

    """
    last = max(steps - 1, 1)
    return values[(2 * np.arange(steps) * (len(values) - 1) + last) // (2 * last)]  # whole numbers: halves go up
