"""A worker process: `python -m hpo.service.workers.worker`, whose supervisor sends its order to standard input.

Signals reach a thread of their own, so a worker gives back what it has in hand within seconds, however long the
compiled code runs that its main thread is in. For that they are blocked in all other threads, from the start on.
"""

import contextlib
import importlib
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path
from typing import cast

from hpo.errors import HpoError, UsageError
from hpo.service import storage as storages
from hpo.service.hosts.liveness import die_with_parent
from hpo.service.storage.patience import patiently
from hpo.service.studies.slot import Slot
from hpo.service.workers.order import EXIT_RECYCLE, EXIT_STOPPED, STOP_SIGNALS, Event, WorkOrder
from hpo.service.workers.serve import MakeObjective, Server, Step, Terms

__all__ = ["main"]

_BEAT_EVERY = 1.0  # seconds; more often tells the supervisor nothing
_EXITS = {"drained": 0, "recycle": EXIT_RECYCLE, "stopped": EXIT_STOPPED}


class _Stop:
    """Ends the process from outside its main thread: on a signal, or when the supervisor is gone."""

    def __init__(self) -> None:
        self.server: Server | None = None  # once there is one

    def now(self, reason: str) -> None:
        """Give back what is in hand and end; what cannot be given back now, the lease or the supervisor will."""
        with contextlib.suppress(Exception):
            if self.server is not None:
                self.server.stop(reason)
        os._exit(EXIT_STOPPED)

    def on_signal(self) -> None:
        """Wait for a signal."""
        number = signal.sigwait(STOP_SIGNALS)
        self.now(f"its worker was stopped by {signal.Signals(number).name}")

    def on_orphaned(self) -> None:
        """Wait until the supervisor's end of the pipe closes; where the kernel has not killed us first."""
        while os.read(sys.stdin.fileno(), 4096):
            pass
        self.now("its supervisor vanished")


def main() -> int:
    """Do what the order on standard input says; the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # in case somebody else started it
    order = WorkOrder.from_json(sys.stdin.buffer.readline())
    die_with_parent(order.parent)
    stop = _Stop()
    for watch in (stop.on_signal, stop.on_orphaned):
        threading.Thread(target=watch, name=watch.__name__, daemon=True).start()
    try:
        return _serve(order, stop)
    except HpoError as error:
        Event(kind="error", text=str(error)).send(order.events)
        return error.exit_code


def _serve(order: WorkOrder, stop: _Stop) -> int:
    storage = patiently(lambda: storages.open(order.storage))
    beaten = 0.0

    def on_step(step: Step, slot: Slot) -> None:
        if step == "claimed":
            Event(kind="claimed", text=str(slot.position)).send(order.events)
        elif step == "free":
            Event(kind="free").send(order.events)

    def on_beat() -> None:
        nonlocal beaten
        now = time.monotonic()
        if now - beaten >= _BEAT_EVERY:
            beaten = now
            Event(kind="beat").send(order.events)

    terms = Terms(
        lease_seconds=order.lease_seconds,
        stall_seconds=order.stall_seconds,
        max_attempts=order.max_attempts,
        memory_limit=order.memory_limit,
    )
    make = _factory(order.objective) if order.objective else None
    stop.server = Server(storage, order.study, make, worker=order.worker, terms=terms, on_step=on_step, on_beat=on_beat)
    return _EXITS[stop.server.run()]


def _factory(reference: str) -> MakeObjective:
    """The function `beat -> objective` that a reference names. Raises UsageError."""
    where, _, attribute = reference.rpartition(":")
    try:
        if where.endswith(".py"):
            return cast("MakeObjective", runpy.run_path(str(Path(where).expanduser()), run_name="__hpo__")[attribute])
        return cast("MakeObjective", getattr(importlib.import_module(where), attribute))
    except (Exception, SystemExit) as error:
        raise UsageError(f"objective {reference!r} cannot be loaded: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: nothing is left to be tidied, and TensorFlow's threads take their time.
    os._exit(code)
