"""The parent of workers, on one study or on any: keeps them going until something ends that. It trains nothing."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import replace
from types import FrameType
from typing import Protocol

from hpo.errors import StorageError
from hpo.fleet.protocol import STOP_SIGNALS, WARNING_SIGNALS, WorkOrder
from hpo.fleet.resources import default_limit, share
from hpo.fleet.supervisor.worker_exit import Housekeeping, WorkerExit
from hpo.fleet.supervisor.worker_messages import Messages
from hpo.fleet.supervisor.worker_pool import WorkerPool
from hpo.fleet.supervisor.worker_process import environment
from hpo.storage import Storage
from hpo.storage.queries.status import Ended

__all__ = ["Rule", "Stops", "Supervisor", "on_machine", "reap_orphans"]

_TICK = 0.1  # seconds between looks at the workers
_LAST_RESULT = 15.0  # seconds a worker gets to settle its last trial once the study is
_LAST_CHORES = 4.0  # seconds the database gets to hear of each of the last workers


class Rule(Protocol):
    """What a run on one study and a fleet on any decide each in its way."""

    def ended(self, pool: WorkerPool) -> Ended | None:
        """Why there is nothing left to do; None while there is. Raises HpoError where going on is no use."""

    def wanted(self, pool: WorkerPool) -> int:
        """How many workers there is work for."""

    def on_exit(self, exited: WorkerExit, pool: WorkerPool, *, clean_since: float) -> None:
        """Heed how a worker ended. Raises HpoError where it is no use to start another.

        `clean_since`: when all that ended workers had held was in order, in monotonic seconds.
        """


class Stops:
    """While inside, STOP_SIGNALS are counted; only a program's main thread can, others hear of none.

    SIGUSR1 and SIGUSR2 are left to a program that has a use of its own for them.
    """

    def __init__(self, *, launcher: int | None = None) -> None:
        """Nothing is counted yet.

        Args:
            launcher: process number of the parent, whose end counts as a signal; None: it may end as it likes.

        """
        self._launcher = launcher
        self._received = 0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Stops":
        with contextlib.suppress(ValueError):  # not the main thread
            for number in sorted(STOP_SIGNALS):
                if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # nohup: it shall outlive its terminal
                if number in WARNING_SIGNALS and signal.getsignal(number) is not signal.SIG_DFL:
                    continue
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @property
    def count(self) -> int:
        """Signals received so far; at least one where the launcher has ended."""
        if not self._received and self._launcher is not None and os.getppid() != self._launcher:
            return 1
        return self._received

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or until a signal comes; at once where one has come before."""
        deadline = time.monotonic() + seconds
        while not self.count and time.monotonic() < deadline:
            time.sleep(min(_TICK, seconds))

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what Python passes
        self._received += 1


def reap_orphans(own: Iterable[int]) -> None:
    """Reap the dead that are not one's `own` children, whose end somebody else waits for.

    Without it every process a worker leaves behind would stay a zombie for as long as the container runs.
    """
    looks = os.WEXITED | os.WNOHANG | os.WNOWAIT  # and leaves it there
    mine = set(own)
    with contextlib.suppress(ChildProcessError):  # no child at all
        while (found := os.waitid(os.P_ALL, 0, looks)) is not None and found.si_pid not in mine:
            os.waitpid(found.si_pid, os.WNOHANG)


class Supervisor:
    """Worker processes, what they do in the database when they end, and why all of that ends."""

    def __init__(
        self,
        storage: Storage,
        order: WorkOrder,
        rule: Rule,
        *,
        workers: int,
        gpus: bool,
        stops: Stops,
        messages: Messages,
    ) -> None:
        """Nothing is started yet.

        Args:
            storage: where the studies are.
            order: what each worker is told; what depends on the machine is filled in.
            rule: when it ends, and all else in which a run and a fleet differ.
            workers: processes at most; they share memory and, without a GPU, cores.
            gpus: whether there are any for them to lease; else they train on cores.
            stops: counts the signals that ask it to end.
            messages: passes on what workers say; its outage says how long the supervisor waits for the database.

        """
        on_cores = {} if order.gpus else {"CUDA_VISIBLE_DEVICES": "-1"}  # TensorFlow would take the first GPU
        order = on_machine(order, workers=workers, gpus=gpus)
        self._limits = order.limits
        self._rule = rule
        self._stops = stops
        self._pool = WorkerPool(workers, order, {**environment(order.threads), **on_cores}, on_message=messages.pass_on)
        self._outage = messages.outage
        self._housekeeping = Housekeeping(
            storage, max_attempts=order.limits.max_attempts, outage=messages.outage, study=order.study
        )
        self.left_in_order = True  # whether the database has heard of all that workers held, once `run` is over

    @property
    def spent(self) -> bool:
        """Whether as many trials have begun as its limits allow."""
        return self._pool.permits.spent

    def run(self) -> Ended:
        """Run until something ends it; nothing is left running then, and what was in hand is given back.

        Raises:
            HpoError: as the rule says, or the database may not be waited for any longer.

        """
        self._housekeeping.start()
        ended: Ended | None = None
        try:
            ended = self._loop()
        except StorageError:
            if not self._stops.count:
                raise
            ended = "interrupted"
        finally:
            self._end(last_result=_LAST_RESULT if ended == "done" else 0.0)
        return ended

    def _loop(self) -> Ended:
        pool, began = self._pool, time.monotonic()
        while True:
            pool.listen(_TICK)
            for exited in pool.reap():
                self._on_exit(exited)
            pool.kill_stuck()
            if self._stops.count:
                return "interrupted"
            if self._limits.timeout is not None and time.monotonic() - began > self._limits.timeout:
                return "timeout"
            if self._housekeeping.error is not None:
                raise self._housekeeping.error
            ended = self._rule.ended(pool)
            if ended is not None:
                return ended
            pool.fill(self._rule.wanted(pool))
            if os.getpid() == 1:
                reap_orphans(worker.pid for worker in pool.workers)

    def _on_exit(self, exited: WorkerExit) -> None:
        self._outage.ended(exited.name)
        clean_since = self._housekeeping.clean_since
        if exited.how != "drained":
            self._housekeeping.clean_up(exited)
        self._rule.on_exit(exited, self._pool, clean_since=clean_since)

    def _end(self, *, last_result: float) -> None:
        """End every worker; what it had in hand is given back unblamed."""
        before = min(self._stops.count, 1)  # the signal that brought us here, if one did
        hurry = lambda: self._stops.count > before  # noqa: E731
        for name in self._pool.end(last_result=last_result, hurry=hurry):
            self._housekeeping.clean_up(WorkerExit(name=name, how="stopped"))
        self.left_in_order = self._housekeeping.close(_LAST_CHORES)


def on_machine(order: WorkOrder, *, workers: int, gpus: bool) -> WorkOrder:
    """The order for each of so many workers of this machine: with its part of the memory and of the cores."""
    limits = replace(order.limits, memory_limit=order.limits.memory_limit or default_limit(workers))
    return replace(order, limits=limits, gpus=gpus, threads=None if gpus else share(workers))
