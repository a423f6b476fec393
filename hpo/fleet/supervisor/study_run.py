"""Running workers on one study until its slots are settled: what a search and a measurement have in common."""

import math
import signal
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

from hpo.errors import HpoError, HpoWarning, StorageError, StudyError, UsageError
from hpo.fleet import gpus
from hpo.fleet.protocol import WorkOrder
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.supervisor import Stops, Supervisor
from hpo.fleet.supervisor.worker_exit import WorkerExit, dead_holders, free_abandoned
from hpo.fleet.supervisor.worker_messages import Messages, Outage
from hpo.fleet.supervisor.worker_pool import WorkerPool
from hpo.storage import Storage, studies
from hpo.storage.queries.status import Ended, Progress, paced, snapshot
from hpo.storage.slots.recovery import recover
from hpo.storage.studies import StudyRecord
from hpo.storage.studies.halting import first_all_failed
from hpo.storage.waiting import PATIENCE

__all__ = ["UntilSettled", "drain"]

_LOOK = 0.4  # seconds between looks at the database, or ten times what a look takes
_FRUITLESS = 4  # deaths in a row of workers that took no trial, after which the run ends if none that did is left
_FRUITLESS_KILLED = 20  # the same where something killed them, which may be no fault of theirs


def drain(
    storage: Storage,
    record: StudyRecord,
    limits: Limits,
    *,
    workers: int,
    until: float | None = None,
    objective: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Settle the slots of a study, or as many as the limits allow; a study that is settled starts no worker.

    Args:
        storage: where the study is.
        record: the study.
        limits: of the run.
        workers: processes to start, no more than there is work for.
        until: end as soon as the best value is at least this good; None: as the study has it.
        objective: as `WorkOrder.objective`.
        on_progress: told a few times a second how far the study is.

    Raises:
        StudyError: the study was deleted while it ran, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on, in its own words; nothing is lost, and nothing is left running.

    """
    free_abandoned(storage, dead_holders(storage, record.name), max_attempts=limits.max_attempts)
    recover(storage, record.name, max_attempts=limits.max_attempts)
    there = gpus.listed()
    per_gpu = math.ceil(workers / len(there)) if there else 1
    order = WorkOrder(
        storage=storage.url,
        study=record.name,
        limits=limits,
        objective=objective,
        keras=not record.by_objective,
        workers_per_gpu=per_gpu,
    )
    outage = Outage(patience=PATIENCE)
    messages = Messages(lambda note, _: warnings.warn(note, HpoWarning, stacklevel=2), outage)
    if until is not None:
        record = replace(record, until=until)
    rule = UntilSettled(storage, record, outage, on_progress or (lambda _: None), timeout=limits.timeout)
    with storage.holdings.study(record.name, record.id, record.created_at), Stops() as stops:
        supervisor = Supervisor(storage, order, rule, workers=workers, gpus=bool(there), stops=stops, messages=messages)
        ended = supervisor.run()
    return rule.last_look(ended)


class UntilSettled:
    """The rule of a run: looks at its study a few times a second, tells how far it is, and sees when it is over."""

    def __init__(
        self,
        storage: Storage,
        record: StudyRecord,
        outage: Outage,
        on_progress: Callable[[Progress], None],
        *,
        timeout: float | None,
    ) -> None:
        self._storage = storage
        self._record = record
        self._outage = outage
        self._on_progress = on_progress
        self._timeout = timeout  # seconds of the whole run
        self._began = time.monotonic()
        self._next_look = float("-inf")  # monotonic seconds
        self._first: Progress | None = None
        self._now: Progress | None = None
        self._stopped = False  # whether the study is: its workers end by themselves, and no new ones begin

    def ended(self, pool: WorkerPool) -> Ended | None:
        """Whether what is in the database ends the run. Raises StudyError where going on is no use."""
        return self.seen(len(pool.workers))

    def seen(self, workers: int, *, at_once: bool = False) -> Ended | None:
        """The same with so many workers at it; `at_once`: however short a time ago the last look was."""
        if time.monotonic() < self._next_look and not at_once:
            return None
        try:
            ended = self._judge(self._look(workers), workers)
        except StorageError as error:  # the database is away, which the workers wait out too
            self._outage.refused("progress", error)
            self._next_look = time.monotonic() + _LOOK
            return None
        self._outage.ended("progress")
        return ended

    def wanted(self, pool: WorkerPool) -> int:
        """No more than there is work for."""
        if self._now is None or self._stopped:
            return 0
        left = self._now.target - self._now.settled
        return min(pool.size, left) if self._now.open else min(1, left)

    def on_exit(self, exited: WorkerExit, pool: WorkerPool, *, clean_since: float) -> None:  # noqa: ARG002 - as Rule
        """End the run where a worker cannot go on, or none gets as far as a trial."""
        self._next_look = float("-inf")  # what is known of the study is old now
        if exited.how == "error":
            raise (UsageError if exited.usage else HpoError)(exited.why)
        limit = _FRUITLESS_KILLED if exited.signal == signal.SIGKILL else _FRUITLESS
        others = any(worker.has_worked for worker in pool.workers)  # then it can be done
        if pool.fruitless >= limit and not others:
            death = self._storage.where.hide(exited.why).removeprefix("its worker died: ")
            raise StudyError(
                f"{pool.fruitless} workers in a row died before they could take a trial (hpo doctor looks for a "
                f"reason), the last by {death}"
            )

    def last_look(self, ended: Ended) -> Progress:
        """How far the study is at the end of the run. Raises StorageError where nothing is known of it."""
        try:
            last = self._look(0)
        except StorageError:
            if self._now is None or ended == "done":
                raise
            last = self._now
        return replace(last, ended=ended, workers=0)

    def _look(self, workers: int) -> Progress:
        started = time.monotonic()
        seen = snapshot(self._storage, self._record.name, direction=self._record.direction, workers=workers or None)
        if self._first is None or seen.settled < self._first.settled:  # a backup took the place of the database
            self._first = seen
        seen = replace(paced(seen, self._first, started - self._began, self._timeout), workers=workers)
        self._next_look = time.monotonic() + max(_LOOK, 10 * (time.monotonic() - started))
        self._now = seen
        self._on_progress(seen)
        return seen

    def _judge(self, seen: Progress, workers: int) -> Ended | None:
        name = self._record.name
        if not seen.target:
            raise StudyError(f"study {seen.study!r} was deleted while it ran; the same command begins it anew")
        if seen.settled == seen.target:
            return "done"
        if seen.best is not None and self._record.reached(seen.best.value, seen.best.trainings):
            return "until"
        record = studies.lookup(self._storage, name)
        self._stopped = record is not None and record.stopped_at is not None
        if self._stopped and not workers:
            return "stopped"
        assert self._first is not None
        if seen.new and seen.failed == seen.settled:
            why = first_all_failed(self._storage, name, known=self._first.failed)
            if why is not None:
                raise StudyError(f"study {name!r}: {why}; put that right and run the same command again")
        return None
