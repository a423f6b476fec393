"""What workers say to people: lines that definitions print; notes and outages, which many say and one is told."""

import logging
import math
import threading
import time
from collections.abc import Callable

from hpo.errors import ReplacedError, StorageError
from hpo.fleet.protocol import Event
from hpo.fleet.supervisor.worker_process import WorkerProcess
from hpo.logs import PRINTED

__all__ = ["Messages", "Outage"]

_log = logging.getLogger("hpo.fleet")
_printed = logging.getLogger(PRINTED)


class Outage:
    """Who waits for the database, and for how long they may; threads may share it."""

    def __init__(self, *, patience: float = math.inf) -> None:
        """Nobody waits yet; `patience`: seconds the supervisor's own calls are repeated for, in a service for ever."""
        self._patience = patience
        self._is_service = patience == math.inf  # which has a log to tell it in
        self._lock = threading.Lock()
        self._blocked = False  # whether it was told that somebody has to see to it
        self._since: dict[str, float] = {}
        # who waits, workers and what the supervisor does itself, by name -> since when, monotonic seconds

    def began(self, who: str, why: str, *, blocked: bool = False) -> None:
        """Somebody waits, or still does. `why`: in one line; `blocked`: until somebody has seen to it."""
        with self._lock:
            if self._is_service and (not self._since or (blocked and not self._blocked)):
                _log.warning("waiting for the database", extra={"reason": why})
            self._blocked = self._blocked or blocked
            self._since.setdefault(who, time.monotonic())

    def ended(self, who: str) -> None:
        """They wait no more, or never did.

        It is over when nobody does: a disk that is full lets through what reads.
        """
        with self._lock:
            if self._since.pop(who, None) is None or self._since:
                return
            self._blocked = False
            if self._is_service:
                _log.info("the database is back")

    def refused(self, who: str, error: StorageError) -> None:
        """A call of the supervisor's own was refused, which it will make again. Raises `error` where that is no use."""
        self.began(who, str(error), blocked=error.mendable)
        waited = time.monotonic() - self._since[who]
        may_wait = self._is_service or (error.transient and waited <= self._patience)
        if isinstance(error, ReplacedError) or not may_wait:
            raise error


class Messages:
    """Passes on what the workers of one supervisor say, and it itself."""

    def __init__(self, warn: Callable[[str, str | None], object], outage: Outage) -> None:
        self._warn = warn  # told a note for a person, and the name of the study it is about; None: of none
        self.outage = outage
        self._noted: set[str] = set()

    def note(self, text: str, study: str | None = None) -> None:
        """Pass on a note about the study, once however many have the same to say."""
        if text not in self._noted:
            self._noted.add(text)
            self._warn(text, study)

    def pass_on(self, worker: WorkerProcess, event: Event) -> None:
        """Pass on a line, a note, or that the database is away or back."""
        if event.kind in ("away", "blocked"):
            self.outage.began(worker.name, event.text, blocked=event.kind == "blocked")
        elif event.kind == "back":
            self.outage.ended(worker.name)
        elif event.kind == "printed":
            _printed.info(event.text, extra={"study": worker.about, "worker": worker.name})
        else:
            self.note(event.text, worker.about)
