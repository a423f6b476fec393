"""Which of two values is better: what maximize and minimize mean, asked here and nowhere else.

A direction is one of these two words everywhere, in records, in the database and in JSON. These functions take any
text and refuse another word, so that a record made elsewhere does not quietly count as to be minimized.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

__all__ = [
    "MAXIMIZE",
    "MINIMIZE",
    "Direction",
    "at_least",
    "best",
    "better_word",
    "is_better",
    "loss",
    "sign",
    "worst",
]

Direction = Literal["maximize", "minimize"]
"""Which values of a metric are better, in Optuna's words: larger ones or smaller ones."""

MAXIMIZE: Direction = "maximize"
MINIMIZE: Direction = "minimize"

_SIGNS = {MAXIMIZE: 1, MINIMIZE: -1}

T = TypeVar("T")


def sign(direction: str) -> int:
    """1 where larger values are better, -1 where smaller ones are: differences times it are gains.

    Raises:
        ValueError: it is no direction.

    """
    try:
        return _SIGNS[direction]  # type: ignore[index]  # another text is what is looked for
    except KeyError:
        raise ValueError(f"a direction is maximize or minimize, not {direction!r:.40}") from None


def loss(direction: str, value: float) -> float:
    """A value as something to be made small: sorting by it puts the best first."""
    return -value if sign(direction) > 0 else value


def is_better(direction: str, value: float, than: float) -> bool:
    """Whether a value is better than another one; equal ones are not."""
    return value > than if sign(direction) > 0 else value < than


def at_least(direction: str, value: float, goal: float) -> bool:
    """Whether a value is as good as a goal, or better."""
    return value >= goal if sign(direction) > 0 else value <= goal


def best(direction: str, values: Iterable[T], key: Callable[[T], Any] | None = None) -> T:
    """The best of the values, by `key` where one is given; of equal ones the first. Raises ValueError where none is."""
    return (max if sign(direction) > 0 else min)(values, key=key)  # type: ignore[type-var, arg-type]


def worst(direction: str, values: Iterable[T], key: Callable[[T], Any] | None = None) -> T:
    """The worst of the values, by `key` where one is given; of equal ones the first. Raises ValueError as `best`."""
    return (min if sign(direction) > 0 else max)(values, key=key)  # type: ignore[type-var, arg-type]


def better_word(direction: str) -> Literal["higher", "lower"]:
    """What a better value is, for a person."""
    return "higher" if sign(direction) > 0 else "lower"
