"""The process that tells one observer: whatever that does in it, workers and supervisor do not notice.

It is given its order as a line, says back what goes wrong as lines of JSON, and ends with its supervisor.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hpo.fleet.protocol import STOP_SIGNALS
from hpo.messages import one_line, pass_notes_to
from hpo.observers.naming import key_of, make
from hpo.observers.telling import Ending, Teller
from hpo.storage.process_identity import die_with_parent, identity

__all__ = ["Order", "run"]

_MAKING = "__init__"  # what comes before any method
_CALL = 60.0  # seconds one call may take
_LAST_CALL = 15.0  # the same once the run is over
_MEMORY = 2 << 30  # bytes of its own it may have; more is a MemoryError in it
_NICE = 10  # so that training comes first
_LOOK = 0.25  # seconds between looks for a call that takes too long


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the process is told first."""

    storage: str = field(repr=False)  # URL; may hold a password
    observer: str = field(repr=False)  # as `make` takes it; may hold one likewise
    only: (
        tuple[str, ...] | None
    )  # studies to tell of, as `studies.find` takes them; None: every study that has something to do
    parent: int  # number of the process it ends with

    def to_json(self) -> bytes:
        """The order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"


def run() -> None:
    """Be that process; what this module is for."""
    lines = sys.stdin.buffer
    values = json.loads(lines.readline())
    order = Order(**{**values, "only": None if values["only"] is None else tuple(values["only"])})
    die_with_parent(order.parent)
    says = _keep_to_itself()
    _yield_to_others()
    ending = Ending()
    threading.Thread(target=_listen, args=(lines, ending), daemon=True).start()
    watchdog = _Watchdog(says, ending)
    watchdog.call(_MAKING)
    try:
        observer = make(order.observer)
    except BaseException as error:
        _say(says, warned=f"cannot be made: {one_line(error)}; it is told nothing")
        os._exit(0)
    watchdog.call(None)
    teller = Teller(
        order.storage,
        observer,
        key=key_of(order.observer),
        holder=identity(),
        only=order.only,
        warn=lambda text: _say(says, warned=text),
        on_call=watchdog.call,
    )
    try:
        with pass_notes_to(lambda text: _say(says, warned=text)):
            teller.run(ending)
    except BaseException as error:  # a defect of ours: it ends the telling and nothing else
        _say(says, warned=f"cannot be told: {one_line(error)}")
    _say(says, ended=True)
    os._exit(0)  # threads that an observer left are not waited for


def _listen(lines: Iterator[bytes], ending: Ending) -> None:
    """Wait for the word that the run has ended; without it, whoever started this process is gone."""
    for line in lines:
        ending.set(**json.loads(line))
        return
    os._exit(0)


def _keep_to_itself() -> int:
    """Send what an observer prints nowhere, and its errors too; the descriptor on which we are heard."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    says = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return says


def _yield_to_others() -> None:
    """Training comes first, in time and in memory."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text("1000")


def _say(says: int, **what: object) -> None:
    with contextlib.suppress(OSError):  # nobody hears it any more
        os.write(says, json.dumps(what).encode() + b"\n")


class _Watchdog:
    """Ends this process where a call of the observer's does not come back."""

    def __init__(self, says: int, ending: Ending) -> None:
        self._says = says
        self._ending = ending
        self._call: tuple[str, float] | None = None  # name, and since when in monotonic seconds
        threading.Thread(target=self._watch, daemon=True).start()

    def call(self, method: str | None) -> None:
        """A call begins, or with None has ended."""
        self._call = None if method is None else (method, time.monotonic())

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK)
            call = self._call
            if call is None:
                continue
            method, since = call
            limit = _limit(method, over=self._ending.over)
            if time.monotonic() - since > limit:
                text = f"has not come back from {method} for {limit:g} s; it is told nothing more in this run"
                _say(self._says, warned=text)
                os._exit(0)


def _limit(method: str, *, over: bool) -> float:
    """Seconds a call may take; to be made takes an import of a large package, long on a machine that is busy."""
    return _LAST_CALL if over and method != _MAKING else _CALL
