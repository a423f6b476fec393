"""What workers say to people: lines that definitions print; notes and outages, which many say and one is told."""

import logging
from collections.abc import Callable

from hpo.logs import PRINTED
from hpo.service.supervisors.child import WorkerProcess
from hpo.service.supervisors.outage import Outage
from hpo.service.workers.order import Event

__all__ = ["Warn", "Words"]

_log = logging.getLogger(PRINTED)

Warn = Callable[[str, str | None], object]
"""Told a note for a person, and the name of the study it is about; None: of none."""


class Words:
    """Passes on what the workers of one supervisor say."""

    def __init__(self, warn: Warn, outage: Outage) -> None:
        self._warn = warn
        self._outage = outage
        self._known: set[str] = set()

    def pass_on(self, worker: WorkerProcess, event: Event) -> None:
        """Pass on a line, a note that none of them has said before, or that the database is away or back."""
        if event.kind == "away":
            self._outage.began(worker.name, event.text)
        elif event.kind == "back":
            self._outage.ended(worker.name)
        elif event.kind == "printed":
            _log.info(event.text, extra={"study": worker.about, "worker": worker.name})
        elif event.text not in self._known:
            self._known.add(event.text)
            self._warn(event.text, worker.about)
