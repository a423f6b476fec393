"""What a fleet's supervisor does in the database, in a thread of its own: it may be away while workers are watched."""

import functools
import logging
import queue
import threading
import time
from collections.abc import Callable

from hpo.errors import ReplacedError, StorageError
from hpo.service.hosts.roster import Roster
from hpo.service.slots.recovery import recover_all
from hpo.service.storage import Storage
from hpo.service.studies.hopeless import stop_if_hopeless
from hpo.service.supervisors.abandoned import free_abandoned
from hpo.service.supervisors.aftermath import settle_accounts
from hpo.service.supervisors.crew import Gone
from hpo.service.supervisors.outage import Outage

__all__ = ["Housekeeping"]

_log = logging.getLogger("hpo.fleet")
_BURY_EVERY = 5.0  # seconds between looks for workers that died with their supervisor
_RECOVER_EVERY = 15.0  # seconds between sweeps for what nobody told or settled
_PAUSE = 2.0  # seconds between tries of what the database refused


class Housekeeping:
    """Puts in order what ended workers left, now and as long as it takes, and what workers elsewhere left."""

    def __init__(self, storage: Storage, *, max_attempts: int, outage: Outage) -> None:
        self._storage = storage
        self._max_attempts = max_attempts
        self._ended: queue.SimpleQueue[Gone | None] = queue.SimpleQueue()  # None: that was all
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._outage = outage  # told of what the database refuses
        self.replaced: ReplacedError | None = None  # another database lies there, which cannot be served
        self._buried = self._recovered = float("-inf")  # monotonic seconds
        self._to_settle = self._settled = 0  # ended workers: heard of; in order, counted by the thread
        self._last_settled = float("-inf")  # monotonic seconds

    def start(self) -> None:
        """Begin; `bury` may be called before."""
        self._thread.start()

    @property
    def in_order_since(self) -> float:
        """Monotonic seconds since when nothing is left of ended workers: before it a slot of theirs may not be open."""
        return self._last_settled if self._settled == self._to_settle else float("inf")

    def bury(self, gone: Gone) -> None:
        """Put in order what this worker left, as soon as the database answers."""
        self._to_settle += 1
        self._ended.put(gone)

    def close(self, seconds: float) -> bool:
        """Finish what there is to do, for at most so long; whether all was done. Leases see to the rest."""
        self._ended.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                gone = self._ended.get(timeout=_BURY_EVERY)
            except queue.Empty:
                self._sweep()
                continue
            if gone is None:
                self._once("recover", self._recover)
                return  # in vain where the database is away: another fleet will, or the next one
            while not self._once("settle", functools.partial(self._settle, gone)):
                time.sleep(_PAUSE)
            self._last_settled = time.monotonic()
            self._settled += 1

    def _settle(self, gone: Gone) -> None:
        settle_accounts(self._storage, gone, max_attempts=self._max_attempts)
        if gone.study is not None and gone.how in ("overran", "memory", "crashed"):
            why = stop_if_hopeless(self._storage, gone.study)
            if why is not None:
                _log.error("stopped the study", extra={"study": gone.study, "reason": why})

    def _sweep(self) -> None:
        now = time.monotonic()
        free = functools.partial(free_abandoned, self._storage, max_attempts=self._max_attempts)
        if now - self._buried >= _BURY_EVERY and self._once("bury", free):
            self._buried = now
        if now - self._recovered >= _RECOVER_EVERY and self._once("recover", self._recover):
            self._recovered = now

    def _recover(self) -> None:
        recover_all(self._storage, max_attempts=self._max_attempts)
        Roster(self._storage).prune()

    def _once(self, chore: str, call: Callable[[], object]) -> bool:
        """Try it; False where the database would not let it be done now."""
        try:
            call()
        except StorageError as error:
            if isinstance(error, ReplacedError):
                self.replaced = error
            else:
                self._outage.began(chore, str(error))
            return False
        except Exception:  # a defect: what it was about is left to leases and to the next sweep, all else goes on
            _log.exception("some housekeeping failed")
            return True
        self._outage.ended(chore)
        return True
