"""The end of a worker: how and why it came, and putting in order in the database what the worker left."""

import contextlib
import functools
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from hpo.errors import StorageError
from hpo.fleet.gpu_leases import Seats
from hpo.fleet.protocol import Ended
from hpo.fleet.supervisor.worker_messages import Outage
from hpo.fleet.worker.captured_output import KEPT
from hpo.storage import Storage, chores
from hpo.storage.process_identity import host_prefix, is_certainly_dead
from hpo.storage.slots.recovery import recover, recover_all
from hpo.storage.slots.slots import Slots
from hpo.storage.studies.halting import stop_if_all_failed
from hpo.storage.worker_registry import Roster

__all__ = ["Housekeeping", "How", "WorkerExit", "clean_up", "dead_holders", "free_abandoned"]

How = Ended | Literal["error", "overran", "memory", "crashed"]
_log = logging.getLogger("hpo.fleet")
_FREE_EVERY, _FREE_SELDOM = 3.0, 24.0  # seconds between looks for workers that died with their supervisor
_RECOVER_EVERY = 15.0  # seconds between sweeps for what nobody told or settled
_FIRST_RECOVERY = 2.0  # seconds after somebody else's sweep from which a new supervisor sweeps itself
_PAUSE = 2.0  # seconds between tries of what the database refused


@dataclass(frozen=True, kw_only=True)
class WorkerExit:
    """How and why a worker process ended, and what it was at."""

    name: str
    how: How
    # drained, recycled, stopped: in order, see `protocol.Ended`; error: it cannot go on, in its own words; overran: its
    # trial took too long; memory: ran out; crashed: all else
    why: str = ""  # one line
    usage: bool = False  # whether an error is about what was asked for
    study: str | None = None  # the one whose slot it had last
    loading: str | None = None  # the one that it was making ready
    signal: int | None = None  # number of the signal that ended it, if one did
    began: float = 0.0  # monotonic seconds of its start
    printed: str = ""  # the last lines it wrote since it took that slot

    @property
    def is_failure(self) -> bool:
        """Whether neither it nor its supervisor meant it to end."""
        return self.how in ("overran", "memory", "crashed")


def clean_up(storage: Storage, exited: WorkerExit, *, max_attempts: int) -> None:
    """Free or settle the slot a worker held, fail its trial, take it off the roster. It may be done again.

    Raises:
        StorageError: the database failed; doing it again goes on.

    """
    slots = Slots(storage, max_attempts=max_attempts)
    why = storage.where.hide(exited.why)  # whatever its last words were
    held = slots.held_by(exited.name)
    if exited.is_failure and exited.printed:  # else it has kept that itself
        printed = storage.where.hide(exited.printed)[-KEPT:]
        for slot in held:
            slots.keep_output(slot, printed)
    if exited.how in ("drained", "recycled", "stopped", "error"):
        slots.release_all(exited.name, "its worker ended")
    elif exited.how == "overran":  # unlike one that crashed it would take as long again
        for slot in held:
            slots.settle(slot, "failed", reason=why)
    elif exited.how == "memory":
        slots.out_of_memory(exited.name, why)
    else:
        slots.record_crash(exited.name, why)
    if exited.how not in ("drained", "recycled"):
        for study in sorted({slot.study for slot in held} | ({exited.study} if exited.study else set())):
            recover(storage, study, max_attempts=max_attempts)
    with contextlib.suppress(StorageError):  # where the database is away, its leases run out
        Seats(storage).release(exited.name)
        Roster(storage).sign_off(exited.name)


def dead_holders(storage: Storage, study: str | None = None) -> set[str]:
    """The workers of this machine that hold slots, of one study or of any, and are dead. Raises StorageError."""
    return {worker for worker in Slots(storage).holders(study, host=host_prefix()) if is_certainly_dead(worker)}


def free_abandoned(storage: Storage, workers: Collection[str], *, max_attempts: int) -> int:
    """Free what these workers hold, which died with their supervisor, as attempts that failed; how many slots.

    Their leases would run out too; this spares the wait. It may be done again. Raises StorageError.
    """
    slots = Slots(storage, max_attempts=max_attempts)
    freed = 0
    for worker in workers:
        touched = {slot.study for slot in slots.held_by(worker)}
        freed += slots.record_crash(worker, "its worker died with its supervisor")
        for each in touched:
            recover(storage, each, max_attempts=max_attempts)
    return freed


class Housekeeping:
    """Puts in order what ended workers left, now and as long as it takes, and what workers elsewhere left."""

    def __init__(self, storage: Storage, *, max_attempts: int, outage: Outage, study: str | None = None) -> None:
        """It does nothing before `start`; `outage` says whether what the database refuses is to be tried again.

        `study`: the only one to look after, whose failures its supervisor counts itself; None: all there are.
        """
        self._storage = storage
        self._max_attempts = max_attempts
        self._outage = outage
        self._study = study
        self._ended: queue.SimpleQueue[WorkerExit | None] = queue.SimpleQueue()  # None: that was all
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self.error: StorageError | None = None  # why waiting for the database is no use any more
        self._freed = self._recovered = float("-inf")  # monotonic seconds
        self._free_every = _FREE_EVERY
        self._recover_every = _FIRST_RECOVERY  # after whoever swept last
        self._dead: set[str] = set()  # workers that held slots and were dead when last looked
        self._heard = self._cleaned = 0  # ended workers: heard of; in order, counted by the thread
        self._last_cleaned = float("-inf")  # monotonic seconds

    def start(self) -> None:
        """Begin; `clean_up` may be called before."""
        self._thread.start()

    @property
    def clean_since(self) -> float:
        """Monotonic seconds since when nothing is left of ended workers: before it a slot of theirs may not be open."""
        return self._last_cleaned if self._cleaned == self._heard else float("inf")

    def clean_up(self, exited: WorkerExit) -> None:
        """Put in order what this worker left, as soon as the database answers."""
        self._heard += 1
        self._ended.put(exited)

    def close(self, seconds: float) -> bool:
        """Finish what there is to do, at most so long over each worker; whether all was done. Leases do the rest."""
        self._ended.put(None)
        cleaned = -1
        while self._thread.is_alive() and cleaned < self._cleaned:
            cleaned = self._cleaned
            self._thread.join(seconds)
        return not self._thread.is_alive() and self.error is None

    def _run(self) -> None:
        while True:
            try:
                exited = self._ended.get(timeout=_FREE_EVERY * random.uniform(0.8, 1.2))  # many are not in step
            except queue.Empty:
                self._sweep()
                continue
            if exited is None:
                self._once("recover", functools.partial(self._recover, last=True))
                return  # in vain where the database is away: another supervisor will, or the next one
            while not self._once("clean up", functools.partial(self._clean_up, exited)):
                if self.error is not None:
                    return
                time.sleep(_PAUSE)
            self._last_cleaned = time.monotonic()
            self._cleaned += 1

    def _clean_up(self, exited: WorkerExit) -> None:
        clean_up(self._storage, exited, max_attempts=self._max_attempts)
        if self._study is None and exited.study is not None and exited.is_failure:
            why = stop_if_all_failed(self._storage, exited.study)
            if why is not None:
                _log.error("stopped the study", extra={"study": exited.study, "reason": why})

    def _sweep(self) -> None:
        now = time.monotonic()
        if now - self._freed >= self._free_every and self._once("free", self._free_abandoned):
            self._freed = now
        if now - self._recovered >= _RECOVER_EVERY and self._once("recover", self._recover):
            self._recovered = now

    def _free_abandoned(self) -> None:
        """Free what is held by workers that were dead at the last look: others have their supervisor clean up.

        Their leases would run out too, so who finds none looks ever more seldom: of many supervisors each one looks.
        """
        dead = dead_holders(self._storage, self._study)
        free_abandoned(self._storage, dead & self._dead, max_attempts=self._max_attempts)
        self._dead = dead
        self._free_every = _FREE_EVERY if dead else min(_FREE_SELDOM, 2 * self._free_every)

    def _recover(self, *, last: bool = False) -> None:
        """Sweep; of all supervisors of a database one does, as it costs the more the more workers there are."""
        if self._study is not None:
            recover(self._storage, self._study, max_attempts=self._max_attempts)
            Roster(self._storage).prune()
        elif last or chores.take(self._storage, "recover", self._recover_every):
            recover_all(self._storage, max_attempts=self._max_attempts)
            Roster(self._storage).prune()
        self._recover_every = 0.9 * _RECOVER_EVERY

    def _once(self, chore: str, call: Callable[[], object]) -> bool:
        """Try it; False where the database would not let it be done now."""
        try:
            call()
        except StorageError as error:
            try:
                self._outage.refused(chore, error)
            except StorageError as last:
                self.error = last
            return False
        except Exception:  # a defect: what it was about is left to leases and to the next sweep, all else goes on
            _log.exception("some housekeeping failed")
            return True
        self._outage.ended(chore)
        return True
