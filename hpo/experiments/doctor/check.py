"""The answer to one question."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "State", "fail", "ok", "several", "some", "warn"]

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """The answer to one question about this machine, the storage or the fleet."""

    name: str  # what was looked at
    state: State  # fail: something cannot run before it is mended; warn: it is slower, smaller or missing
    found: str  # what is there, as one line
    remedy: str = ""  # what to do about it; empty where state is ok


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, state="ok", found=found)


def warn(name: str, found: str, remedy: str) -> Check:
    """Something is slower, smaller or missing."""
    return Check(name=name, state="warn", found=found, remedy=remedy)


def fail(name: str, found: str, remedy: str) -> Check:
    """Something cannot run before it is mended."""
    return Check(name=name, state="fail", found=found, remedy=remedy)


def several(number: int, one: str, many: str = "") -> str:
    """`1 worker`, `2 workers`; `many` where an s does not make it."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def some(names: Iterable[str], most: int = 3) -> str:
    """The first few of them, and how many more there are."""
    listed: Sequence[str] = list(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest
