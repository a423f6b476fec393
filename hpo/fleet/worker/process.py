"""A worker process, whose supervisor sends its order to standard input, as `supervisor/worker_process.py` starts it.

Signals reach a thread of their own, so a worker gives back what it has in hand within seconds, however long the
compiled code runs that its main thread is in. For that they are blocked in all other threads, from the start on.
"""

import contextlib
import logging
import math
import os
import queue
import shlex
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from hpo import logs
from hpo import storage as storages
from hpo.errors import HpoError, StorageError, UsageError
from hpo.fleet.protocol import ENOUGH, GO, STOP, STOP_SIGNALS, Event, WorkOrder
from hpo.fleet.resources import apply_environment, thread_limits
from hpo.fleet.worker.allowance import Allowance
from hpo.fleet.worker.captured_output import KEPT, Output
from hpo.fleet.worker.loaded_study import MakeObjective
from hpo.fleet.worker.presence import Presence, Step, Watcher
from hpo.fleet.worker.slot_sources import Source, look_every
from hpo.fleet.worker.work_loop import Server
from hpo.messages import pass_notes_to, unmute_notes
from hpo.storage import Storage
from hpo.storage.process_identity import die_with_parent
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.waiting import PATIENCE
from hpo.storage.worker_registry import Worker
from hpo.study import registry

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["NAME", "main", "run"]

NAME = "hpo-worker"
"""What `ps` and `top` call the process; the kernel keeps 15 characters."""

_log = logging.getLogger("hpo.worker")
_BEAT_EVERY = 1.0  # seconds; more often tells the supervisor nothing
_GIVING_BACK = 5.0  # seconds for giving back what is in hand, where the database is slow; the supervisor waits for 8
_COMMAND_WAIT = 3.0  # seconds in which a supervisor that got the same signal as its worker will have said so
_EXPENDABLE = "500"  # out of 1000, of whom the kernel ends first where memory runs out: not the supervisor


class _Stop:
    """Ends the process from outside its main thread: when its supervisor says so or is gone, and on a signal.

    Only an end that the supervisor asked for is no fault of the trial in hand. Whoever ends a whole group of processes
    (Slurm, systemd) signals both, so a signal may come a little before the supervisor's word.
    """

    def __init__(self, events: int) -> None:
        """Take standard input away from the definitions, which would wait for what nobody types."""
        os.set_blocking(0, False)
        self._read_ahead = cast("BufferedReader", sys.stdin.buffer).read1() or b""  # read together with the order
        os.set_blocking(0, True)
        self._commands = os.dup(0)  # file descriptor: what the supervisor says
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._events = events  # file descriptor
        self._lock = threading.Lock()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.asked = threading.Event()
        self.server: Server | None = None  # once there is one
        self.presence: Presence | None = None  # likewise

    def now(self, reason: str, *, blamed: bool) -> None:
        """Give back what is in hand and end; what cannot be given back in time, the lease or the supervisor will."""
        with self._lock:
            if self.asked.is_set():
                return
            self.asked.set()
        giving_back = threading.Thread(target=self._release, args=(reason, blamed), daemon=True)
        giving_back.start()
        giving_back.join(_GIVING_BACK)
        (Event(kind="crashed", text=reason) if blamed else Event(kind="ended", text="stopped")).send(self._events)
        os._exit(1 if blamed else 0)

    def wait_if_asked(self) -> None:
        """Where the end was asked for, leave it to the thread that was asked: for ever, as that ends the process."""
        if self.asked.is_set():
            threading.Event().wait()

    def _release(self, reason: str, blamed: bool) -> None:
        with contextlib.suppress(Exception):
            if self.server is not None:
                self.server.stop(reason, blamed=blamed)
        with contextlib.suppress(Exception):
            if self.presence is not None:
                self.presence.sign_off()

    def on_signal(self) -> None:
        """Wait for a signal, and then for the supervisor's word."""
        number = signal.sigwait(STOP_SIGNALS)
        if not self.asked.wait(_COMMAND_WAIT):
            self.now(f"its worker was ended by {signal.Signals(number).name}, which hpo did not send", blamed=True)

    def may_begin(self) -> bool:
        """Ask the supervisor whether one more trial may begin."""
        Event(kind="asks").send(self._events)
        return self._answers.get()  # where the supervisor is gone, so is this process in a moment

    def on_command(self) -> None:
        """Wait for the supervisor's word, or its end, which closes the pipe, if the kernel has not killed us first."""
        while (command := self._next_command()) in (GO, ENOUGH):
            self._answers.put(command == GO)
        if command == STOP:
            self.now("its worker was stopped", blamed=False)
        else:
            self.now("its supervisor vanished", blamed=True)

    def _next_command(self) -> bytes:
        """The next line of the supervisor; what there is of one where it is gone."""
        while b"\n" not in self._read_ahead and (piece := os.read(self._commands, 4096)):
            self._read_ahead += piece
        line, end, self._read_ahead = self._read_ahead.partition(b"\n")
        return line + end


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
            self._presence.say(now=False, doing="")
            offer = self.server.offer if self.server is not None else None
            limit = None if offer is None else offer.trial_timeout
            Event(kind="claimed", text=slot.study, limit=limit).send(self._events)
        elif step == "free":
            self._output.end()
            Event(kind="free").send(self._events)

    def begun(self, study: str, trial: int) -> None:
        """What is printed from now on is the trial's."""
        unmute_notes()
        self._output.begin(f"hpo trial {shlex.quote(study)} {trial} has the last {KEPT:,} characters")

    def printed(self) -> str:
        """The end of what the trial in hand has printed."""
        return self._output.text

    def beat(self) -> None:
        """Pass a sign of life on."""
        now = time.monotonic()
        if now - self._beaten >= _BEAT_EVERY:
            self._beaten = now
            Event(kind="beat").send(self._events)

    def loading(self, study: str) -> None:
        """Say that the study is being made ready, which may take a while, or kill this process."""
        Event(kind="loading", text=study).send(self._events)
        self._presence.say(doing=f"loading {study}")

    def loaded(self, study: str) -> None:
        """Say that the study is ready: whoever loads it survives that."""
        Event(kind="loaded", text=study).send(self._events)

    def back(self) -> None:
        """Say that the database is back, and let leases be renewed before anything is claimed."""
        if self.server is not None:
            self.server.renew_first()
        Event(kind="back").send(self._events)

    def idle(self) -> None:
        """Say in the roster that there is nothing to do, once until a slot is claimed."""
        if not self._idle:
            self._idle = True
            self._presence.say(doing="waiting for work")


def main(output: Output | None = None) -> int:
    """Do what the order on standard input says; the exit code. `output`: the process's, where it is taken already."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # in case somebody else started it
    order = WorkOrder.from_json(sys.stdin.buffer.readline())
    die_with_parent(order.parent)
    with contextlib.suppress(OSError):  # no Linux
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE)
        Path("/proc/self/comm").write_text(NAME)
    if order.log is not None:
        logs.configure(order.log, stream=os.fdopen(order.log_to, "w", buffering=1, errors="backslashreplace"))
    output = output or Output()
    output.show = lambda line: Event(kind="printed", text=line).send(order.events)
    output.take()
    stop = _Stop(order.events)
    for watch in (stop.on_signal, stop.on_command):
        threading.Thread(target=watch, name=watch.__name__, daemon=True).start()
    try:
        with pass_notes_to(lambda note: Event(kind="warned", text=note).send(order.events)):
            return _serve(order, stop, output)
    except HpoError as error:
        stop.wait_if_asked()
        Event(kind="error", text=str(error)).send(order.events)
        return error.exit_code


def run(output: Output | None = None) -> NoReturn:
    """`main`, and the end of the process."""
    try:
        code = main(output)
    except BaseException:  # whatever a definition, or a defect, made of it
        traceback.print_exc()
        code = 1
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
    presence = stop.presence = Presence(storage, me, lease_seconds=order.limits.lease_seconds)
    presence.sign_on()
    if order.gpus:
        presence.take_gpu(per_gpu=order.workers_per_gpu, sleep=stop.asked.wait)
    elif order.study is None and order.threads is not None:  # a run on one study always has the same threads
        apply_environment({**os.environ, **thread_limits(presence.take_cores(order.threads))})
    reporter = _Reporter(order, presence, output)
    limits = order.limits
    counted = limits.max_trials is not None
    allowance = Allowance(
        storage.patient,
        ends_at=order.ends_at,
        ask=stop.may_begin if counted else lambda: True,
        unused=lambda: Event(kind="unused").send(order.events) if counted else None,
    )
    source = Source(
        storage.patient,
        Slots(storage.patient, max_attempts=limits.max_attempts),
        study=order.study,
        only=order.only,
        avoid=order.avoid,
        drain=order.drain,
        idle=order.idle,
        look_every=look_every(limits.lease_seconds),
        in_time=allowance.in_time,
        on_refusals=lambda refusals: presence.say(refuses=dict(refusals)),
    )
    make = _factory(order.objective) if order.objective else None
    server = Server(
        storage,
        order.study,
        make,
        source=source,
        worker=order.worker,
        limits=limits,
        watcher=reporter,
        presence=presence,
        allowance=allowance,
    )
    storage.on_back = reporter.back
    stop.server = reporter.server = server
    _log.info("started", extra={"worker": order.worker})
    ended = server.run()
    stop.wait_if_asked()
    _log.info("ended", extra={"worker": order.worker})
    with contextlib.suppress(StorageError):  # its lease runs out
        presence.sign_off()
    Event(kind="ended", text=ended).send(order.events)
    return 0


def _open(order: WorkOrder, stop: _Stop) -> Storage:
    """The storage, and how patient this worker is with it: one of a fleet waits for as long as it takes."""
    patience = PATIENCE if order.study is not None else math.inf

    def away(error: StorageError) -> None:
        Event(kind="blocked" if error.mendable else "away", text=str(error)).send(order.events)

    back = lambda: Event(kind="back").send(order.events)  # noqa: E731
    return storages.await_open(order.storage, seconds=patience, unless=stop.asked.is_set, on_away=away, on_back=back)


def _factory(reference: str) -> MakeObjective:
    """The function `beat -> objective` that a reference names. Raises UsageError."""
    try:
        return cast("MakeObjective", registry.attribute(reference))
    except HpoError as error:
        raise UsageError(f"objective {reference!r} cannot be loaded: {error}") from error


if __name__ == "__main__":
    run()
