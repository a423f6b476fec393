"""Where a worker's slots come from: of the studies it may serve, the one that has most need of a worker."""

import logging
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from hpo.errors import HpoError
from hpo.fleet.protocol import Avoid
from hpo.storage import Storage
from hpo.storage.slots.dispatch import Offer, held, offers, unsettled
from hpo.storage.slots.openings import News, news
from hpo.storage.slots.slot import Outcome
from hpo.storage.slots.slots import Slots
from hpo.storage.studies.halting import stop_if_all_failed
from hpo.storage.worker_registry import Roster

__all__ = ["Source", "look_every"]

_log = logging.getLogger("hpo.worker")
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds between questions whether there is work
_LOOK_EVERY = 15.0  # seconds between looks for work although nothing was opened or given back
_TOGETHER, _MOST_SELDOM = 100.0, 15.0  # questions a second of all workers together; seconds between those of each
_CROWDED = 4.0  # times as seldom at most that one of many looks
_LOOK_AGAIN, _LONGEST_REFUSAL = 5.0, 30.0  # seconds a study is left to others, first and at most
_SHARE, _COSTLIEST = 20, 600.0  # but so many times as long as it took to find out, and seconds at most for that


def look_every(lease_seconds: float) -> float:
    """Seconds between looks for leases that ran out, where leases are of that length."""
    return min(_LOOK_EVERY, lease_seconds / 4)


@dataclass(kw_only=True)
class _Refusal:
    """A study this worker cannot serve."""

    offer: Offer | None  # as it was then; a later one of another version is worth a try at once; None: not known
    why: str
    until: float  # monotonic seconds


class Source:
    """The slots of the study with the fewest workers at it, and of those with as few the one served longest ago.

    A study this worker cannot serve is left to others, and looked at again within seconds: what was missing may be
    there by then. A look that takes long, as where data are fetched in vain, comes so seldom that it takes a twentieth
    of a worker's time. A worker of a run on one study has no others to leave it to, so there it is an error.
    """

    def __init__(
        self,
        storage: Storage,
        slots: Slots,
        *,
        study: str | None = None,
        only: Collection[str] = (),
        avoid: Mapping[str, Avoid] | None = None,
        drain: bool = False,
        idle: float | None = None,
        look_every: float = _LOOK_EVERY,
        in_time: Callable[[Offer], bool] = lambda _: True,
        on_refusals: Callable[[Mapping[str, str]], object] = lambda _: None,
    ) -> None:
        """Of a worker that is about to begin.

        Args:
            storage: where the studies are.
            slots: theirs.
            study: name of the one whose run this is: it is served until it is settled, and whoever runs it watches how
                its trials end; None: any that is in `only`.
            only: names of the studies to serve; empty: all.
            avoid: studies to leave alone at first, by name.
            drain: whether to end once all is settled.
            idle: seconds to wait for something to take, and then to end; None: as long as it takes.
            look_every: seconds between looks for leases that ran out, which nobody announces; 0: look whenever asked.
            in_time: whether the next trial of a study would end in time; where none of any would, it is over.
            on_refusals: told study -> why, whenever that changes.

        """
        self._storage = storage
        self._slots = slots
        self._study = study
        self._only = only if study is None else (study,)
        self._drain = drain or study is not None
        self._idle, self._in_time = idle, in_time
        self._idle_since: float | None = None  # monotonic seconds since when nothing was on offer; None: something is
        self._late = False  # whether there is something to take, and nothing that would end in time
        self._on_refusals = on_refusals
        self._refusals: dict[str, _Refusal] = {}  # by study
        for name, each in (avoid or {}).items():
            self._refusals[name] = _Refusal(offer=None, why=each.why, until=time.monotonic() + each.seconds)
        self._past: dict[str, tuple[float, str]] = {}  # study -> seconds it was left to others the last time, and why
        self._offered = 0.0  # monotonic seconds of the last offer
        self._served: dict[str, float] = {}  # study -> when its last slot was taken here, monotonic seconds
        self._next_wait = _SHORTEST_WAIT  # seconds; it grows while nothing is found
        self._found = True  # whether there was an offer when last looked; before the first look there may be one
        self._look_every = look_every
        self._roster = Roster(storage)
        self._crowd = 1.0  # how many times as seldom it asks as one of few would
        self._news: News | None = None  # as of before the last look that found nothing
        self._look_at = 0.0  # monotonic seconds by which to look again, whatever the news
        self._settled = False  # whether that look found nothing worth waiting for, being told to drain
        if self._refusals:
            self._tell()

    def offer(self) -> Offer | None:
        """The study to take the next slot of; None where none has one now. Raises StorageError.

        Who looked in vain asks whether anything has changed, which costs the database far less, and looks then.
        """
        if not self._found and not self._changed():
            return None
        able = [each for each in offers(self._storage, self._slots, only=self._only) if not self._refused(each)]
        self._found = bool(able)
        if able:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        short = [each for each in able if self._in_time(each)]
        self._late = bool(able) and not short
        if not able:
            now = time.monotonic()
            self._settled = self._drain and not self._left()
            self._crowd = max(1.0, min(_MOST_SELDOM, self._roster.number() / _TOGETHER) / _LONGEST_WAIT)
            refused = [refusal.until for refusal in self._refusals.values() if refusal.until > now]
            pause = self._look_every * min(self._crowd, _CROWDED)
            self._look_at = min([now + pause * random.uniform(0.5, 1.0), *refused])
        if not short:
            return None
        self._next_wait = _SHORTEST_WAIT
        chosen = self._neediest(short)
        self._served[chosen.study] = self._offered = time.monotonic()
        return chosen

    def _neediest(self, several: Sequence[Offer]) -> Offer:
        """The study with the fewest workers at it, whom to count only makes sense where there is a choice."""
        if len(several) == 1:
            return several[0]
        workers = held(self._storage, self._slots, only=[each.study for each in several])
        never = float("-inf")

        def need(each: Offer) -> tuple[int, float, float]:
            return workers.get(each.study, 0), self._served.get(each.study, never), random.random()

        return min(several, key=need)

    def wait(self, sleep: Callable[[float], object]) -> bool:
        """Sleep a little, nothing being on offer; False where nothing is worth waiting for. Raises StorageError.

        What others have in hand may yet come back. `sleep`: for so many seconds, or until the worker is to stop.
        """
        if self._late or (self._settled and not self._found):
            return False
        pause = self._next_wait * random.uniform(0.5, 1.0)  # idle workers do not look in step
        if self._idle is not None and self._idle_since is not None:
            left = self._idle_since + self._idle - time.monotonic()
            if left <= 0:
                return False
            pause = min(pause, left)
        sleep(pause)
        self._next_wait = min(_LONGEST_WAIT * self._crowd, 2 * self._next_wait)
        return True

    def ended(self, offer: Offer, outcome: Outcome) -> None:
        """Heed how a trial of that study ended: one whose trials all fail is stopped. Raises StorageError."""
        self._past.pop(offer.study, None)
        if outcome == "failed" and self._study is None:
            why = stop_if_all_failed(self._storage, offer.study)
            if why is not None:
                _log.error("stopped the study", extra={"study": offer.study, "reason": why})

    def refuse(self, offer: Offer, error: HpoError) -> None:
        """Leave the study to others for a while. Raises `error` where this is a run on that study."""
        if self._study is not None:
            raise error
        before = self._refusals.get(offer.study)
        why, now = str(error), time.monotonic()
        last, logged = self._past.get(offer.study, (_LOOK_AGAIN / 2, None))
        pause = min(_LONGEST_REFUSAL, 2 * last)
        self._past[offer.study] = pause, why
        pause = max(pause, min(_COSTLIEST, _SHARE * (now - self._offered)))
        self._refusals[offer.study] = _Refusal(offer=offer, why=why, until=now + pause)
        if why != logged:
            _log.warning("cannot serve the study, so it is left to others", extra={"study": offer.study, "reason": why})
        if before is None or before.why != why:
            self._tell()

    def accept(self, offer: Offer) -> None:
        """Forget that the study was refused: it can be served after all."""
        if self._refusals.pop(offer.study, None) is not None:
            self._tell()

    def _changed(self) -> bool:
        """Whether another look may find what the last one did not."""
        if self._look_every == 0:
            return True
        before, self._news = self._news, news(self._storage, only=self._only, settled=self._drain)
        return self._news != before or time.monotonic() >= self._look_at

    def _left(self) -> bool:
        """Whether a study that can be served has a slot that is not settled."""
        now = time.monotonic()
        refused = {study for study, refusal in self._refusals.items() if now < refusal.until}
        return any(each.gives and each.study not in refused for each in unsettled(self._storage, only=self._only))

    def _refused(self, offer: Offer) -> bool:
        refusal = self._refusals.get(offer.study)
        if refusal is None or time.monotonic() >= refusal.until:
            return False
        then = refusal.offer
        return then is None or (offer.study_id, offer.version) == (then.study_id, then.version)

    def _tell(self) -> None:
        self._on_refusals({study: refusal.why for study, refusal in self._refusals.items()})
