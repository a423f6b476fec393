"""Makes a process believe that it runs on another machine; on the path of those that shall, and of no other.

Python imports it at the start. ELSEWHERE is the name of the host it is on, ELSEWHERE_CLOCK how many seconds its clock
is fast, or the path of a file that says so, for clocks that jump. It is the wall clock alone (`time.time`,
`datetime.now`): how fast time passes is the same everywhere.
"""

import datetime
import os
import socket
import time
import warnings
from pathlib import Path

_clock = os.environ.get("ELSEWHERE_CLOCK", "0")
_host = os.environ.get("ELSEWHERE", "")

if _host:
    socket.gethostname = lambda: _host


def _fast() -> float:
    return float(Path(_clock).read_text() or "0") if _clock.startswith("/") else float(_clock)


if _clock.startswith("/") or float(_clock):
    warnings.filterwarnings("ignore", "datetime.datetime size changed")  # of compiled modules that look at it
    _time, _time_ns, _datetime = time.time, time.time_ns, datetime.datetime

    class _Kind(type):
        """What the database or C code makes is a datetime, too."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, _datetime)

    class _Skewed(_datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return _datetime.now(tz) + datetime.timedelta(seconds=_fast())

        @classmethod
        def utcnow(cls) -> datetime.datetime:  # type: ignore[override]
            return _datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=_fast())

    time.time = lambda: _time() + _fast()
    time.time_ns = lambda: _time_ns() + int(_fast() * 1e9)
    datetime.datetime = _Skewed  # type: ignore[misc]
