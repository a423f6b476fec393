"""Records that check themselves, and functions that check what they are given: by annotation, where it is given.

A record calls `check(self)` in its `__post_init__`. NumPy's scalars and arrays are taken for Python's own, lists for
tuples; whatever else is not what the annotation says (`annotations.py`) is refused in one line.
"""

import functools
import inspect
from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import cache
from typing import Any, ParamSpec, TypeVar, cast

from hpo.errors import DefinitionError, HpoError
from hpo.messages import one_line
from hpo.study import value_checks
from hpo.study.annotations import Look, article, look_at

__all__ = ["arguments", "check"]

_NAMES = ("name", "id")  # fields that a record is called by

P = ParamSpec("P")
R = TypeVar("R")


def check(record: Any, *, kind: str | None = None, error: type[HpoError] = DefinitionError) -> None:
    """Look at every field of a frozen record, and let it keep them in Python's own types; for its __post_init__ alone.

    Args:
        record: a dataclass; one with a `name` or an `id` is called by it.
        kind: what such a record is, for a person; None: as its class is called.
        error: what is raised.

    Raises:
        HpoError: `error`: a field is not of its type or out of its range; the message names it, its value, its limit.

    """
    looks = _looks(cast("Hashable", type(record)))
    called = type(record).__name__
    if looks and looks[0][0] in _NAMES:
        called = kind or called.lower()
    its = f"{article(called)} {called}'s "
    try:
        for field, look in looks:
            kept = _kept(look, getattr(record, field), f"{its}{field}")
            object.__setattr__(record, field, kept)
            if field in _NAMES:
                its = f"{called} {kept!r}: "
    except DefinitionError as refused:
        if error is DefinitionError:
            raise
        raise error(str(refused)) from None


def arguments(error: type[HpoError]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function look at what it is given, as its annotations say, before it does anything.

    Args:
        error: what is raised where something is not of its type or out of its range; the message names the parameter.

    """

    def checking(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @cache
        def looks() -> dict[str, Look]:
            named = signature.parameters.values()
            return {each.name: look_at(each.annotation, function.__module__) for each in named}

        @functools.wraps(function)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs)
            try:
                for name, value in given.arguments.items():
                    given.arguments[name] = _kept(looks()[name], value, name)
            except DefinitionError as refused:
                raise error(str(refused)) from None
            return function(*given.args, **given.kwargs)

        return asked

    return checking


def _kept(look: Look, given: Any, what: str) -> Any:
    try:
        return look(given, what)
    except HpoError:
        raise
    except Exception as error:  # of the value's own methods
        raise DefinitionError(
            f"{what} is {value_checks.shown(given)}, which cannot be looked at: {one_line(error)}"
        ) from error


@cache
def _looks(cls: Any) -> tuple[tuple[str, Look], ...]:
    """Each field that is given when the record is made, what names the record first, and how to look at it."""
    there = [field for field in fields(cls) if field.init]
    there.sort(key=lambda field: field.name not in _NAMES)  # stable: the others as declared
    homes = {name: home for home in reversed(cls.__mro__) for name in vars(home).get("__annotations__", {})}
    return tuple((field.name, look_at(field.type, homes[field.name].__module__)) for field in there)
