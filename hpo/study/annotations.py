"""From an annotation to how a value of that type is looked at: its type, its range, in Python's own types or refused.

Limits stand in the annotation, as in `Annotated[int, Least(1)]`. What it names that is imported for type checkers alone
(Keras, TensorFlow) is left as it is: whoever has it checks it.
"""

import builtins
import operator
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from hpo.errors import DefinitionError
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
    "article",
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
