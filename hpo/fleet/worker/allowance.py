"""What a worker may begin, where its fleet's trials are counted or its time is: neither too many nor any too late."""

import time
from collections.abc import Callable

from hpo.storage import Storage
from hpo.storage.queries.durations import seconds_needed
from hpo.storage.slots.dispatch import Offer

__all__ = ["Allowance"]

_FRESH = 10.0  # seconds for which it is taken as known how long the trials of a study take


class Allowance:
    """Without limits, anything."""

    def __init__(
        self,
        storage: Storage,
        *,
        ends_at: float | None = None,
        ask: Callable[[], bool] = lambda: True,
        unused: Callable[[], object] = lambda: None,
    ) -> None:
        """Of a worker that is about to begin.

        Args:
            storage: where the studies are.
            ends_at: monotonic seconds at which its time is up; None: it has as long as it takes.
            ask: whether one more trial may begin, as whoever counts them says.
            unused: tells that one that might have begun did not.

        """
        self.ask, self.unused = ask, unused
        self._storage, self._ends_at = storage, ends_at
        self._known: dict[tuple[int, int], tuple[float, float | None]] = {}
        # id of study and rung -> monotonic seconds of the look, and what it found

    def in_time(self, offer: Offer) -> bool:
        """Whether the next trial of that study will most likely have ended before the time is up.

        Where none of its trials has come to an end yet, nobody knows, and it may begin. Raises StorageError.
        """
        if self._ends_at is None:
            return True
        needed, now = self._needed(offer), time.monotonic()
        return now < self._ends_at if needed is None else now + needed <= self._ends_at

    def _needed(self, offer: Offer) -> float | None:
        key = offer.study_id, offer.rung
        looked, seconds = self._known.get(key, (float("-inf"), None))
        if time.monotonic() - looked > _FRESH:
            seconds = seconds_needed(self._storage, offer.study, offer.rung)
            self._known[key] = time.monotonic(), seconds
        return seconds
