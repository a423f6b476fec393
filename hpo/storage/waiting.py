"""Waiting out a database that is away: for a minute, or for ever."""

import functools
import math
import random
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from hpo.errors import StorageError

__all__ = ["PATIENCE", "patiently", "repeatable"]

PATIENCE = 60.0
"""Seconds a call to the database is tried again before it counts as failed: a server restarts in less."""

_FIRST, _LONGEST = 0.05, 2.0  # seconds between tries

T = TypeVar("T")
P = ParamSpec("P")
Owner = TypeVar("Owner")


def patiently(
    call: Callable[[], T],
    *,
    seconds: float = PATIENCE,
    unless: Callable[[], object] | None = None,
    on_away: Callable[[StorageError], object] | None = None,
    on_back: Callable[[], object] | None = None,
) -> T:
    """Call until the database answers.

    A call may have taken effect although its answer was lost, so it must bear being made twice. What is over only once
    somebody has seen to it, such as a full disk, is waited for by whoever waits for ever.

    Args:
        call: what to do.
        seconds: to go on trying for; `math.inf`: for ever.
        unless: asked before each wait, and at least every two seconds; true: do not wait any longer.
        on_away: told what is wrong, once, before the first wait; and once more where it turns out that somebody has to
            see to it.
        on_back: called once, when the database answers after a wait.

    Raises:
        StorageError: the last one, once the time is up; at once where waiting cannot help.

    """
    deadline = time.monotonic() + seconds
    pause = _FIRST
    waited = seen_to = False
    while True:
        try:
            answer = call()
        except StorageError as error:
            worth = error.transient or (error.mendable and seconds == math.inf)
            if not worth or time.monotonic() + pause > deadline or (unless is not None and unless()):
                raise
            if on_away is not None and (not waited or (error.mendable and not seen_to)):
                on_away(error)
            waited, seen_to = True, seen_to or error.mendable
        else:
            if waited and on_back is not None:
                on_back()
            return answer
        time.sleep(pause * random.uniform(0.5, 1.0))  # workers that lost one server do not come back in step
        pause = min(_LONGEST, 2 * pause)


def repeatable(function: Callable[Concatenate[Owner, P], T]) -> Callable[Concatenate[Owner, P], T]:
    """A function of a storage, or a method of what has one as `_storage`, that bears being made twice.

    For whoever gives it `Storage.patient` it is made until the database answers; for others once.
    """

    @functools.wraps(function)
    def made(owner: Owner, /, *args: P.args, **kwargs: P.kwargs) -> T:
        its: Any = owner
        storage = its if hasattr(its, "patient") else its._storage
        answer: T = storage.answer(lambda: function(owner, *args, **kwargs))
        return answer

    return made
