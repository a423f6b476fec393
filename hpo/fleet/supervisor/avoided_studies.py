"""Studies that kill whoever loads them: workers that are started leave them alone for a while, and serve the others."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.fleet.worker.protocol import Avoid

__all__ = ["Avoided"]

_DEATHS = 2  # in a row, after which a study is avoided
_FIRST, _LONGEST = 60.0, 600.0  # seconds it is avoided, at first and at most


@dataclass(kw_only=True)
class _Deaths:
    """What became of those that loaded a study."""

    number: int = 0  # in a row
    why: str = ""  # the last one's end, in one line
    pause: float = _FIRST / 2  # seconds it was avoided the last time
    until: float = float("-inf")  # monotonic seconds


class Avoided:
    """Counts the workers of one supervisor that died while they loaded a study."""

    def __init__(self) -> None:
        self._deaths: dict[str, _Deaths] = {}  # by study

    def died(self, study: str, why: str) -> None:
        """A worker died while it loaded the study."""
        deaths = self._deaths.setdefault(study, _Deaths())
        deaths.number, deaths.why = deaths.number + 1, why
        now = time.monotonic()
        if deaths.number >= _DEATHS and now >= deaths.until:  # several may die of it at once
            deaths.pause = min(_LONGEST, 2 * deaths.pause)
            deaths.until = now + deaths.pause

    def worked(self, study: str) -> None:
        """A worker has loaded the study: whatever killed those before is over."""
        self._deaths.pop(study, None)

    def now(self) -> Mapping[str, Avoid]:
        """The studies to avoid, by name."""
        now = time.monotonic()
        return {
            study: Avoid(why=deaths.why, seconds=deaths.until - now)
            for study, deaths in self._deaths.items()
            if deaths.until > now
        }
