"""An outage of the database, told once for all processes of a supervisor: when the first waits, and when none does."""

import logging
import math
import threading
import time

from hpo.errors import ReplacedError, StorageError

__all__ = ["Outage"]

_log = logging.getLogger("hpo.fleet")


class Outage:
    """Who waits for the database, and for how long they may; threads may share it."""

    def __init__(self, *, patience: float = math.inf, told: bool = True) -> None:
        """Nobody waits yet.

        Args:
            patience: seconds the supervisor's own calls are repeated for; `math.inf`: for ever.
            told: whether the log tells of it.

        """
        self._patience = patience
        self._told = told
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}
        # who waits, workers and what the supervisor does itself, by name -> since when, monotonic seconds

    def began(self, who: str, why: str) -> None:
        """Somebody waits, or still does. `why`: in one line."""
        with self._lock:
            if not self._since and self._told:
                _log.warning("waiting for the database", extra={"reason": why})
            self._since.setdefault(who, time.monotonic())

    def ended(self, who: str) -> None:
        """They wait no more, or never did.

        It is over when nobody does: a disk that is full lets through what reads.
        """
        with self._lock:
            if self._since.pop(who, None) is not None and not self._since and self._told:
                _log.info("the database is back")

    def refused(self, who: str, error: StorageError) -> None:
        """A call of the supervisor's own was refused, which it will make again. Raises `error` where that is no use."""
        self.began(who, str(error))
        waited = time.monotonic() - self._since[who]
        for_ever = self._patience == math.inf
        if isinstance(error, ReplacedError) or not (for_ever or (error.transient and waited <= self._patience)):
            raise error
