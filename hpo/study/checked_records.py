"""Records that check themselves, and functions that check what they are given: by annotation, where it is given.

A record calls `check(self)` in its `__post_init__`. Limits stand in the annotation, as in `Annotated[int, Least(1)]`.
NumPy's scalars and arrays are taken for Python's own, lists for tuples; whatever else is not what the annotation says
is refused in one line. What an annotation names that is imported for type checkers alone (Keras, TensorFlow) is left as
it is: whoever has it checks it.
"""

import builtins
import functools
import inspect
import operator
import sys
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, ParamSpec, TypeVar, Union, cast, get_args, get_origin

from hpo.errors import DefinitionError, HpoError
from hpo.messages import one_line
from hpo.study import value_checks

__all__ = [
    "Above",
    "AnyFloat",
    "Below",
    "By",
    "Count",
    "Least",
    "Look",
    "Most",
    "Name",
    "NotNegative",
    "Positive",
    "Share",
    "Whole",
    "arguments",
    "article",
    "check",
    "look_at",
]

Look = Callable[[Any, str], Any]
"""(a value, what to call it) -> the value as it is kept. Raises DefinitionError."""


@dataclass(frozen=True)
class _Limit:
    """A limit of a number."""

    limit: float

    holds: ClassVar[Callable[[Any, float], bool]]
    words: ClassVar[str]

    def __str__(self) -> str:
        return self.words.format(self.limit)


class Least(_Limit):
    """The number may be the limit, or more."""

    holds, words = operator.ge, "{} or more"


class Most(_Limit):
    """The number may be the limit, or less."""

    holds, words = operator.le, "{} or less"


class Above(_Limit):
    """The number must be more than the limit."""

    holds, words = operator.gt, "above {}"


class Below(_Limit):
    """The number must be less than the limit."""

    holds, words = operator.lt, "below {}"


@dataclass(frozen=True)
class By:
    """Another way to look at the value than its type says."""

    look: Look


Name = Annotated[str, By(value_checks.name)]
"""A text in one line that is not empty."""

AnyFloat = Annotated[float, By(value_checks.any_number)]
"""A number that may have left the finite ones."""

Whole = Annotated[int, Least(1)]
"""How many, one at least."""

Count = Annotated[int, Least(0)]
"""How many, or which, counted from 0."""

Share = Annotated[float, Least(0), Most(1)]
Positive = Annotated[float, Above(0)]
NotNegative = Annotated[float, Least(0)]


def look_at(annotation: Any, module: str) -> Look:
    """How to look at what is annotated so in that module."""
    return _look(_resolved(annotation, module))


def article(name: str) -> str:
    """A or an."""
    return "an" if name[0] in "AEIOUaeiou" else "a"


def _resolved(annotation: Any, module: str) -> Any:
    if not isinstance(annotation, str):
        return annotation
    return eval(annotation, {}, _Names(vars(sys.modules[module])))


class _Unknown:
    """What an annotation names that is not here: whatever is done with it, it stays unknown."""

    def __getattr__(self, name: str) -> "_Unknown":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _: object) -> "_Unknown":
        return self

    def __or__(self, _: object) -> "_Unknown":
        return self

    __ror__ = __or__

    def __call__(self) -> None:
        """Typing takes only what can be called for a type."""


class _Names(dict[str, Any]):
    """The names of a module, Python's own, and every other one as unknown."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, _Unknown())


def _look(annotation: Any) -> Look:
    """How to look at a value of that type."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _limited(*inner)
    if origin is Literal:
        return _one_of(inner)
    if origin in (Union, types.UnionType):
        return _either(inner)
    if origin is tuple:
        return _sequence(inner)
    if origin is Sequence:
        return _sequence((*inner, ...))
    if origin is Callable:
        return _called
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapped(*inner)
    if isinstance(annotation, type) and origin is None:
        return _SIMPLE.get(annotation) or _instance((annotation,))
    return lambda value, what: value  # noqa: ARG005 - unknown here, or anything at all


def _limited(base: Any, *marks: Any) -> Look:
    looks = [mark.look for mark in marks if isinstance(mark, By)]
    first = looks[0] if looks else _look(base)
    limits = [mark for mark in marks if isinstance(mark, _Limit)]

    def look(value: Any, what: str) -> Any:
        kept = first(value, what)
        for limit in limits:
            if not type(limit).holds(kept, limit.limit):
                raise DefinitionError(f"{what} must be {limit}, not {value_checks.shown(kept)}")
        return kept

    return look


def _one_of(choices: tuple[Any, ...]) -> Look:
    listed = ", ".join(map(str, choices))

    def look(value: Any, what: str) -> Any:
        value = value_checks.plain(value)
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            raise DefinitionError(f"{what} must be one of {listed}, not {value_checks.shown(value)}")
        return value

    return look


def _either(inner: tuple[Any, ...]) -> Look:
    rest = tuple(each for each in inner if each is not type(None))
    empty = len(rest) < len(inner)
    if len(rest) == 1:
        given = _look(rest[0])
    elif set(rest) <= {str, int, float, bool}:
        given = value_checks.value
    elif all(isinstance(each, type) for each in rest):
        given = _instance(rest)
    else:
        return _look(Any)
    return lambda value, what: None if empty and value is None else given(value, what)


def _sequence(inner: tuple[Any, ...]) -> Look:
    each = [_look(one) for one in inner if one is not Ellipsis]
    if inner[-1] is not Ellipsis:
        return _several(each)
    first, kind = each[0], inner[0]
    if isinstance(kind, type) and kind not in _SIMPLE and get_origin(kind) is None:
        return lambda given, what: value_checks.records(given, kind, what)

    def look(given: Any, what: str) -> Any:
        return tuple(first(value, f"{what}[{place}]") for place, value in enumerate(value_checks.values(given, what)))

    return look


def _several(each: list[Look]) -> Look:
    def look(given: Any, what: str) -> Any:
        values = value_checks.values(given, what)
        if len(values) != len(each):
            raise DefinitionError(f"{what} must be {len(each)} values, not {value_checks.shown(values)}")
        return tuple(
            one(value, f"{what}[{place}]") for place, (one, value) in enumerate(zip(each, values, strict=True))
        )

    return look


def _mapped(key: Any, value: Any) -> Look:
    keys, values = _look(key), _look(value)

    def look(given: Any, what: str) -> Any:
        there = value_checks.mapping(given, what)
        return {keys(k, f"{what}: a name"): values(v, f"{what} {value_checks.shown(k)}") for k, v in there.items()}

    return look


def _instance(kinds: tuple[type, ...]) -> Look:
    *most, last = (f"{article(kind.__name__)} {kind.__name__}" for kind in kinds)
    listed = f"{', '.join(most)} or {last}" if most else last

    def look(value: Any, what: str) -> Any:
        if not isinstance(value, kinds):
            raise DefinitionError(f"{what} must be {listed}, not {value_checks.shown(value)}")
        return value

    return look


def _called(value: Any, what: str) -> Any:
    value_checks.function(value, what)
    return value


_SIMPLE: dict[type, Look] = {
    int: value_checks.whole,
    float: value_checks.number,
    bool: value_checks.flag,
    str: lambda value, what: value_checks.text(value, what, empty=True),
    Decimal: value_checks.decimal,
    Path: lambda value, what: value_checks.path(value, what),
    object: lambda value, what: value,  # noqa: ARG005
    Any: lambda value, what: value,  # noqa: ARG005
}


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
