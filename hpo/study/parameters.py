"""The domains a parameter can be searched over, and the values it can take.

NumPy's scalars and arrays are taken as Python's own, so that a space reads the same whatever it was declared with.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo.errors import DefinitionError
from hpo.study.checks import flag, keep, mapping, number, shown, values, whole

__all__ = ["Categorical", "Domain", "Float", "Int", "ParamValue", "Params", "When"]

ParamValue = str | int | float | bool | None
"""One value of one parameter."""

Params = Mapping[str, Any]
"""One configuration: parameter name -> value (a `ParamValue`; which of them, its domain knows). A conditional parameter
that is not active is absent."""

When = Mapping[str, tuple[ParamValue, ...]]
"""The parameters a conditional one depends on -> their values that make it active; all must hold."""

_FURTHEST = 2**53  # of a whole number; Optuna keeps numbers as doubles, which hold all whole ones up to there


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One of a few values with no order among them."""

    choices: tuple[ParamValue, ...]  # at least one, all different
    when: When = field(default_factory=dict)  # empty: always active

    def __post_init__(self) -> None:
        keep(self, choices=values(self.choices, "a Categorical's choices"), when=_when(self.when, "a Categorical"))
        for choice in self.choices:
            if not _is_value(choice):
                raise DefinitionError(
                    f"a choice is a text, a finite number, a truth value or None, not {shown(choice)}"
                )
        # Python, and so Optuna, takes 1, 1.0 and True for one value.
        if not self.choices or len(set(self.choices)) != len(self.choices):
            raise DefinitionError(f"a Categorical needs at least one choice and no two alike, not {self.choices!r}")

    def contains(self, value: ParamValue) -> bool:
        """Whether `value` is one of the choices; 1, 1.0 and True are told apart only as bool against number."""
        return any(value == c and isinstance(value, bool) == isinstance(c, bool) for c in self.choices)


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number, `low` and `high` included."""

    low: int  # from -2**53
    high: int  # to 2**53
    log: bool = False  # search the logarithm; needs low >= 1 and step 1
    step: int = 1
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            bound = whole(getattr(self, name), f"an Int's {name}")
            if abs(bound) > _FURTHEST:
                raise DefinitionError(
                    f"an Int's {name} must be from -2**53 to 2**53, beyond which Optuna rounds, not {bound}"
                )
            keep(self, **{name: bound})
        keep(self, log=flag(self.log, "an Int's log"), when=_when(self.when, "an Int"))
        if self.low > self.high or self.step < 1 or (self.log and (self.low < 1 or self.step != 1)):
            raise DefinitionError(
                f"an Int needs low <= high and step >= 1, and low >= 1 with step 1 where log is set, not {self!r}"
            )

    def contains(self, value: ParamValue) -> bool:
        """Whether `value` is a whole number in range and on the step."""
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True, kw_only=True)
class Float:
    """A real number, `low` and `high` included."""

    low: float
    high: float
    log: bool = False  # search the logarithm; needs low > 0
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        keep(self, low=number(self.low, "a Float's low"), high=number(self.high, "a Float's high"))
        keep(self, log=flag(self.log, "a Float's log"), when=_when(self.when, "a Float"))
        if self.low > self.high or (self.log and self.low <= 0):
            raise DefinitionError(f"a Float needs finite low <= high, and low > 0 where log is set, not {self!r}")

    def contains(self, value: ParamValue) -> bool:
        """Whether `value` is a number in range."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high


Domain = Categorical | Int | Float


def _is_value(value: Any) -> bool:
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _when(given: Any, what: str) -> dict[str, tuple[ParamValue, ...]]:
    """A condition; a value alone in place of a tuple is taken for the one that is wanted, a text too."""
    made = {}
    for parent, wanted in mapping(given, f"{what}'s when", '{"layers": (2, 3)}').items():
        made[parent] = (wanted,) if _is_value(wanted) else values(wanted, f"{what}'s when {parent!r}")
        if not made[parent]:
            raise DefinitionError(f"{what}'s when {parent!r} must have a value: without one it is never active")
    return made
