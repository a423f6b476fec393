"""What a value may be: each check gives it back in Python's own types, or refuses it in one line.

`what` names the record and the field in the refusal: "an Int's low". Which check looks at which field of a record, its
annotation says (`checked_records.py`).
"""

import math
import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from hpo.errors import DefinitionError

__all__ = [
    "any_number",
    "decimal",
    "flag",
    "function",
    "keep",
    "mapping",
    "name",
    "number",
    "path",
    "plain",
    "records",
    "shown",
    "text",
    "value",
    "values",
    "whole",
]

R = TypeVar("R")

_MOST = 1_000_000  # values of a tuple
_FURTHEST = 2**63 - 1  # of a whole number: what databases and arrays take
_PLAIN = {"b": bool, "i": int, "u": int, "f": float, "U": str}  # NumPy's letter of a type -> Python's own


def plain(value: Any) -> Any:
    """One of NumPy's truth values, numbers and texts as Python's own; anything else as it is."""
    # By its look, so that declaring a space does not import NumPy.
    kind = getattr(getattr(value, "dtype", None), "kind", "") if getattr(value, "shape", None) == () else ""
    return _PLAIN[kind](value) if kind in _PLAIN else value


def whole(given: Any, what: str) -> int:
    """A whole number of 64 bits, 3.0 too."""
    given = plain(given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise DefinitionError(f"{what} must be a whole number, not {shown(given)}")
    if abs(given) > _FURTHEST:
        raise DefinitionError(f"{what} must be a whole number of 64 bits, not {shown(given)}")
    return int(given)


def number(given: Any, what: str) -> float:
    """A finite number, whole or not."""
    given = plain(given)
    if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) <= sys.float_info.max:
        return given
    raise DefinitionError(f"{what} must be a finite number, not {shown(given)}")


def any_number(given: Any, what: str) -> float:
    """A number, which may be infinite, or none any more."""
    given = plain(given)
    if isinstance(given, float) and not math.isfinite(given):
        return given
    return number(given, what)


def decimal(given: Any, what: str) -> Decimal:
    """A finite number with the digits it was printed with."""
    if isinstance(given, Decimal) and given.is_finite():
        return given
    raise DefinitionError(f"{what} must be a finite Decimal such as Decimal('0.910'), not {shown(given)}")


def flag(given: Any, what: str) -> bool:
    """True or False."""
    given = plain(given)
    if isinstance(given, bool):
        return given
    raise DefinitionError(f"{what} must be True or False, not {shown(given)}")


def text(given: Any, what: str, *, empty: bool = False) -> str:
    """A text that can be kept in a database and printed; `empty`: it may be the empty one."""
    given = plain(given)
    if not isinstance(given, str) or not (empty or given.strip()):
        raise DefinitionError(f"{what} must be a text{'' if empty else ' that is not empty'}, not {shown(given)}")
    if not _can_be_kept(given):
        raise DefinitionError(f"{what} must be a text of Unicode characters without NUL, not {shown(given)}")
    return given


def name(given: Any, what: str) -> str:
    """A text that is not empty, in one line."""
    kept = text(given, what)
    if not kept.isprintable():
        raise DefinitionError(f"{what} must be one line without control characters, not {shown(given)}")
    return kept


def value(given: Any, what: str) -> str | int | float | bool:
    """One value of a parameter: a text, a finite number, a truth value."""
    given = plain(given)
    if isinstance(given, bool):
        return given
    if isinstance(given, str):
        return text(given, what, empty=True)
    if isinstance(given, int | float) and abs(given) <= sys.float_info.max:
        return given
    raise DefinitionError(f"{what} must be a text, a finite number, a truth value or None, not {shown(given)}")


def path(given: Any, what: str) -> Path:
    """The path of a file; a text will do."""
    if isinstance(given, str | os.PathLike):
        return Path(given)
    raise DefinitionError(f"{what} must be the path of a file, not {shown(given)}")


def values(given: Any, what: str) -> tuple[Any, ...]:
    """Several values in an order that is the same in every process: a tuple, a list, a range or a NumPy array."""
    listed = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(listed, Sequence) and not isinstance(listed, str | bytes | bytearray):
        if len(listed) > _MOST:
            raise DefinitionError(f"{what} must be at most {_MOST:,} values, not {len(listed):,}")
        return tuple(plain(each) for each in listed)
    if isinstance(listed, set | frozenset):
        remedy = "a set, whose order differs between processes: write tuple(sorted(…))"
    elif listed is None or isinstance(listed, str | bytes | int | float):
        remedy = f"{shown(listed)} alone: write ({shown(listed)},)"
    else:
        remedy = f"a {type(listed).__name__}: write tuple(…)"
    raise DefinitionError(f"{what} must be a tuple, not {remedy}")


def records(given: Any, kind: type[R], what: str) -> tuple[R, ...]:
    """Several records of one kind, in order."""
    if isinstance(given, kind):
        raise DefinitionError(f"{what} must be a tuple, not one {kind.__name__} alone: write (…,)")
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise DefinitionError(f"{what} must be a tuple of {kind.__name__} records, not {shown(given)}")
    for record in given:
        if not isinstance(record, kind):
            raise DefinitionError(f"{what} must be {kind.__name__} records, and one is {shown(record)}")
    return tuple(given)


def mapping(given: Any, what: str, example: str = '{"layers": 2}') -> dict[Any, Any]:
    """Names and what goes by them, in order; a configuration unless `example` shows something else."""
    if not isinstance(given, Mapping):
        raise DefinitionError(f"{what} must be a mapping such as {example}, not {shown(given)}")
    return {plain(key): plain(each) for key, each in given.items()}


def function(given: Any, what: str) -> None:
    """Something that can be called."""
    if not callable(given):
        raise DefinitionError(f"{what} must be a function, not {shown(given)}")


def keep(record: object, **fields: Any) -> None:
    """Set fields of a frozen record to what the checks gave back; for its __post_init__ alone."""
    for field, kept in fields.items():
        object.__setattr__(record, field, kept)


def shown(given: object) -> str:
    """A value in a message: in one line and short, whatever it is."""
    try:
        return f"{' '.join(repr(given).split()):.60}"
    except Exception:  # its own __repr__ is broken, or it is a number of thousands of digits
        return f"{'an' if type(given).__name__[0] in 'aeiouAEIOU' else 'a'} {type(given).__name__}"


def _can_be_kept(given: str) -> bool:
    """Whether it can be written in UTF-8, and holds no NUL, which PostgreSQL does not take."""
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in given
