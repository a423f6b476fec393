"""Workers that train nothing, many in a process: each asks, claims, renews, settles and waits as a real one does.

What they call is what a worker of a fleet calls: a source of slots, claims, renewals of its whole presence, Optuna's
trials, a supervisor's chores; each has connections of its own. A trial is time that passes.
"""

import contextlib
import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import Engine

from hpo.errors import StorageError
from hpo.fleet.supervisor.worker_exit import Housekeeping
from hpo.fleet.supervisor.worker_messages import Outage
from hpo.fleet.worker.slot_sources import Source, look_every
from hpo.optuna_internals import ATTEMPT, POSITION, SLOT
from hpo.settings import MAX_ATTEMPTS
from hpo.storage import Storage, worker_registry
from hpo.storage.engine import connect
from hpo.storage.postgresql import Answering
from hpo.storage.renewal import renew
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.worker_registry import Roster, Worker

__all__ = ["Part", "Seen", "simulate"]

_CHORES_EVERY = 3.0  # seconds between looks of a supervisor for what is to be put in order


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one process simulates."""

    url: str
    study: str  # name
    name: str  # which part, in the names of its workers
    workers: int
    supervisors: int  # beside so many of these workers
    begins_at: float  # seconds since 1970
    ramp: float  # seconds over which they start
    trial: float  # mean seconds of a trial; each takes from half of it to one and a half
    lease: float  # seconds
    ends_at: float  # seconds since 1970
    threads: int  # that talk to the database at once
    told: bool  # whether each trial is made and told in Optuna's tables, too
    drain: bool  # whether a worker ends once all is settled
    look_every: float | None  # seconds; None: as a worker has it with such leases; 0: it looks whenever it asks
    wins: Path  # file to which the id of each slot goes that was settled here


@dataclass(kw_only=True)
class Seen:
    """What a process saw."""

    seconds: dict[str, list[float]] = field(default_factory=dict)  # of each call, by step
    ended: list[float] = field(default_factory=list)  # when each slot was settled, seconds since 1970
    late: list[float] = field(default_factory=list)  # seconds after its time that something was begun
    exchanges: Counter[int] = field(default_factory=Counter)  # with the server, by the second, since 1970
    failed: list[str] = field(default_factory=list)  # what the database refused, in words
    drained: int = 0  # workers that found nothing left


class _Times:
    """What is to be done when; a few threads do it."""

    def __init__(self, ends_at: float, seen: Seen) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._more = threading.Condition()
        self._ends_at, self._seen = ends_at, seen
        self._number = 0
        self.over = threading.Event()  # nothing is left to do

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Have it done at that time, seconds since 1970."""
        with self._more:
            self._number += 1
            heapq.heappush(self._due, (when, self._number, call))
            self._more.notify()

    def _next(self) -> Callable[[], None] | None:
        with self._more:
            while (now := time.time()) < self._ends_at and not self.over.is_set():
                if self._due and self._due[0][0] <= now:
                    when, _, call = heapq.heappop(self._due)
                    self._seen.late.append(now - when)
                    return call
                until = min(self._due[0][0], self._ends_at) if self._due else self._ends_at
                self._more.wait(min(0.5, max(0.001, until - now)))
        return None

    def run(self) -> None:
        """Do what is due, until the time is up."""
        while (call := self._next()) is not None:
            try:
                call()
            except StorageError as error:
                self._seen.failed.append(str(error))
                self.at(time.time() + random.uniform(0.5, 2.0), call)


class _VirtualWorker:
    """One of many."""

    def __init__(self, number: int, part: Part, storage: Storage, times: _Times, seen: Seen) -> None:
        self._name = f"node{part.name}-{number}:1:1:virtual"
        self._part, self._storage, self._times, self._seen = part, storage, times, seen
        self._slots = Slots(storage)
        every = look_every(part.lease) if part.look_every is None else part.look_every
        self._source = Source(storage, self._slots, only=(part.study,), drain=part.drain, look_every=every)
        self._slot: Slot | None = None
        self._trial: int | None = None
        self._chores = Housekeeping(storage, max_attempts=MAX_ATTEMPTS, outage=Outage())
        self.drained = False

    def begin(self) -> None:
        """Sign on, and look for work."""
        with self._timed("sign on"):
            worker = Worker(name=self._name, pid=1, host="virtual", machine=self._name[:64], threads=1)
            Roster(self._storage).sign_on(worker, self._part.lease)
        self._times.at(time.time() + self._part.lease / 3 * random.random(), self.renew)
        self.turn()

    def turn(self) -> None:
        """Claim a slot, or wait for one."""
        with self._timed("ask"):
            offer = self._source.offer()
        slot = None
        if offer is not None:
            with self._timed("claim"):
                slot = self._slots.claim(offer.study, self._name, self._part.lease)
        if slot is None:
            pauses: list[float] = []
            if self._source.wait(pauses.append):
                self._times.at(time.time() + pauses[0], self.turn)
            elif not self.drained:
                self.drained = True
                self._seen.drained += 1
            return
        self._slot = slot
        if self._part.told:
            with self._timed("make"):
                attributes: dict[str, Any] = {SLOT: slot.id, ATTEMPT: slot.attempt, POSITION: slot.position}
                made = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, system_attrs=attributes)
                rdb = self._storage.rdb
                self._trial = rdb.create_new_trial(rdb.get_study_id_from_name(slot.study), made)
        self._times.at(time.time() + self._part.trial * random.uniform(0.5, 1.5), self.settle)

    def settle(self) -> None:
        """Its trial is over."""
        slot = self._slot
        assert slot is not None
        with self._timed("settle"):
            won = self._slots.settle(slot, "complete", 0.5, params={"x": 0.25}, trial_number=slot.position)
        self._slot = None
        if won:
            with self._part.wins.open("a") as lines:  # one write, between which no other's comes
                lines.write(f"{slot.id}\n")
            self._seen.ended.append(time.time())
        if self._trial is not None:
            with self._timed("tell"):
                slot_trials.tell(self._storage, self._trial, "complete", 0.5)
        self.turn()

    def renew(self) -> None:
        """Renew what it holds, and again in a third of a lease."""
        if self.drained:
            return
        said = worker_registry.said(doing="", refuses={}, threads=1)
        with self._timed("renew"):
            renew(self._storage, self._name, self._part.lease, said=said, slot=self._slot)
        self._times.at(time.time() + self._part.lease / 3 * random.uniform(0.8, 1.2), self.renew)

    def supervise(self) -> None:
        """What its supervisor does beside."""
        if self.drained:
            return
        with self._timed("chores"):
            self._chores._sweep()
        self._times.at(time.time() + _CHORES_EVERY, self.supervise)

    @contextlib.contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._seen.seconds.setdefault(step, []).append(time.perf_counter() - began)


def simulate(part: Part, to: Connection) -> None:
    """Be these workers until the time is up or nothing is left, and send what was seen."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seen = Seen()
    wait = Answering.wait

    def counted(self: Answering, *arguments: Any, **options: Any) -> Any:
        seen.exchanges[int(time.time())] += 1
        return wait(self, *arguments, **options)

    Answering.wait = counted  # type: ignore[method-assign]
    times = _Times(part.ends_at, seen)
    storages = _storages(part.url, part.workers)
    workers = [_VirtualWorker(number, part, storage, times, seen) for number, storage in enumerate(storages)]
    for number, worker in enumerate(workers):
        begins = part.begins_at + part.ramp * random.random()
        times.at(begins, worker.begin)
        if number < part.supervisors:
            times.at(begins + _CHORES_EVERY * random.random(), worker.supervise)
    threads = [threading.Thread(target=times.run, daemon=True) for _ in range(part.threads)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        threads[0].join(0.5)
        if all(worker.drained for worker in workers):
            times.over.set()
    to.send(seen)


def _storages(url: str, number: int) -> list[Storage]:
    """As many, each with connections of its own; what SQLAlchemy makes of statements they share, to spare this side."""
    where = parse(url)
    first: Engine | None = None
    made = []
    for _ in range(number):
        engine = connect(where, create=False)
        if first is not None:
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        first = first or engine
        made.append(Storage(where, engine))
    return made
