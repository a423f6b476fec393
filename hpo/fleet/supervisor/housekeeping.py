"""What a supervisor does in the database, in a thread of its own: it may be away while workers are watched."""

import functools
import logging
import queue
import threading
import time
from collections.abc import Callable

from hpo.errors import StorageError
from hpo.fleet.supervisor.outage import Outage
from hpo.fleet.supervisor.worker_exit import WorkerExit, clean_up, dead_holders, free_abandoned
from hpo.storage import Storage
from hpo.storage.slots.recovery import recover, recover_all
from hpo.storage.studies.fail_fast import stop_if_all_failed
from hpo.storage.worker_registry import Roster

__all__ = ["Housekeeping"]

_log = logging.getLogger("hpo.fleet")
_FREE_EVERY = 3.0  # seconds between looks for workers that died with their supervisor
_RECOVER_EVERY = 15.0  # seconds between sweeps for what nobody told or settled
_PAUSE = 2.0  # seconds between tries of what the database refused


class Housekeeping:
    """Puts in order what ended workers left, now and as long as it takes, and what workers elsewhere left."""

    def __init__(self, storage: Storage, *, max_attempts: int, outage: Outage, study: str | None = None) -> None:
        """It does nothing before `start`.

        Args:
            storage: where the studies are.
            max_attempts: as in `Limits`.
            outage: asked whether what the database refuses is to be tried again.
            study: the only one to look after, whose failures its supervisor counts itself; None: all there are.

        """
        self._storage = storage
        self._max_attempts = max_attempts
        self._outage = outage
        self._study = study
        self._ended: queue.SimpleQueue[WorkerExit | None] = queue.SimpleQueue()  # None: that was all
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self.error: StorageError | None = None  # why waiting for the database is no use any more
        self._freed = self._recovered = float("-inf")  # monotonic seconds
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
                exited = self._ended.get(timeout=_FREE_EVERY)
            except queue.Empty:
                self._sweep()
                continue
            if exited is None:
                self._once("recover", self._recover)
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
        if now - self._freed >= _FREE_EVERY and self._once("free", self._free_abandoned):
            self._freed = now
        if now - self._recovered >= _RECOVER_EVERY and self._once("recover", self._recover):
            self._recovered = now

    def _free_abandoned(self) -> None:
        """Free what is held by workers that were dead at the last look: others have their supervisor clean up."""
        dead = dead_holders(self._storage, self._study)
        free_abandoned(self._storage, dead & self._dead, max_attempts=self._max_attempts)
        self._dead = dead

    def _recover(self) -> None:
        if self._study is None:
            recover_all(self._storage, max_attempts=self._max_attempts)
        else:
            recover(self._storage, self._study, max_attempts=self._max_attempts)
        Roster(self._storage).prune()

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
