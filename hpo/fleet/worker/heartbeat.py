"""A worker's leases, renewed by one thread; that of the slot in hand while training makes progress."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hpo.errors import StorageError
from hpo.storage.slots.slot import LeaseLost

if TYPE_CHECKING:
    from hpo.storage.slots.slot import Slot

__all__ = ["Heartbeat"]

_RETRY = 0.5  # seconds between tries to renew while the database is away, on the average
_JITTER = 0.2  # of the time between renewals: the one after one that failed still comes in time


class Heartbeat:
    """Renews what a worker holds about every `every` seconds, in a thread of its own.

    A training that shows no sign of life for `stall` seconds is not renewed: its slot goes to somebody else. Workers
    that started together, or that waited for the same database, do not renew in step.
    """

    def __init__(
        self,
        renew: Callable[["Slot | None"], bool],
        *,
        every: float,
        stall: float,
    ) -> None:
        self._renew = renew  # what is held, and the slot in hand where there is one; False: that slot is lost
        self._every = every  # seconds between renewals; a third of the lease
        self._stall = stall  # seconds without `beat` after which renewing stops
        self._slot: Slot | None = None
        self._lost: Slot | None = None  # the one whose renewal was refused
        self._beaten = time.monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()
        self._thread.join(timeout=self._every)

    @contextlib.contextmanager
    def holding(self, slot: "Slot") -> Iterator[None]:
        """While inside, `slot` is renewed."""
        self._beaten, self._lost, self._slot = time.monotonic(), None, slot
        try:
            yield
        finally:
            self._slot = None

    def restart(self) -> None:
        """Count the silence from now on: until now no sign of life could be given."""
        self._beaten = time.monotonic()

    def beat(self) -> None:
        """Say that training makes progress. Raises LeaseLost where the slot is no longer this worker's."""
        self._beaten = time.monotonic()
        if self._lost is not None and self._lost is self._slot:  # and not the one before it
            raise LeaseLost("the slot went to another worker")

    def _run(self) -> None:
        pause = self._every * random.random()
        away = False
        while not self._closed.wait(pause):
            try:
                self._renew_once()
                pause = self._every * (random.random() if away else random.uniform(1 - _JITTER, 1 + _JITTER))
                away = False
            except StorageError:
                # The database is away. Once it is back, whoever trains should be there before those who look for work.
                pause = min(self._every, _RETRY) * random.uniform(0.5, 1.5)
                away = True

    def _renew_once(self) -> None:
        slot = self._slot
        if slot is not None and time.monotonic() - self._beaten > self._stall:
            slot = None
        if not self._renew(slot):
            self._lost = slot
