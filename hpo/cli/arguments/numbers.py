"""Numbers as they are typed: whole ones with limits, durations, values to reach."""

import math
import re
from collections.abc import Callable

import typer

__all__ = ["NONE", "megabytes", "or_none", "real", "seconds", "whole"]

NONE = math.inf
"""What `none` is typed for: the limit a study keeps shall go."""

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_YEAR = 366 * 86_400.0  # the longest time anybody can wait for


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            number = int(str(text).strip())
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise typer.BadParameter(f"{_short(text)} is not a whole number from {low:,} to {high:,}")
        return number

    parse.__name__ = "whole"  # what help shows, where no metavar is given
    return parse


def real(text: str) -> float:
    """A finite number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{_short(text)} is not a finite number, such as 0.93")
    return number


def seconds(text: str) -> float:
    """A duration in seconds: `90`, `90s`, `10m`, `2h`, `1h30m`, `1d`; more than 0 and at most a year."""
    total = _duration(str(text).strip().lower())
    if total is None or not 0 < total <= _YEAR:
        raise typer.BadParameter(f"{_short(text)} is not a time from 1s to 366d, such as 90, 90s, 10m or 2h")
    return total


def or_none(parse: Callable[[str], float]) -> Callable[[str], float]:
    """A parser of what `parse` takes, and of `none`, which becomes NONE."""

    def parse_either(text: str) -> float:
        return NONE if str(text).strip().lower() in ("none", str(NONE)) else parse(text)

    parse_either.__name__ = parse.__name__
    return parse_either


def megabytes(text: str) -> int:
    """A size in MiB: `2000`, `2000M`, `2G`."""
    match = re.fullmatch(r"(\d{1,12})\s*(m|mb|mib|g|gb|gib)?", str(text).strip().lower())
    size = int(match[1]) * (1024 if (match[2] or "m").startswith("g") else 1) if match else 0
    if not 256 <= size <= 1024 * 1024:
        raise typer.BadParameter(f"{_short(text)} is not a size from 256M to 1024G, such as 2000M or 2G")
    return size


def _duration(text: str) -> float | None:
    if not re.fullmatch(r"(\d+(\.\d+)?\s*(s|min|m|h|d)\s*)+|\d+(\.\d+)?", text):
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in re.findall(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?", text))


def _short(text: object) -> str:
    shown = str(text)
    return repr(shown if len(shown) <= 40 else f"{shown[:37]}...")
