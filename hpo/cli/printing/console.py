"""What goes where: a JSON document or plain text to stdout, everything said on the way to stderr."""

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.cli.streams import results
from hpo.errors import HpoError
from hpo.messages import printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "Interrupted",
    "ago",
    "configuration",
    "configuration_lines",
    "document",
    "duration",
    "figure",
    "is_terminal",
    "say",
    "table",
    "tell",
]


class Interrupted(HpoError):  # noqa: N818 - an outcome
    """The user stopped a command that has said what was kept and how to go on."""

    exit_code = 130


def document(value: object) -> None:
    """Print `value` as the one JSON document of `--json`.

    NaN and infinities, which JSON lacks, become null; characters that stdout lacks are escaped.
    """
    ready = _plain(value)
    text = json.dumps(ready, indent=2, ensure_ascii=False, allow_nan=False)
    if not _is_encodable(text):
        text = json.dumps(ready, indent=2, allow_nan=False)
    print(text, file=results())


def tell(text: str = "") -> None:
    """Print one line of a command's result to stdout."""
    print(printable(text), file=results())


def say(text: str = "") -> None:
    """Print one line about what is going on to stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Whether somebody watches stderr: a terminal that can move its cursor, and not a CI job's."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", right: Sequence[int] = ()
) -> None:
    """Print a table to stdout; the columns in `right` hold figures and are set flush right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        made.add_column(Text(heading), justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))  # Text: brackets in a name are no markup
    console = _console(made_for=headings)
    if title:
        console.print(Text(printable(title), style="bold"), soft_wrap=True)
    console.print(made)


def configuration(params: Mapping[str, object]) -> None:
    """Print one configuration, a parameter a line."""
    for text in configuration_lines(params):
        tell(text)


def configuration_lines(params: Mapping[str, object]) -> list[str]:
    """One configuration, a parameter a line."""
    width = max((len(name) for name in params), default=0)
    return [f"  {name:<{width}}  {figure(value)}" for name, value in params.items()]


def figure(value: object) -> str:
    """A value as a person reads it: six significant digits, a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.6g}"


def duration(seconds: float) -> str:
    """A time as a person says it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "less than a second"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours / 24:.1f} days"


def ago(moment: datetime) -> float:
    """Seconds since then; never below 0, though the clock that told it may be ahead of this machine's."""
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())


def _console(made_for: Sequence[str]) -> "Console":
    from rich.console import Console

    # A pipe has no width; 80 would fold figures, so a table there is as wide as it needs.
    width = None if results().isatty() else 60 + 40 * len(made_for)
    return Console(file=results(), width=width, highlight=False)


def _is_encodable(text: str) -> bool:
    """Whether stdout can write it as it is."""
    try:
        text.encode(results().encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """`value` in the types of JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return value
