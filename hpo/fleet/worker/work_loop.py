"""The worker's loop: find a slot, run it, and the next one; until nothing is left, or somebody says stop."""

import contextlib
import logging
import threading
import time
from pathlib import Path

from hpo.errors import HpoError
from hpo.fleet.protocol import Ended
from hpo.fleet.resources import resident_bytes
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.allowance import Allowance
from hpo.fleet.worker.attempt import Attempt, Ending, WorkerContext
from hpo.fleet.worker.checkpoint_keeper import CheckpointKeeper
from hpo.fleet.worker.heartbeat import Heartbeat
from hpo.fleet.worker.loaded_study import LoadedStudy, MakeObjective, StudyCache
from hpo.fleet.worker.presence import Presence, Watcher
from hpo.fleet.worker.slot_sources import Source, look_every
from hpo.storage import Storage
from hpo.storage.process_identity import identity
from hpo.storage.slots.dispatch import Offer
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import lookup
from hpo.study.local_imports import StaleProcessError

__all__ = ["Server"]

_log = logging.getLogger("hpo.worker")
_RENEW_FIRST = 5.0  # seconds without a claim after an outage, at most
_LAST_CHECKPOINT = 2.0  # seconds of those a worker has to give back what is in hand
_AWAY = 5  # trials in a row that the database interrupts before the worker gives up


class Server:
    """One worker at work."""

    def __init__(
        self,
        storage: Storage,
        study: str | None,
        make_objective: MakeObjective | None = None,
        *,
        source: Source | None = None,
        worker: str | None = None,
        limits: Limits | None = None,
        watcher: Watcher | None = None,
        presence: Presence | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        """Of a worker that is about to begin.

        Args:
            storage: where the studies are.
            study: name of the one to serve until all its slots are settled, here or elsewhere; None: as `source` says.
            make_objective: what to run; None: the objective of the study's definition.
            source: says where slots come from; None: that `study`.
            worker: who this is, unique among all workers there ever were; None: this process.
            limits: of the run; None: the usual ones.
            watcher: is told what it does; its exceptions end the loop.
            presence: its place in the fleet, which renews the slot with all else it holds; None: it has none.
            allowance: says whether one more trial may begin; None: any may.

        """
        self._study = study
        limits = limits or Limits()
        watcher = watcher or Watcher()
        self._context = WorkerContext(
            storage=storage,
            slots=Slots(storage, max_attempts=limits.max_attempts),  # what renews and gives back does not wait
            worker=worker or f"{identity()}:{time.monotonic_ns()}",
            limits=limits,
            watcher=watcher,
        )
        waiting = self._context.patient
        self._source = source or Source(
            waiting.storage, waiting.slots, study=study, look_every=look_every(limits.lease_seconds)
        )
        self._presence = presence
        self._heartbeat = Heartbeat(self._renew, every=limits.lease_seconds / 3, stall=limits.stall_seconds)
        self._cache = StudyCache(
            storage,
            make_objective,
            beat=self._beat,
            reserve=self._reserve,
            max_attempts=limits.max_attempts,
            watcher=watcher,
            keep_models=None if limits.keep_models is None else Path(limits.keep_models),
            keep_best=limits.keep_best,
        )
        self._allowance = allowance or Allowance(storage)
        self._spent = False  # whether no more trials may begin
        self._stopped = threading.Event()
        self._claim_after = 0.0  # monotonic seconds; nothing is claimed before
        self._replace = False  # whether this process had better be replaced
        self._attempt: Attempt | None = None  # at the slot in hand
        self._checkpoints: CheckpointKeeper | None = None  # of its trial, where it has any
        self._interrupted = 0  # trials in a row that the database broke off
        self.offer: Offer | None = None  # of the study served now, or last

    def run(self) -> Ended:
        """Serve until nothing is left, or somebody stops it; how it ended.

        Raises:
            HpoError: it cannot go on: the definition or its data cannot be loaded, the database failed for good.

        """
        with contextlib.ExitStack() as held:
            if self._study is not None:
                self._hold(self._study, held)
            held.enter_context(self._heartbeat)
            while not self._stopped.is_set() and not self._spent and self._turn():
                if self._replace:
                    return "recycled"
            self._cache.close()
        return "stopped" if self._stopped.is_set() else "drained"

    def _hold(self, study: str, held: contextlib.ExitStack) -> None:
        """Put right what a crash left of the study, and from then on accept no database without it."""
        storage = self._context.patient.storage
        record = lookup(storage, study)
        if record is not None:
            held.enter_context(storage.holdings.study(study, record.id, record.created_at))
        recover(storage, study, max_attempts=self._context.limits.max_attempts)

    def stop(self, reason: str, *, blamed: bool = False) -> None:
        """Give back what is in hand and claim nothing more; from any thread, however busy the loop is.

        The trial in hand may leave a checkpoint before, if it comes to that within `_LAST_CHECKPOINT` seconds.

        `blamed`: it counts as an attempt, as hpo did not ask for the end.
        """
        self._stopped.set()
        checkpoints = self._checkpoints
        if checkpoints is not None:
            checkpoints.ask(_LAST_CHECKPOINT)
        attempt = self._attempt
        if attempt is not None:
            attempt.release(reason, blamed=blamed)
        else:
            self._context.slots.release_all(self._context.worker, reason)

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
        self._context.watcher.idle()
        return self._source.wait(self._stopped.wait)

    def _take(self, offer: Offer) -> bool:
        """Take a slot of the study and run it; False where others were faster."""
        limits = self._context.limits
        loaded = self._cache.get(offer)
        if not self._allowance.ask():
            self._spent = True
            return True
        slot = None
        try:
            slot = self._context.patient.slots.claim(offer.study, self._context.worker, limits.lease_seconds)
        finally:
            if slot is None:
                self._allowance.unused()
        if slot is None:
            return False
        self.offer = offer
        self._source.accept(offer)
        ending = self._work(slot, loaded)
        if ending == "exhausted" or (limits.memory_limit is not None and resident_bytes() > limits.memory_limit):
            self._replace = True
        if ending in ("complete", "pruned", "failed"):
            self._source.ended(offer, ending)
        return True

    def _work(self, slot: Slot, loaded: LoadedStudy) -> Ending:
        self._attempt = attempt = Attempt(self._context, slot)
        self._checkpoints = checkpoints = loaded.checkpoints
        try:
            with self._heartbeat.holding(slot), checkpoints.holding(slot) if checkpoints else contextlib.nullcontext():
                ending = attempt.run(loaded)
                if ending == "complete" and loaded.keeper is not None:
                    loaded.keeper.keep(slot, attempt.trial_number)
                if checkpoints is not None:
                    checkpoints.ended(slot, ending)
        finally:
            self._attempt = self._checkpoints = None
            self._context.watcher.step("free", slot)
        self._interrupted = self._interrupted + 1 if ending == "interrupted" else 0
        if self._interrupted >= _AWAY:
            assert attempt.error is not None
            raise attempt.error
        return ending

    def _renew(self, slot: Slot | None) -> bool:
        """Renew what this worker holds; False where the slot is somebody else's. Raises StorageError."""
        if self._presence is None:
            return slot is None or self._context.slots.renew(slot, self._context.limits.lease_seconds)
        kept = self._presence.renew(slot)
        if not kept.seat:
            _log.warning("lost its GPU to another worker while it slept, so it is replaced")
            self.replace()
        return kept.slot

    def _beat(self) -> None:
        self._heartbeat.beat()
        self._context.watcher.beat()

    def _reserve(self, trial_id: int, digest: str) -> bool:
        attempt = self._attempt
        return True if attempt is None else attempt.reserve(trial_id, digest)
