"""The worker's loop: find a slot, run it, and the next one; until nothing is left, or somebody says stop."""

import logging
import threading
import time
from collections.abc import Callable

from hpo.errors import HpoError
from hpo.service.hosts.liveness import identity
from hpo.service.hosts.memory import resident_bytes
from hpo.service.slots.offers import Offer
from hpo.service.slots.recovery import recover
from hpo.service.slots.slot import Slot
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage
from hpo.service.studies import lookup
from hpo.service.workers.attempt import Attempt, Ending, Means
from hpo.service.workers.lease import Renewer
from hpo.service.workers.prepared import Prepared, Shelf
from hpo.service.workers.sources import OneStudy, Source
from hpo.service.workers.terms import Beat, Drained, MakeObjective, Objective, Step, Terms, Watcher
from hpo.study.imported import StaleProcessError

__all__ = ["Beat", "Drained", "MakeObjective", "Objective", "Server", "Step", "Terms", "serve"]

_log = logging.getLogger("hpo.worker")
_CALM = 5.0  # seconds, at most
_AWAY = 5  # trials in a row that the database interrupts before the worker gives up


def serve(
    storage: Storage,
    study: str,
    make_objective: MakeObjective | None = None,
    *,
    worker: str | None = None,
    terms: Terms | None = None,
    on_step: Callable[[Step, Slot], None] | None = None,
) -> Drained:
    """Run the study's open slots in this process until all slots are settled, here or elsewhere.

    Args:
        storage: where the study is.
        study: its name.
        make_objective: what to run; None: the objective of the study's definition.
        worker: who this is, unique among all workers there ever were; None: this process.
        terms: of the leases.
        on_step: called after each step; its exceptions end the loop.

    Raises:
        HpoError: the run cannot go on: the definition or its data cannot be loaded, the database failed for good.

    """
    return Server(storage, study, make_objective, worker=worker, terms=terms, on_step=on_step).run()


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
        terms: Terms | None = None,
        on_step: Callable[[Step, Slot], None] | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        """Of a worker that is about to begin.

        Args:
            storage: where the studies are.
            study: name of the one to serve until it is settled; None: as `source` says.
            make_objective: as `serve`.
            source: makes what says where slots come from, where there is no `study`.
            worker: as `serve`.
            terms: as `serve`.
            on_step: as `serve`.
            watcher: hears of all else, and of the steps where there is no `on_step`.

        """
        self._storage = storage
        self._name = study
        terms = terms or Terms()
        self._watcher = watcher = watcher or Watcher()
        slots = Slots(storage, max_attempts=terms.max_attempts)  # what renews and gives back does not wait
        self._waiting = storage.patient
        self._slots = Slots(self._waiting, max_attempts=terms.max_attempts)
        self._means = Means(
            storage=storage,
            slots=slots,
            worker=worker or f"{identity()}:{time.monotonic_ns()}",
            terms=terms,
            on_step=on_step or watcher.step,
            watcher=watcher,
        )
        if study is not None:
            self._source: Source = OneStudy(self._waiting, self._slots, study)
        else:
            assert source is not None
            self._source = source(self._slots)
        renew = lambda slot: slots.renew(slot, terms.lease_seconds)  # noqa: E731
        every = terms.lease_seconds / 3
        self._lease = Renewer(renew, every=every, stall=terms.stall_seconds, also=watcher.renewed)
        self._shelf = Shelf(
            storage,
            make_objective,
            beat=self._beat,
            reserve=self._reserve,
            max_attempts=terms.max_attempts,
            on_loading=watcher.loading,
            on_loaded=watcher.loaded,
        )
        self._stopped = threading.Event()
        self._calm_until = 0.0  # monotonic seconds; nothing is claimed before
        self._replace = False  # whether this process had better be replaced
        self._attempt: Attempt | None = None  # at the slot in hand
        self._interrupted = 0  # trials in a row that the database broke off
        self.offer: Offer | None = None  # of the study served now, or last

    def run(self) -> Drained:
        """As `serve`."""
        if self._name is None:
            return self._run()
        name = self._name
        record = lookup(self._waiting, name)
        if record is None:
            return self._run()
        with self._storage.holdings.study(name, record.id, record.created_at):
            return self._run()

    def _run(self) -> Drained:
        if self._name is not None:
            name, attempts = self._name, self._means.terms.max_attempts
            recover(self._waiting, name, max_attempts=attempts)
        with self._lease:
            while not self._stopped.is_set():
                if not self._turn():
                    break
                if self._replace:
                    return "recycled"
        return "stopped" if self._stopped.is_set() else "drained"

    def stop(self, reason: str, *, blamed: bool = False) -> None:
        """Give back what is in hand and claim nothing more; from any thread, however busy the loop is.

        `blamed`: it counts as an attempt, as hpo did not ask for the end.
        """
        self._stopped.set()
        attempt = self._attempt
        if attempt is not None:
            attempt.give_back(reason, blamed=blamed)
        else:
            self._means.slots.hand_back_all(self._means.worker, reason)

    def replace(self) -> None:
        """Have this process replaced once the slot in hand is settled; from any thread."""
        self._replace = True

    def calm(self) -> None:
        """Let those who train renew their leases before anything is claimed: the database was away; from any thread."""
        self._lease.excuse()
        self._calm_until = time.monotonic() + min(_CALM, self._means.terms.lease_seconds / 2)

    def _turn(self) -> bool:
        """One slot, or a wait for one; False where there is nothing left to wait for."""
        self._stopped.wait(max(0.0, self._calm_until - time.monotonic()))
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
                self._shelf.drop(offer.study)
                self._source.refuse(offer, error)
                return True
        self._watcher.idle()
        return self._source.wait(self._stopped.wait)

    def _take(self, offer: Offer) -> bool:
        """Take a slot of the study and run it; False where others were faster."""
        prepared = self._shelf.get(offer)
        slot = self._slots.claim(offer.study, self._means.worker, self._means.terms.lease_seconds)
        if slot is None:
            return False
        self.offer = offer
        self._source.accept(offer)
        ending = self._work(slot, prepared)
        self._heed(offer, ending)
        return True

    def _work(self, slot: Slot, prepared: Prepared) -> Ending:
        self._attempt = attempt = Attempt(self._means, slot)
        try:
            with self._lease.holding(slot):
                ending = attempt.run(prepared)
        finally:
            self._attempt = None
            self._means.on_step("free", slot)
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
        limit = self._means.terms.memory_limit
        if ending == "exhausted" or (limit is not None and resident_bytes() > limit):
            self._replace = True
        if ending in ("complete", "pruned", "failed"):
            self._source.ended(offer, ending)

    def _beat(self) -> None:
        self._lease.beat()
        self._watcher.beat()

    def _reserve(self, trial_id: int, digest: str) -> bool:
        attempt = self._attempt
        return True if attempt is None else attempt.reserve(trial_id, digest)
