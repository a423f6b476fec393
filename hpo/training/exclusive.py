"""One thread builds or trains at a time; the others wait.

Programs, and the random numbers of Python and NumPy that weights are drawn from, belong to the whole process. With
`study.optimize(..., n_jobs=2)` two trainings of one shape would otherwise write into each other's weights.
"""

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["exclusive"]

P = ParamSpec("P")
T = TypeVar("T")

_turn = threading.RLock()


def exclusive(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, which only one thread of the process is in at a time, in it or in any other so marked."""

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        with _turn:
            return function(*args, **kwargs)

    return alone
