"""What a field of a record may hold: each check gives it back in Python's own types, or refuses it in one line.

`what` names the record and the field in the refusal: "an Int's low".
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from hpo.errors import DefinitionError

__all__ = ["flag", "function", "keep", "mapping", "number", "plain", "records", "shown", "text", "values", "whole"]

R = TypeVar("R")

_PLAIN = {"b": bool, "i": int, "u": int, "f": float, "U": str}  # NumPy's letter of a type -> Python's own


def plain(value: Any) -> Any:
    """One of NumPy's truth values, numbers and texts as Python's own; anything else as it is."""
    # By its look, so that declaring a space does not import NumPy.
    kind = getattr(getattr(value, "dtype", None), "kind", "") if getattr(value, "shape", None) == () else ""
    return _PLAIN[kind](value) if kind in _PLAIN else value


def whole(value: Any, what: str, *, least: int | None = None) -> int:
    """A whole number, 3.0 too."""
    value = plain(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DefinitionError(f"{what} must be a whole number, not {shown(value)}")
    if least is not None and value < least:
        raise DefinitionError(f"{what} must be {least} or more, not {value}")
    return value


def number(value: Any, what: str) -> float:
    """A finite number, whole or not."""
    value = plain(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return value
    raise DefinitionError(f"{what} must be a finite number, not {shown(value)}")


def flag(value: Any, what: str) -> bool:
    """True or False."""
    value = plain(value)
    if isinstance(value, bool):
        return value
    raise DefinitionError(f"{what} must be True or False, not {shown(value)}")


def text(value: Any, what: str, *, empty: bool = False) -> str:
    """A text; `empty`: it may be the empty one."""
    value = plain(value)
    if isinstance(value, str) and (empty or value.strip()):
        return value
    raise DefinitionError(f"{what} must be a text{'' if empty else ' that is not empty'}, not {shown(value)}")


def values(given: Any, what: str) -> tuple[Any, ...]:
    """Several values in an order that is the same in every process: a tuple, a list, a range or a NumPy array."""
    listed = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(listed, Sequence) and not isinstance(listed, str | bytes):
        return tuple(plain(value) for value in listed)
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
    return {plain(name): plain(value) for name, value in given.items()}


def function(value: Any, what: str) -> None:
    """Something that can be called."""
    if not callable(value):
        raise DefinitionError(f"{what} must be a function, not {shown(value)}")


def keep(record: object, **fields: Any) -> None:
    """Set fields of a frozen record to what the checks gave back; for its __post_init__ alone."""
    for name, value in fields.items():
        object.__setattr__(record, name, value)


def shown(value: object) -> str:
    """A value in a message: in one line and short, whatever it is."""
    try:
        return f"{' '.join(repr(value).split()):.60}"
    except Exception:  # its own __repr__ is broken
        return f"a {type(value).__name__}"
