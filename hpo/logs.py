"""What a service says of itself, a line an event: plain text for people, or JSON for programs.

Loggers are named hpo.worker, hpo.fleet, hpo.web and so on. An event is a short text; what it is about goes into
`extra`, under the names in `FIELDS`. Nothing is said anywhere until `configure` was called.
"""

import json
import logging
import os
import time
from typing import IO, Literal

from hpo.messages import printable

__all__ = ["FIELDS", "KINDS", "PRINTED", "Kind", "configure", "kind"]

Kind = Literal["text", "json"]
KINDS: tuple[Kind, ...] = ("text", "json")

FIELDS = ("study", "trial", "slot", "worker", "outcome", "value", "seconds", "reason", "user", "address", "status")
"""What an event may be about, in the order a line of text tells it."""

PRINTED = "hpo.definition"
"""The logger that is told each line a definition prints in a worker."""

_log = logging.getLogger("hpo")
_log.addHandler(logging.NullHandler())  # else warnings would reach standard error of a command that said nothing of it


def kind(asked: str | None = None) -> Kind:
    """The kind of log that was asked for, else $HPO_LOG, else text. Raises UsageError."""
    from hpo.errors import UsageError

    wanted = asked or os.environ.get("HPO_LOG") or "text"
    for known in KINDS:
        if wanted == known:
            return known
    where = "" if asked else " ($HPO_LOG)"
    raise UsageError(f"a log is {' or '.join(KINDS)}, not {wanted!r}{where}")


def configure(asked: str | None = None, *, stream: IO[str] | None = None) -> None:
    """Write events from INFO on to `stream`, standard error where there is none; once more changes the kind.

    Raises:
        UsageError: there is no such kind of log.

    """
    formatter = _json() if kind(asked) == "json" else _Text()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    for old in [old for old in _log.handlers if isinstance(old, logging.StreamHandler)]:
        _log.removeHandler(old)
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


class _Text(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO hpo.worker settled study=cnn slot=3`, whatever is in it on one line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line for one record, whatever is in it."""
        about = [(name, getattr(record, name, None)) for name in FIELDS]
        fields = [f"{name}={_word(value)}" for name, value in about if value is not None]
        return printable(" ".join(" ".join([super().format(record), *fields]).split()))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's
        """When it happened, in UTC."""
        return _utc(record)


def _utc(record: logging.LogRecord) -> str:
    """ISO 8601 with milliseconds."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _word(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or '"' in text else text


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    class Json(JsonFormatter):
        def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
            return _utc(record)

    names = {"asctime": "time", "levelname": "level", "name": "logger", "message": "event"}
    return Json("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
