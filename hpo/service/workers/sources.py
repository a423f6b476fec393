"""Where a worker's slots come from: one study until it is settled, or whichever study has most need of a worker."""

import logging
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from hpo.errors import HpoError
from hpo.service.slots.giving import is_giving
from hpo.service.slots.offers import Offer, offers, unsettled
from hpo.service.slots.slot import Outcome
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage
from hpo.service.studies.hopeless import stop_if_hopeless
from hpo.service.workers.order import Avoid

__all__ = ["AnyStudy", "OneStudy", "Source"]

_log = logging.getLogger("hpo.worker")
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds between looks for work
_LOOK_AGAIN, _LONGEST_REFUSAL = 5.0, 30.0  # seconds a study is left to others, first and at most
_SHARE, _COSTLIEST = 20, 600.0  # but so many times as long as it took to find out, and seconds at most for that

Wait = Callable[[float], object]
"""Sleeps for so many seconds, or until the worker is to stop."""


class Source(Protocol):
    """Where slots come from."""

    def offer(self) -> Offer | None:
        """The study to take the next slot of; None where none has one now. Raises StorageError."""

    def wait(self, sleep: Wait) -> bool:
        """Sleep a little, nothing being on offer; False where nothing is worth waiting for. Raises StorageError."""

    def ended(self, offer: Offer, outcome: Outcome) -> None:
        """Hear how a trial of that study ended. Raises StorageError."""

    def refuse(self, offer: Offer, error: HpoError) -> None:
        """Hear that this worker cannot serve the study now. Raises `error` where it cannot do anything else."""

    def accept(self, offer: Offer) -> None:
        """Hear that it can serve the study."""


class _Pause:
    """Waits that grow while nothing is found."""

    def __init__(self) -> None:
        self._next = _SHORTEST_WAIT

    def reset(self) -> None:
        self._next = _SHORTEST_WAIT

    def take(self, sleep: Wait) -> None:
        sleep(self._next * random.uniform(0.5, 1.0))  # idle workers do not look in step
        self._next = min(_LONGEST_WAIT, 2 * self._next)


class OneStudy:
    """The slots of one study, until all are settled, here or elsewhere."""

    def __init__(self, storage: Storage, slots: Slots, study: str) -> None:
        self._storage = storage
        self._slots = slots
        self._study = study
        self._pause = _Pause()

    def offer(self) -> Offer | None:
        """The study, where it has something free."""
        found = offers(self._storage, self._slots, only=(self._study,))
        if not found:
            return None
        self._pause.reset()
        return found[0]

    def wait(self, sleep: Wait) -> bool:
        """Wait for what others hold; False where all is settled, and where the study gives nothing any more."""
        counts = self._slots.counts(self._study)
        if counts.settled == counts.target or not is_giving(self._storage, self._study):
            return False
        self._pause.take(sleep)
        return True

    def ended(self, offer: Offer, outcome: Outcome) -> None:
        """Nothing: whoever runs the study watches it."""

    def refuse(self, offer: Offer, error: HpoError) -> None:  # noqa: ARG002 - as Source
        """There is nothing else to do. Raises `error`."""
        raise error

    def accept(self, offer: Offer) -> None:
        """Nothing: it is the only one."""


@dataclass(kw_only=True)
class _Refusal:
    """A study this worker cannot serve."""

    offer: Offer | None  # as it was then; a later one of another version is worth a try at once; None: not known
    why: str
    until: float  # monotonic seconds


class AnyStudy:
    """The slots of any study: of the one with the fewest workers at it, and of those the one served longest ago.

    A study this worker cannot serve is left to others, and looked at again within seconds: what was missing may be
    there by then. A look that takes long, as where data are fetched in vain, comes so seldom that it takes a twentieth
    of a worker's time.
    """

    def __init__(
        self,
        storage: Storage,
        slots: Slots,
        *,
        only: Collection[str] = (),
        avoid: Mapping[str, Avoid] | None = None,
        drain: bool = False,
        on_refusals: Callable[[Mapping[str, str]], object] | None = None,
    ) -> None:
        self._storage = storage
        self._slots = slots
        self._only = only  # names; empty: all
        self._drain = drain  # whether to end once all is settled
        self._on_refusals = on_refusals  # told study -> why, whenever that changes
        self._refusals: dict[str, _Refusal] = {}  # by study
        for study, each in (avoid or {}).items():
            self._refusals[study] = _Refusal(offer=None, why=each.why, until=time.monotonic() + each.seconds)
        self._pauses: dict[str, float] = {}  # study -> seconds it was left to others the last time
        self._told: dict[str, str] = {}  # study -> why it could not be served when that was logged last
        self._offered = 0.0  # monotonic seconds of the last offer
        self._served: dict[str, float] = {}  # study -> when its last slot was taken here, monotonic seconds
        self._pause = _Pause()
        self._found = False  # whether there was an offer when last looked

        if self._refusals:
            self._tell()

    def offer(self) -> Offer | None:
        """The study most in need of a worker."""
        able = [each for each in offers(self._storage, self._slots, only=self._only) if not self._refused(each)]
        self._found = bool(able)
        if not able:
            return None
        self._pause.reset()
        never = float("-inf")
        chosen = min(able, key=lambda each: (each.leases, self._served.get(each.study, never), random.random()))
        self._served[chosen.study] = self._offered = time.monotonic()
        return chosen

    def wait(self, sleep: Wait) -> bool:
        """Wait for something to open; False where that is not asked for and nobody has anything in hand either.

        What others have in hand may yet come back.
        """
        if self._drain and not self._found and not self._left():
            return False
        self._pause.take(sleep)
        return True

    def ended(self, offer: Offer, outcome: Outcome) -> None:
        """Stop a study whose trials all fail: nobody may be watching."""
        self._pauses.pop(offer.study, None)
        self._told.pop(offer.study, None)
        if outcome == "failed":
            why = stop_if_hopeless(self._storage, offer.study)
            if why is not None:
                _log.error("stopped the study", extra={"study": offer.study, "reason": why})

    def refuse(self, offer: Offer, error: HpoError) -> None:
        """Leave the study to others for a while."""
        before = self._refusals.get(offer.study)
        why, now = str(error), time.monotonic()
        pause = min(_LONGEST_REFUSAL, 2 * self._pauses.get(offer.study, _LOOK_AGAIN / 2))
        self._pauses[offer.study] = pause
        pause = max(pause, min(_COSTLIEST, _SHARE * (now - self._offered)))
        self._refusals[offer.study] = _Refusal(offer=offer, why=why, until=now + pause)
        if self._told.get(offer.study) != why:
            self._told[offer.study] = why
            _log.warning("cannot serve the study, so it is left to others", extra={"study": offer.study, "reason": why})
        if before is None or before.why != why:
            self._tell()

    def accept(self, offer: Offer) -> None:
        """It can be served after all."""
        if self._refusals.pop(offer.study, None) is not None:
            self._tell()

    def _left(self) -> bool:
        """Whether a study that can be served has a slot that is not settled."""
        now = time.monotonic()
        refused = {study for study, refusal in self._refusals.items() if now < refusal.until}
        return any(each.gives and each.study not in refused for each in unsettled(self._storage, only=self._only))

    def _refused(self, offer: Offer) -> bool:
        refusal = self._refusals.get(offer.study)
        if refusal is None:
            return False
        then = refusal.offer
        if then is not None and (offer.study_id, offer.version) != (then.study_id, then.version):
            return False
        return time.monotonic() < refusal.until

    def _tell(self) -> None:
        if self._on_refusals is not None:
            self._on_refusals({study: refusal.why for study, refusal in self._refusals.items()})
