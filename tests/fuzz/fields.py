"""Every field of every record: what is not of its type or out of its range is refused in one line that names it."""

import dataclasses
import datetime
import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import numpy as np

from hpo.errors import HpoError
from hpo.study import checked_records, value_checks

__all__ = ["Faulty", "faulty", "records", "tried"]

PACKAGES = ("hpo.study", "hpo.data", "hpo.training", "hpo.analysis")
LIGHT = (  # what needs no TensorFlow
    "hpo.training.regularization",
    "hpo.training.phases",
    "hpo.training.early_stopping",
    "hpo.training.miniature",
    "hpo.training.probes",
    "hpo.training.schedules",
)
OWN = ("Rows", "Dataset", "Recipe", "StudyDefinition", "Uncertainty", "Examination")  # hold arrays, models, functions


class Broken:
    """A value that nothing can be done with."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """A record made with one field that is not what it should be."""

    kind: type
    field: str
    value: Any
    good: Mapping[str, Any]  # the other fields

    def __str__(self) -> str:
        return f"{self.kind.__module__}.{self.kind.__name__}({self.field}={value_checks.shown(self.value)})"


def records(*, heavy: bool) -> list[type]:
    """The records of these packages that check themselves by their annotations; `heavy`: those that need TensorFlow."""
    found = {}
    for package in PACKAGES:
        home = importlib.import_module(package)
        for module in pkgutil.walk_packages(home.__path__, f"{package}."):
            if package == "hpo.training" and module.name not in LIGHT and not heavy:
                continue
            for kind in vars(importlib.import_module(module.name)).values():
                ours = isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name
                if ours and kind.__name__ not in OWN and not kind.__module__.endswith("study.checked_records"):
                    found[f"{kind.__module__}.{kind.__name__}"] = kind
    return list(found.values())


def faulty(kind: type) -> Iterator[Faulty]:
    """The record with each of its fields wrong, one at a time."""
    good = example(kind)
    for field in dataclasses.fields(kind):
        if field.init:
            for value in _wrong(_plain(field.type, kind)):
                yield Faulty(kind=kind, field=field.name, value=value, good=good)


def tried(case: Faulty) -> str | None:
    """What is wrong with how it was refused; None where nothing is."""
    try:
        case.kind(**{**case.good, case.field: case.value})
    except HpoError as error:
        said = str(error)
        if "\n" in said or case.field not in said or len(said) > 1000:
            return f"{case}: {said!r:.300}"
        return None
    except BaseException as error:
        return f"{case}: {type(error).__name__}: {error!s:.200}"
    return f"{case}: taken"


def example(kind: type) -> dict[str, Any]:
    """Fields that make a good one."""
    made = {
        field.name: _good(_plain(field.type, kind))
        for field in dataclasses.fields(kind)
        if field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return made | _TOGETHER.get(kind.__name__, {})


_TOGETHER: Mapping[str, Mapping[str, Any]] = {  # fields that must go together
    "Int": {"low": 1, "high": 2},
    "Float": {"low": 1.0, "high": 2.0},
    "Contrast": {"rows": (0,), "than": (1,)},
    "Penalty": {"l1": 0.1},
    "Clip": {"by": "norm"},
    "Sweep": {"chosen": 0},
    "Space": {"params": {}},
}


def _plain(annotation: Any, kind: type) -> Any:
    return checked_records._resolved(annotation, kind.__module__)


def _parts(annotation: Any) -> tuple[Any, tuple[Any, ...], list[Any]]:
    """The type, those in it, and what is said besides."""
    marks: list[Any] = []
    while hasattr(annotation, "__metadata__"):
        marks += annotation.__metadata__
        annotation = annotation.__origin__
    return annotation, get_args(annotation), marks


def _good(annotation: Any) -> Any:
    plain, inner, marks = _parts(annotation)
    origin = get_origin(plain)
    if NoneType in inner:
        return None
    if origin is Literal:
        return inner[0]
    if origin is tuple:
        return tuple(_good(each) for each in inner if each is not Ellipsis)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {}
    if origin is Callable:
        return len
    if inner:  # one of several types
        return _good(inner[0])
    if dataclasses.is_dataclass(plain):
        return plain(**example(plain))
    low = max(
        (mark.limit + 1 for mark in marks if isinstance(mark, checked_records.Least | checked_records.Above)), default=1
    )
    if any(isinstance(mark, checked_records.Most | checked_records.Below) for mark in marks):
        low = 0.5
    simple = {int: int(low), float: low, str: "a", bool: True, Decimal: Decimal("0.10"), Path: Path("a")}
    return simple.get(plain)


_EVERY = (object(), Broken(), 1j, datetime.date(2026, 1, 1), b"x", len, np.ones((2, 2)), [[1], [1, 2]], float("nan"))
_NUMBERS = ("1", math.inf, True, [1], 10**400, Decimal("NaN"), np.datetime64("2026-01-01"), {})


def _wrong(annotation: Any) -> Iterator[Any]:
    plain, inner, marks = _parts(annotation)
    origin = get_origin(plain)
    if isinstance(plain, checked_records._Unknown) or plain in (Any, object):
        return
    if NoneType in inner:
        (rest, *more) = [each for each in inner if each is not NoneType]
        yield from (value for value in _wrong(rest) if value is not None and not more)
        return
    yield None
    if any(isinstance(mark, checked_records.By) and mark.look is value_checks.any_number for mark in marks):
        yield from ("1", True, [1], 10**400, object(), Broken())
    elif plain in (int, float):
        yield from (*_EVERY, *_NUMBERS, *((1.5,) if plain is int else ()))
        yield from (mark.limit - 1 for mark in marks if isinstance(mark, checked_records.Least | checked_records.Above))
        yield from (mark.limit + 1 for mark in marks if isinstance(mark, checked_records.Most | checked_records.Below))
    elif plain in (str, bool) or origin is Literal:
        yield from _wrong_words(plain, inner, marks)
    else:
        one_will_do = any(isinstance(mark, checked_records.By) for mark in marks)  # a text in place of several
        yield from (value for value in _wrong_others(plain, origin) if not (one_will_do and isinstance(value, str)))


def _wrong_words(plain: Any, inner: tuple[Any, ...], marks: list[Any]) -> Iterator[Any]:
    if plain is str:
        yield from (*_EVERY, 1, True, ["a"], "\ud800", "a\0", *(("", "  ", "a\nb", "\x1b[2J") if marks else ()))
    elif plain is bool:
        yield from (*_EVERY, 1, 0, "true", "", [])
    else:
        yield from (*_EVERY, 1, "", "nosuch", [inner[0]])


def _wrong_others(plain: Any, origin: Any) -> Iterator[Any]:
    if origin is tuple:
        yield from (_EVERY[0], _EVERY[1], "a", 1, {1}, {}, (object(),), (Broken(),), range(10**9), iter(()))
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from (_EVERY[0], _EVERY[1], "a", 1, [1], {1: object()}, {"": Broken()}, [("a", 1)])
    elif origin is Callable:
        yield from (1, "a", object(), [])
    elif dataclasses.is_dataclass(plain) or plain in (Decimal, Path):
        yield from (*_EVERY, 1.5, plain, [], {})
