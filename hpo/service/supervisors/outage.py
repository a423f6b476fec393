"""An outage of the database, told once for all processes of a supervisor: when the first waits, and when none does."""

import logging
import threading

__all__ = ["Outage"]

_log = logging.getLogger("hpo.fleet")


class Outage:
    """Who waits for the database; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()  # names of workers, and of what the supervisor does itself

    def began(self, who: str, why: str) -> None:
        """Somebody waits, or still does. `why`: in one line."""
        with self._lock:
            if not self._waiting:
                _log.warning("waiting for the database", extra={"reason": why})
            self._waiting.add(who)

    def ended(self, who: str) -> None:
        """They wait no more, or never did.

        It is over when nobody does: a disk that is full lets through what reads.
        """
        with self._lock:
            if who in self._waiting:
                self._waiting.discard(who)
                if not self._waiting:
                    _log.info("the database is back")
