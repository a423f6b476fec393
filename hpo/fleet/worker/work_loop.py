"""The worker's loop: find a slot, run it, and the next one; until nothing is left, or somebody says stop."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from hpo.errors import HpoError
from hpo.fleet.protocol import Ended
from hpo.fleet.resources import resident_bytes
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.attempt import Attempt, Ending, WorkerContext
from hpo.fleet.worker.heartbeat import Heartbeat
from hpo.fleet.worker.loaded_study import Beat, LoadedStudy, MakeObjective, Objective, StudyCache
from hpo.fleet.worker.presence import Step, Watcher
from hpo.fleet.worker.slot_sources import Source
from hpo.storage import Storage
from hpo.storage.process_identity import identity
from hpo.storage.slots.dispatch import Offer
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import lookup
from hpo.study.imported import StaleProcessError

__all__ = ["Beat", "MakeObjective", "Objective", "Server", "Step", "serve"]

_log = logging.getLogger("hpo.worker")
_RENEW_FIRST = 5.0  # seconds without a claim after an outage, at most
_AWAY = 5  # trials in a row that the database interrupts before the worker gives up


def serve(
    storage: Storage,
    study: str,
    make_objective: MakeObjective | None = None,
    *,
    worker: str | None = None,
    limits: Limits | None = None,
    on_step: Callable[[Step, Slot], None] | None = None,
) -> Ended:
    """Run the study's open slots in this process until all slots are settled, here or elsewhere.

    Args:
        storage: where the study is.
        study: its name.
        make_objective: what to run; None: the objective of the study's definition.
        worker: who this is, unique among all workers there ever were; None: this process.
        limits: of the run; None: the usual ones.
        on_step: called after each step; its exceptions end the loop.

    Raises:
        HpoError: the run cannot go on: the definition or its data cannot be loaded, the database failed for good.

    """
    return Server(storage, study, make_objective, worker=worker, limits=limits, on_step=on_step).run()


class Server:
    """One worker at work; `serve` for whoever need not stop it from another thread."""

    def __init__(
        self,
        storage: Storage,
        study: str | None,
        make_objective: MakeObjective | None = None,
        *,
        source: Callable[[Slots], Source] | None = None,
        worker: str | None = None,
        limits: Limits | None = None,
        on_step: Callable[[Step, Slot], None] | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        """Of a worker that is about to begin.

        Args:
            storage: where the studies are.
            study: name of the one to serve until it is settled; None: as `source` says.
            make_objective: as `serve`.
            source: makes what says where slots come from; None: that `study`.
            worker: as `serve`.
            limits: as `serve`.
            on_step: as `serve`.
            watcher: hears of all else, and of the steps where there is no `on_step`.

        """
        self._storage = storage
        self._study = study
        limits = limits or Limits()
        self._watcher = watcher = watcher or Watcher()
        slots = Slots(storage, max_attempts=limits.max_attempts)  # what renews and gives back does not wait
        self._waiting = storage.patient
        self._slots = Slots(self._waiting, max_attempts=limits.max_attempts)
        self._context = WorkerContext(
            storage=storage,
            slots=slots,
            worker=worker or f"{identity()}:{time.monotonic_ns()}",
            limits=limits,
            on_step=on_step or watcher.step,
            watcher=watcher,
        )
        self._source = Source(self._waiting, self._slots, study=study) if source is None else source(self._slots)
        renew = lambda slot: slots.renew(slot, limits.lease_seconds)  # noqa: E731
        every = limits.lease_seconds / 3
        self._heartbeat = Heartbeat(renew, every=every, stall=limits.stall_seconds, also=watcher.renewed)
        self._cache = StudyCache(
            storage,
            make_objective,
            beat=self._beat,
            reserve=self._reserve,
            max_attempts=limits.max_attempts,
            watcher=watcher,
        )
        self._stopped = threading.Event()
        self._claim_after = 0.0  # monotonic seconds; nothing is claimed before
        self._replace = False  # whether this process had better be replaced
        self._attempt: Attempt | None = None  # at the slot in hand
        self._interrupted = 0  # trials in a row that the database broke off
        self.offer: Offer | None = None  # of the study served now, or last

    def run(self) -> Ended:
        """Serve until nothing is left, or somebody stops it; how it ended. Raises HpoError, as `serve` does."""
        with contextlib.ExitStack() as held:
            if self._study is not None:
                self._hold(self._study, held)
            held.enter_context(self._heartbeat)
            while not self._stopped.is_set() and self._turn():
                if self._replace:
                    return "recycled"
        return "stopped" if self._stopped.is_set() else "drained"

    def _hold(self, study: str, held: contextlib.ExitStack) -> None:
        """Put right what a crash left of the study, and from then on accept no database without it."""
        storage, attempts = self._storage, self._context.limits.max_attempts
        record = lookup(self._waiting, study)
        if record is not None:
            held.enter_context(storage.holdings.study(study, record.id, record.created_at))
        recover(self._waiting, study, max_attempts=attempts)

    def stop(self, reason: str, *, blamed: bool = False) -> None:
        """Give back what is in hand and claim nothing more; from any thread, however busy the loop is.

        `blamed`: it counts as an attempt, as hpo did not ask for the end.
        """
        self._stopped.set()
        attempt = self._attempt
        if attempt is not None:
            attempt.give_back(reason, blamed=blamed)
        else:
            self._context.slots.hand_back_all(self._context.worker, reason)

    def replace(self) -> None:
        """Have this process replaced once the slot in hand is settled; from any thread."""
        self._replace = True

    def renew_first(self) -> None:
        """Let those who train renew their leases before anything is claimed: the database was away; from any thread."""
        self._heartbeat.restart()
        self._claim_after = time.monotonic() + min(_RENEW_FIRST, self._context.limits.lease_seconds / 2)

    def _turn(self) -> bool:
        """One slot, or a wait for one; False where there is nothing left to wait for."""
        self._stopped.wait(max(0.0, self._claim_after - time.monotonic()))
        offer = self._source.offer()
        if offer is not None:
            try:
                if self._take(offer):
                    return True
            except StaleProcessError as error:
                _log.info("is replaced by a fresh process", extra={"study": offer.study, "reason": str(error)})
                self._replace = True
                return True
            except HpoError as error:
                if self._stopped.is_set():
                    return True
                self._cache.drop(offer.study)
                self._source.refuse(offer, error)
                return True
        self._watcher.idle()
        return self._source.wait(self._stopped.wait)

    def _take(self, offer: Offer) -> bool:
        """Take a slot of the study and run it; False where others were faster."""
        loaded = self._cache.get(offer)
        slot = self._slots.claim(offer.study, self._context.worker, self._context.limits.lease_seconds)
        if slot is None:
            return False
        self.offer = offer
        self._source.accept(offer)
        ending = self._work(slot, loaded)
        self._heed(offer, ending)
        return True

    def _work(self, slot: Slot, loaded: LoadedStudy) -> Ending:
        self._attempt = attempt = Attempt(self._context, slot)
        try:
            with self._heartbeat.holding(slot):
                ending = attempt.run(loaded)
        finally:
            self._attempt = None
            self._context.on_step("free", slot)
        if ending != "interrupted":
            self._interrupted = 0
            return ending
        assert attempt.error is not None
        self._interrupted += 1
        if self._interrupted >= _AWAY:
            raise attempt.error
        return ending

    def _heed(self, offer: Offer, ending: Ending) -> None:
        """What an attempt's end means for what comes next."""
        limit = self._context.limits.memory_limit
        if ending == "exhausted" or (limit is not None and resident_bytes() > limit):
            self._replace = True
        if ending in ("complete", "pruned", "failed"):
            self._source.ended(offer, ending)

    def _beat(self) -> None:
        self._heartbeat.beat()
        self._watcher.beat()

    def _reserve(self, trial_id: int, digest: str) -> bool:
        attempt = self._attempt
        return True if attempt is None else attempt.reserve(trial_id, digest)
