"""Waiting out a database that is away for a moment."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from hpo.errors import StorageError

__all__ = ["PATIENCE", "patiently"]

PATIENCE = 60.0
"""Seconds a call to the database is tried again before it counts as failed: a server restarts in less."""

_FIRST, _LONGEST = 0.05, 2.0  # seconds between tries

T = TypeVar("T")


def patiently(call: Callable[[], T], *, seconds: float = PATIENCE, unless: Callable[[], object] | None = None) -> T:
    """Call until the database answers, for at most `seconds`, or until `unless` is true.

    A call may have taken effect although its answer was lost, so it must bear being made twice.

    Raises:
        StorageError: the last one, once the time is up; at once where waiting cannot help.

    """
    deadline = time.monotonic() + seconds
    pause = _FIRST
    while True:
        try:
            return call()
        except StorageError as error:
            if not error.transient or time.monotonic() + pause > deadline or (unless is not None and unless()):
                raise
        time.sleep(pause * random.uniform(0.5, 1.0))  # workers that lost one server do not come back in step
        pause = min(_LONGEST, 2 * pause)
