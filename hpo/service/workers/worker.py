"""A worker process, whose supervisor sends its order to standard input; `child.py` has how it is started.

Signals reach a thread of their own, so a worker gives back what it has in hand within seconds, however long the
compiled code runs that its main thread is in. For that they are blocked in all other threads, from the start on.
"""

import contextlib
import logging
import math
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, cast

from hpo import logs, notes
from hpo.errors import HpoError, StorageError, UsageError
from hpo.service import storage as storages
from hpo.service.hosts.cores import thread_limits
from hpo.service.hosts.liveness import die_with_parent
from hpo.service.hosts.roster import Worker
from hpo.service.slots.slot import Slot
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage
from hpo.service.storage.patience import PATIENCE, patiently
from hpo.service.workers.order import EXIT_RECYCLE, EXIT_STOPPED, STOP_SIGNALS, Event, WorkOrder
from hpo.service.workers.output import KEPT, Output
from hpo.service.workers.presence import Presence
from hpo.service.workers.serve import Server
from hpo.service.workers.sources import AnyStudy
from hpo.service.workers.terms import MakeObjective, Step, Terms, Watcher
from hpo.study import registry

__all__ = ["main", "run"]

_log = logging.getLogger("hpo.worker")
_BEAT_EVERY = 1.0  # seconds; more often tells the supervisor nothing
_FAREWELL = 5.0  # seconds for giving back what is in hand, where the database is slow; the supervisor waits for 8
_EXITS = {"drained": 0, "recycle": EXIT_RECYCLE, "stopped": EXIT_STOPPED}
_EXPENDABLE = "500"  # out of 1000, of whom the kernel ends first where memory runs out: not the supervisor


class _Stop:
    """Ends the process from outside its main thread: on a signal, or when the supervisor is gone."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.server: Server | None = None  # once there is one
        self.presence: Presence | None = None  # likewise

    def now(self, reason: str) -> None:
        """Give back what is in hand and end; what cannot be given back in time, the lease or the supervisor will."""
        self.asked.set()
        farewell = threading.Thread(target=self._farewell, args=(reason,), daemon=True)
        farewell.start()
        farewell.join(_FAREWELL)
        os._exit(EXIT_STOPPED)

    def _farewell(self, reason: str) -> None:
        with contextlib.suppress(Exception):
            if self.server is not None:
                self.server.stop(reason)
        with contextlib.suppress(Exception):
            if self.presence is not None:
                self.presence.sign_off()

    def on_signal(self) -> None:
        """Wait for a signal."""
        number = signal.sigwait(STOP_SIGNALS)
        self.now(f"its worker was stopped by {signal.Signals(number).name}")

    def on_orphaned(self) -> None:
        """Wait until the supervisor's end of the pipe closes; where the kernel has not killed us first."""
        while os.read(sys.stdin.fileno(), 4096):
            pass
        self.now("its supervisor vanished")


class _Reporter(Watcher):
    """Tells the supervisor and the roster what the worker does."""

    def __init__(self, order: WorkOrder, presence: Presence, output: Output) -> None:
        self._events = order.events
        self._presence = presence
        self._output = output
        self._beaten = 0.0  # monotonic seconds
        self._idle = False
        self.server: Server | None = None

    def step(self, step: Step, slot: Slot) -> None:
        """Tell of trials that begin and end."""
        if step == "claimed":
            self._idle = False
            self._presence.will_say("")
            offer = self.server.offer if self.server is not None else None
            limit = None if offer is None else offer.trial_timeout
            Event(kind="claimed", text=slot.study, limit=limit).send(self._events)
        elif step == "free":
            self._output.end()
            Event(kind="free").send(self._events)

    def begun(self, study: str, trial: int) -> None:
        """What is printed from now on is the trial's."""
        notes.insist()
        self._output.begin(f"hpo trial {shlex.quote(study)} {trial} has the last {KEPT:,} characters")

    def printed(self) -> str:
        """What it has printed."""
        return self._output.text

    def beat(self) -> None:
        """Pass a sign of life on."""
        now = time.monotonic()
        if now - self._beaten >= _BEAT_EVERY:
            self._beaten = now
            Event(kind="beat").send(self._events)

    def renewed(self) -> None:
        """Pass a sign of life on to the roster, and a GPU that was lost to the server."""
        if not self._presence.beat() and self.server is not None:
            _log.warning("lost its GPU to another worker while it slept, so it is replaced")
            self.server.replace()

    def loading(self, study: str) -> None:
        """Say so."""
        Event(kind="loading", text=study).send(self._events)
        self._presence.say(f"loading {study}")

    def away(self, error: StorageError) -> None:
        """The database is away: what the worker waits is no fault of its trial's."""
        _away(error)
        Event(kind="away").send(self._events)

    def back(self) -> None:
        """It is back."""
        _back()
        if self.server is not None:
            self.server.calm()
        Event(kind="back").send(self._events)

    def idle(self) -> None:
        """Say so, once."""
        if not self._idle:
            self._idle = True
            self._presence.say("waiting for work")


def main() -> int:
    """Do what the order on standard input says; the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # in case somebody else started it
    order = WorkOrder.from_json(sys.stdin.buffer.readline())
    die_with_parent(order.parent)
    with contextlib.suppress(OSError):  # no Linux
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE)
    if order.log is not None:
        logs.configure(order.log, stream=os.fdopen(order.log_to, "w", buffering=1, errors="backslashreplace"))
    output = Output(lambda line: Event(kind="printed", text=line).send(order.events))
    output.take()
    stop = _Stop()
    for watch in (stop.on_signal, stop.on_orphaned):
        threading.Thread(target=watch, name=watch.__name__, daemon=True).start()
    try:
        with notes.told(lambda note: Event(kind="warned", text=note).send(order.events)):
            return _serve(order, stop, output)
    except HpoError as error:
        Event(kind="error", text=str(error)).send(order.events)
        return error.exit_code


def run() -> NoReturn:
    """`main`, and the end of the process."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: nothing is left to be tidied, and TensorFlow's threads take their time.
    os._exit(code)


def _serve(order: WorkOrder, stop: _Stop, output: Output) -> int:
    storage = _open(order, stop)
    me = Worker(
        name=order.worker,
        pid=os.getpid(),
        threads=order.threads,
        study=order.study or (order.only[0] if len(order.only) == 1 else None),
        doing="starting",
    )
    presence = stop.presence = Presence(storage, me, lease_seconds=order.lease_seconds)
    presence.sign_on()
    if order.gpus:
        presence.take_gpu(per_gpu=order.workers_per_gpu, sleep=stop.asked.wait)
    elif order.study is None and order.threads is not None:  # a run on one study always has the same threads
        os.environ.update(thread_limits(presence.take_cores(order.threads)))
    reporter = _Reporter(order, presence, output)
    server = _server(order, storage, reporter, presence.refuse)
    storage.on_away, storage.on_back = reporter.away, reporter.back
    stop.server = reporter.server = server
    _log.info("started", extra={"worker": order.worker})
    code = _EXITS[server.run()]
    if not stop.asked.is_set():
        _log.info("ended", extra={"worker": order.worker})
        with contextlib.suppress(StorageError):  # its lease runs out
            presence.sign_off()
    return code


def _open(order: WorkOrder, stop: _Stop) -> Storage:
    """The storage, and how patient this worker is with it: one of a fleet waits for as long as it takes."""
    patience = PATIENCE if order.study is not None else math.inf
    opened = patiently(
        lambda: storages.open(order.storage), seconds=patience, unless=stop.asked.is_set, on_away=_away, on_back=_back
    )
    opened.patience = patience
    opened.unless = stop.asked.is_set
    opened.on_away, opened.on_back = _away, _back
    return opened


def _away(error: StorageError) -> None:
    _log.warning("waiting for the database", extra={"reason": str(error)})


def _back() -> None:
    _log.info("the database is back")


def _server(
    order: WorkOrder, storage: Storage, reporter: _Reporter, refuse: Callable[[Mapping[str, str]], object]
) -> Server:
    def any_study(slots: Slots) -> AnyStudy:
        return AnyStudy(storage, slots, only=order.only, drain=order.drain, on_refusals=refuse)

    terms = Terms(
        lease_seconds=order.lease_seconds,
        stall_seconds=order.stall_seconds,
        max_attempts=order.max_attempts,
        memory_limit=order.memory_limit,
    )
    make = _factory(order.objective) if order.objective else None
    return Server(storage, order.study, make, source=any_study, worker=order.worker, terms=terms, watcher=reporter)


def _factory(reference: str) -> MakeObjective:
    """The function `beat -> objective` that a reference names. Raises UsageError."""
    try:
        return cast("MakeObjective", registry.attribute(reference))
    except HpoError as error:
        raise UsageError(f"objective {reference!r} cannot be loaded: {error}") from error


if __name__ == "__main__":
    run()
