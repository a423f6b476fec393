"""What workers say to people: lines that definitions print; notes and outages, which many say and one is told."""

import logging
from collections.abc import Callable

from hpo.fleet.supervisor.outage import Outage
from hpo.fleet.supervisor.worker_process import WorkerProcess
from hpo.fleet.worker.protocol import Event
from hpo.logs import PRINTED

__all__ = ["Words"]

_log = logging.getLogger(PRINTED)


class Words:
    """Passes on what the workers of one supervisor say, and it itself."""

    def __init__(self, warn: Callable[[str, str | None], object], outage: Outage) -> None:
        self._warn = warn  # told a note for a person, and the name of the study it is about; None: of none
        self.outage = outage
        self._known: set[str] = set()

    def note(self, text: str, study: str | None = None) -> None:
        """Pass on a note about the study, once however many have the same to say."""
        if text not in self._known:
            self._known.add(text)
            self._warn(text, study)

    def pass_on(self, worker: WorkerProcess, event: Event) -> None:
        """Pass on a line, a note, or that the database is away or back."""
        if event.kind == "away":
            self.outage.began(worker.name, event.text)
        elif event.kind == "back":
            self.outage.ended(worker.name)
        elif event.kind == "printed":
            _log.info(event.text, extra={"study": worker.about, "worker": worker.name})
        else:
            self.note(event.text, worker.about)
