"""Frozen records as plain JSON types, and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

__all__ = ["decode", "plain"]


def plain(value: Any) -> Any:
    """`value` in the types of JSON; a Decimal stays text, so that its digits survive."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Decimal):
        return str(value)
    return value


def decode(kind: Any, value: Any) -> Any:
    """A record of type `kind`, or a part of one, from what `plain` made of it.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.

    """
    origin = get_origin(kind)
    if kind is Any or origin is Literal or kind in (str, int, bool, NoneType, object):
        return value
    if origin in (Union, UnionType):
        if value is None:
            return None
        return _any_of([choice for choice in get_args(kind) if choice is not NoneType], value)
    if kind is float:
        return float(value)
    if kind is Decimal:
        return Decimal(str(value))
    if origin is tuple:
        return _tuple(get_args(kind), value)
    if origin is not None and issubclass(origin, Mapping):
        return {name: decode(get_args(kind)[1], entry) for name, entry in value.items()}
    return _record(kind, value)


def _record(kind: Any, value: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{field.name: decode(hints[field.name], value[field.name]) for field in fields(kind)})


def _tuple(kinds: tuple[Any, ...], value: list[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(decode(kinds[0], entry) for entry in value)
    return tuple(decode(kind, entry) for kind, entry in zip(kinds, value, strict=True))


def _any_of(kinds: list[Any], value: Any) -> Any:
    """A value of a union: of plain types it is as it is; otherwise there is one kind it can be."""
    return decode(kinds[0], value) if len(kinds) == 1 else value
