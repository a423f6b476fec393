"""`hpo worker`: the workers of this machine for whatever studies have open slots, for as long as it is not stopped."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hpo import notes
from hpo.errors import StorageError, StudyError, UsageError
from hpo.service import storage as storages
from hpo.service import studies
from hpo.service.hosts import gpus
from hpo.service.hosts.cores import share, usable_cores
from hpo.service.hosts.gpus import Gpu
from hpo.service.slots.offers import Unsettled, unsettled
from hpo.service.storage import Storage
from hpo.service.studies.halting import BY_HPO
from hpo.service.supervisors.child import environment
from hpo.service.supervisors.crew import Crew, Gone
from hpo.service.supervisors.effort import MAX_WORKERS, Effort, refuse_beyond
from hpo.service.supervisors.housekeeping import Housekeeping
from hpo.service.supervisors.ordering import work_order
from hpo.service.supervisors.orphanage import adopt
from hpo.service.supervisors.outage import Outage
from hpo.service.supervisors.stops import Stops
from hpo.service.supervisors.words import Words

__all__ = ["FleetOrder", "run_fleet"]

_log = logging.getLogger("hpo.fleet")
_TICK = 0.1  # seconds between looks at the workers
_GRACE = 8.0  # seconds workers get to give back what they have in hand
_LAST_CHORES = 3.0  # seconds the database gets to hear of the last workers
_LOOK_FOR_SCHEMA = 1.0  # seconds


@dataclass(frozen=True, kw_only=True)
class FleetOrder:
    """How to serve.

    Raises:
        UsageError: a number is out of range.

    """

    processes: int | None = None  # workers; None: one a seat on a GPU, else one a usable core
    drain: bool = False  # end once all is settled, rather than wait for more
    gpus: bool = True  # lease GPUs where the machine has any; False: train on cores
    workers_per_gpu: int = 1  # workers that share a GPU
    only: tuple[str, ...] = ()  # the studies to serve, as `studies.find` takes them; empty: all there are
    max_attempts: int = 3  # crashes a slot may see before it settles as failed
    memory_limit: int | None = None  # resident bytes past which a worker is replaced; None: see memory.default_limit
    lease_seconds: float = 60.0  # a worker that vanished unseen loses its slot after this
    objective: str | None = None  # reference to a function `beat -> objective`, in place of the definitions' own
    log: str | None = "text"  # what kind of log workers write, one of logs.KINDS; None: none

    def __post_init__(self) -> None:
        _ = self.effort  # refuses what is out of range in it
        refuse_beyond("workers per GPU", self.workers_per_gpu, 1, MAX_WORKERS)

    @property
    def effort(self) -> Effort:
        """The limits it shares with a run on one study."""
        return Effort(
            workers=self.processes,
            max_attempts=self.max_attempts,
            memory_limit=self.memory_limit,
            lease_seconds=self.lease_seconds,
        )


def run_fleet(url: str, order: FleetOrder) -> bool:
    """Serve until a signal comes, or until all that is open is settled where that was asked for.

    A schema that is not there yet, and a database that is away, are waited for. Nothing a study does ends it.

    Args:
        url: of the storage.
        order: how to serve.

    Returns:
        Whether it was stopped by a signal; all that was in hand was given back then.

    Raises:
        UsageError: `url` is no storage URL, or the objective cannot be loaded.
        StudyError: there is no such study as it shall serve; or it drained and left some trials unsettled.
        StorageError: the database is of another version, another program's, or may not be used; or another one that
            cannot be served took its place.

    """
    say = _once()
    with Stops() as stops, notes.told(say):
        storage = _await_storage(url, stops)
        if storage is None:
            return True
        try:
            only = tuple(studies.find(storage.patient, word).name for word in order.only)
            return _Fleet(storage, replace(order, only=only), stops, say).run()
        finally:
            storage.close()


class _Fleet:
    """The workers of one `hpo worker`."""

    def __init__(self, storage: Storage, order: FleetOrder, stops: Stops, say: Callable[..., object]) -> None:
        there = gpus.listed() if order.gpus else ()
        processes = order.processes or _processes(there, order.workers_per_gpu)
        effort = order.effort
        per_gpu = order.workers_per_gpu
        work = work_order(storage, effort, processes=processes, there=there, workers_per_gpu=per_gpu)
        work = replace(work, objective=order.objective, only=order.only, drain=order.drain, log=order.log)
        self._storage = storage
        self._outage = Outage()
        self._stops = stops
        self._order = order
        blind = {} if order.gpus else {"CUDA_VISIBLE_DEVICES": "-1"}  # TensorFlow would take the first GPU
        self._crew = Crew(
            processes,
            work,
            {**environment(work.threads), **blind},
            stall_seconds=effort.stall_seconds,
            on_word=Words(say, self._outage).hear,
        )
        self._chores = Housekeeping(storage, max_attempts=effort.max_attempts, outage=self._outage)
        workers = "1 worker" if processes == 1 else f"{processes} workers"
        _log.info(f"serving with {workers} on {_machine(there, processes)}, storage {storage.safe_url}")

    def run(self) -> bool:
        """As `run_fleet`. Raises ReplacedError."""
        self._chores.start()
        try:
            while not self._stops.count and self._crew.size:
                if self._chores.replaced is not None:
                    raise self._chores.replaced
                self._crew.listen(_TICK)
                for gone in self._crew.reap():
                    self._bury(gone)
                self._crew.watch()
                self._crew.fill(self._crew.size)
                if os.getpid() == 1:
                    adopt(child.pid for child in self._crew.children)
        finally:
            stopped = bool(self._stops.count)
            self._end()
        _log.info("stopped" if stopped else self._drained())
        return stopped

    def _drained(self) -> str:
        """What to say at the end. Raises StudyError where trials are left that should have been settled."""
        left = unsettled(self._storage.patient, only=self._order.only)
        failed = [each for each in left if each.gives or each.stopped_by == BY_HPO]
        if failed:
            raise StudyError(
                f"ends with trials that are not settled: {_named(failed)}; the warnings above say why it cannot serve "
                "what is not stopped, and hpo status says who else is there"
            )
        return "all that was open is settled, so it ends" + (f"; stopped: {_named(left)}" if left else "")

    def _bury(self, gone: Gone) -> None:
        self._outage.ended(gone.name)
        if gone.how == "error" and gone.usage:  # about what the fleet was told, which no other worker can do either
            raise UsageError(gone.why)
        if gone.how == "drained" and self._order.drain and gone.began > self._chores.in_order_since:
            self._crew.retire()  # else what a dead worker held may have opened since it looked: another looks again
        elif gone.how in ("error", "overran", "memory", "crashed"):
            about = {"worker": gone.name, "study": gone.loading or gone.study, "reason": gone.why}
            _log.warning("a worker ended and is replaced", extra=about)
        if gone.how != "drained":
            self._chores.bury(gone)

    def _end(self) -> None:
        """End every worker; what it had in hand is given back unblamed."""
        before = self._stops.count
        there = self._crew.end(
            grace=_GRACE, last_words=0.0, tick=_TICK / 2, hurry=lambda: self._stops.count > max(1, before)
        )
        for name in there:
            self._chores.bury(Gone(name=name, how="stopped", worked=True))
        if not self._chores.close(_LAST_CHORES):
            _log.warning("the database is away: leases of what was in hand will run out")


def _once() -> Callable[..., None]:
    """What logs a note, and the study it is about, once: the supervisor may have the same to say as its workers."""
    known: set[str] = set()

    def say(note: str, study: str | None = None) -> None:
        if note not in known:
            known.add(note)
            _log.warning(note, extra={"study": study})

    return say


def _await_storage(url: str, stops: Stops) -> Storage | None:
    """The storage, once it is there and made ready; None where a signal came first. Raises StorageError."""
    told = False
    while not stops.count:
        why = "no schema yet: `hpo db upgrade` makes it"
        try:
            found = storages.find(url, to_write=True)
            if found is not None:
                if told:
                    _log.info("the database is there")
                return found
        except StorageError as error:
            if not error.transient:
                raise
            why = str(error)
        if not told:
            told = True
            _log.warning("waiting for the database", extra={"reason": why})
        stops.wait(_LOOK_FOR_SCHEMA)
    return None


def _named(studies: Sequence[Unsettled]) -> str:
    return ", ".join(
        f"{each.study} ({each.slots}{f', stopped as {each.stopped_why}' if each.stopped_by == BY_HPO else ''})"
        for each in studies
    )


def _processes(there: Sequence[Gpu], per_gpu: int) -> int:
    wanted = len(there) * per_gpu if there else usable_cores()
    return min(MAX_WORKERS, wanted)


def _machine(there: Sequence[Gpu], processes: int) -> str:
    if there:
        return f"{len(there)} GPU{'s' if len(there) > 1 else ''} ({there[0].name})"
    return f"{usable_cores()} cores, {share(processes)} for each"
