"""Messages to people: e-mail, chats and all else that Apprise knows, of ends and of what is best."""

import logging
import time
from typing import Any, ClassVar

from hpo.errors import HpoError, UsageError
from hpo.observers.destinations.destination import Destination
from hpo.observers.events import NewBest, StudyBegun, StudyEnded, StudyResumed, StudyStopped

__all__ = ["Notifications"]

_BETWEEN = 600.0  # seconds from one message about a study to one about a new best of it


class Notifications(Destination):
    """Tells when a study stops or ends, and of a new best no more often than every ten minutes; the end has the last.

    The URL is as Apprise takes it: mailto://…, slack://…, and a hundred others.
    """

    needs: ClassVar = ("apprise", "notify")

    def __init__(self, target: str) -> None:
        super().__init__(target)
        import apprise

        self._apprise: Any = apprise.Apprise()
        if not self._apprise.add(target):
            raise UsageError("Apprise knows no service of such a URL; its documentation lists them")
        self._said: dict[str, float] = {}  # name of a study -> when something was said of it, monotonic seconds

    @classmethod
    def checked(cls, target: str) -> str:
        """The URL, as it is. Raises UsageError where it is none."""
        if "://" not in target:
            raise UsageError("--observe apprise: takes a URL of Apprise's, such as apprise:mailto://USER:PASSWORD@HOST")
        return target

    @classmethod
    def shown(cls, target: str) -> str:
        """Its service alone: the rest may be a token."""
        return f"{target.partition('://')[0]}://…"

    def study_begun(self, event: StudyBegun) -> None:
        """Say nothing of it, and of a new best not at once."""
        self._said[event.study.name] = time.monotonic()

    def study_resumed(self, event: StudyResumed) -> None:
        """Likewise."""
        self._said[event.study.name] = time.monotonic()

    def study_stopped(self, event: StudyStopped) -> None:
        """Say who stopped it, and why."""
        why = f": {event.why}" if event.why else ""
        self._send(event.study.name, "stopped", f"stopped by {event.by} after {event.settled} trials{why}")

    def new_best(self, event: NewBest) -> None:
        """Say it, unless something was said a short while ago."""
        said = self._said.setdefault(event.study.name, time.monotonic())
        if time.monotonic() - said >= _BETWEEN:
            self._send(event.study.name, "new best", _best(event))

    def study_ended(self, event: StudyEnded) -> None:
        """Say how, and what is best."""
        how = {
            "done": "all trials are done",
            "until": "a value as good as was asked for is there",
            "timeout": "its time is up",
            "interrupted": "it was interrupted",
            "error": f"it failed: {event.reason}",
        }[event.ended]
        counts = f"{event.settled} of {event.target} trials: {event.complete} complete, {event.pruned} pruned"
        text = f"{how}\n{counts}, {event.failed} failed"
        if event.best is not None:
            text += f"\n{_best(event.best)}"
        self._send(event.study.name, "failed" if event.ended == "error" else "ended", text)

    def _send(self, study: str, what: str, text: str) -> None:
        import apprise

        capture: Any = apprise.LogCapture
        with capture(level=logging.WARNING, fmt="%(message)s") as said:
            delivered = self._apprise.notify(title=f"hpo: {study} {what}", body=text)
            why = next(iter(said.getvalue().split("\n")), "").strip()
        if not delivered:
            raise HpoError(f"the message could not be delivered{f': {why}' if why else ''}")
        self._said[study] = time.monotonic()


def _best(event: NewBest) -> str:
    often = f", the mean of {event.trainings} trainings" if event.trainings > 1 else ""
    params = ", ".join(f"{name}={value}" for name, value in event.params.items())
    return f"best {event.study.metrics[0]}: {event.value:.6g} (trial {event.trial}{often})\n{params}"
