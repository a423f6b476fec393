"""What workers say to people: lines that definitions print; notes and outages, which many say and one is told."""

import logging
from collections.abc import Callable

from hpo.logs import PRINTED
from hpo.service.supervisors.child import Child
from hpo.service.supervisors.outage import Outage
from hpo.service.workers.order import Event

__all__ = ["Words"]

_log = logging.getLogger(PRINTED)


class Words:
    """Passes on what the workers of one supervisor say."""

    def __init__(self, warn: Callable[[str, str | None], object], outage: Outage | None = None) -> None:
        self._warn = warn  # told a note, and the study it is about
        self._outage = outage  # told who waits for the database; None: nobody is
        self._known: set[str] = set()

    def hear(self, child: Child, event: Event) -> None:
        """Pass on a line, a note that none of them has said before, or that the database is away or back."""
        if event.kind in ("away", "back"):
            if self._outage is not None:
                self._outage.began(child.name, event.text) if event.kind == "away" else self._outage.ended(child.name)
        elif event.kind == "printed":
            _log.info(event.text, extra={"study": child.about, "worker": child.name})
        elif event.text not in self._known:
            self._known.add(event.text)
            self._warn(event.text, child.about)
