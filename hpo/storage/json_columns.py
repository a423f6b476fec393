"""What stands in a column of JSON, whoever wrote it: data, of which every reader takes what it knows and nothing else.

optuna-dashboard lets people write attributes, any program may add trials, and a file may be damaged. So nothing read is
taken for what we would have written: `parsed` is never too deep for whoever goes through it, and of `Noted` one asks
for a number, a whole number or a text, and gets None where it is something else.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from hpo.errors import HpoError

__all__ = ["Noted", "parsed"]

T = TypeVar("T")

_DEEPEST = 50  # levels of lists and objects; what is deeper is cut off there
_CUT = "…"
_WHOLE = 2**63  # no number of ours is so large, and no other program's column holds one


class Noted(dict[str, Any]):
    """The attributes of a trial or a study by their names, as somebody wrote them."""

    @classmethod
    def read(cls, rows: Iterable[Sequence[str]]) -> "Noted":
        """The attributes of rows of name and JSON; what is no JSON is left out."""
        found = {name: parsed(text, _ABSENT) for name, text in rows}
        return cls((name, value) for name, value in found.items() if value is not _ABSENT)

    def number(self, name: str) -> float | None:
        """A number, NaN and infinities too."""
        return _number(self.get(name))

    def whole(self, name: str) -> int | None:
        """A whole number of at most 64 bits."""
        return _whole(self.get(name))

    def text(self, name: str) -> str | None:
        """A text."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def curve(self, name: str) -> tuple[tuple[int, float], ...]:
        """Pairs of a whole number and a number; empty where anything in it is something else."""
        value = self.get(name)
        pairs = value if isinstance(value, list) else []
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            return ()
        read = [(_whole(step), _number(number)) for step, number in pairs]
        return tuple((step, number) for step, number in read if step is not None and number is not None)

    def numbers(self, name: str) -> Mapping[str, Sequence[float]] | None:
        """Lists of numbers by name."""
        value = self.get(name)
        if not isinstance(value, dict):
            return None
        return {
            key: one for key, one in value.items() if isinstance(one, list) and all(_number(n) is not None for n in one)
        }

    def records(self, name: str, make: Callable[[Any], T]) -> tuple[T, ...]:
        """What `make` makes of each entry of a list; one it cannot take (HpoError, TypeError, …) is left out."""
        value = self.get(name)
        made = []
        for entry in value if isinstance(value, list) else ():
            try:
                made.append(make(entry))
            except (HpoError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                continue
        return tuple(made)


_ABSENT = object()


def parsed(text: str | None, otherwise: Any = None) -> Any:
    """What that JSON says, cut off where it is too deep; `otherwise` where it is none."""
    try:
        return _cut(json.loads(text), _DEEPEST)  # type: ignore[arg-type]
    except (RecursionError, TypeError, ValueError):
        return otherwise


def _cut(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return _CUT
    if isinstance(value, dict):
        return {key: _cut(entry, levels - 1) for key, entry in value.items()}
    return [_cut(entry, levels - 1) for entry in value]


def _number(value: Any) -> float | None:
    if isinstance(value, float):
        return value
    return _whole(value)


def _whole(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and -_WHOLE <= value < _WHOLE
    return value if fits else None
