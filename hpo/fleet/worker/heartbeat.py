"""A worker's right to the slot it holds, renewed by one thread while training makes progress."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hpo.errors import StorageError
from hpo.storage.slots.slot import LeaseLost

if TYPE_CHECKING:
    from hpo.storage.slots.slot import Slot

__all__ = ["Heartbeat"]

_RETRY = 0.5  # seconds between tries to renew while the database is away


class Heartbeat:
    """Renews the lease of the slot in hand every `every` seconds; one thread serves all slots of a worker in turn.

    A training that shows no sign of life for `stall` seconds is not renewed: its slot goes to somebody else.
    """

    def __init__(
        self,
        renew: Callable[["Slot"], bool],
        *,
        every: float,
        stall: float,
        also: Callable[[], object] = lambda: None,
    ) -> None:
        self._renew = renew
        self._every = every  # seconds between renewals; a third of the lease
        self._stall = stall  # seconds without `beat` after which renewing stops
        self._also = also  # what else is to be done as often, with a slot in hand or without
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
        pause = self._every
        while not self._closed.wait(pause):
            try:
                self._renew_once()
                self._also()
                pause = self._every
            except StorageError:
                # The database is away. Once it is back, whoever trains should be there before those who look for work.
                pause = min(self._every, _RETRY)

    def _renew_once(self) -> None:
        slot = self._slot
        if slot is not None and time.monotonic() - self._beaten <= self._stall and not self._renew(slot):
            self._lost = slot
