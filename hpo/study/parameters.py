"""The domains a parameter can be searched over, and the values it can take.

NumPy's scalars and arrays are taken as Python's own, so that a space reads the same whatever it was declared with.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from hpo.errors import DefinitionError
from hpo.study.annotations import By, Least
from hpo.study.checked_records import check
from hpo.study.value_checks import mapping, name, plain, shown, value, values, whole

__all__ = ["Categorical", "Domain", "Float", "Int", "ParamValue", "Params", "When"]

ParamValue = str | int | float | bool | None
"""One value of one parameter."""

Params = Mapping[str, Any]
"""One configuration: parameter name -> value (a `ParamValue`; which of them, its domain knows). A conditional parameter
that is not active is absent."""

When = Mapping[str, tuple[ParamValue, ...]]
"""The parameters a conditional one depends on -> their values that make it active; all must hold."""

_FURTHEST = 2**53  # of a whole number; Optuna keeps numbers as doubles, which hold all whole ones up to there


def _bound(given: Any, what: str) -> int:
    bound = plain(given)
    if isinstance(bound, int | float) and _FURTHEST < abs(bound) < math.inf:
        raise DefinitionError(f"{what} must be from -2**53 to 2**53, beyond which Optuna rounds, not {shown(given)}")
    return whole(given, what)


def _when(given: Any, what: str) -> dict[str, tuple[ParamValue, ...]]:
    """A condition; a value alone in place of a tuple is taken for the one that is wanted, a text too."""
    made = {}
    for parent, wanted in mapping(given, what, '{"layers": (2, 3)}').items():
        alone = wanted is None or isinstance(wanted, str | int | float)
        named = f"{what} {name(parent, f'{what}: a name')!r}"
        made[parent] = tuple(
            None if each is None else value(each, named) for each in ((wanted,) if alone else values(wanted, named))
        )
        if not made[parent]:
            raise DefinitionError(f"{named} must have a value: without one it is never active")
    return made


Bound = Annotated[int, By(_bound)]
Condition = Annotated[When, By(_when)]


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One of a few values with no order among them.

    Raises:
        DefinitionError: there is no choice, two are alike, or `when` is no condition.

    """

    choices: tuple[ParamValue, ...]  # at least one, all different
    when: Condition = field(default_factory=dict)  # empty: always active

    def __post_init__(self) -> None:
        check(self)
        # Python, and so Optuna, takes 1, 1.0 and True for one value.
        if not self.choices or len(set(self.choices)) != len(self.choices):
            raise DefinitionError(
                f"a Categorical needs at least one choice and no two alike, not {shown(self.choices)}"
            )

    def contains(self, value: ParamValue) -> bool:
        """Whether `value` is one of the choices; 1, 1.0 and True are told apart only as bool against number."""
        return any(value == c and isinstance(value, bool) == isinstance(c, bool) for c in self.choices)


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number, `low` and `high` included.

    Raises:
        DefinitionError: the range is empty or beyond ±2**53, the step is below 1, or `log` does not go with them.

    """

    low: Bound  # from -2**53
    high: Bound  # to 2**53
    log: bool = False  # search the logarithm; needs low >= 1 and step 1
    step: Annotated[Bound, Least(1)] = 1  # between neighbours, counted from low
    when: Condition = field(default_factory=dict)  # empty: always active

    def __post_init__(self) -> None:
        check(self)
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
    """A real number, `low` and `high` included.

    Raises:
        DefinitionError: the range is empty or not finite, or reaches 0 where `log` is set.

    """

    low: float  # finite
    high: float  # finite, at least low
    log: bool = False  # search the logarithm; needs low > 0
    when: Condition = field(default_factory=dict)  # empty: always active

    def __post_init__(self) -> None:
        check(self)
        if self.low > self.high or (self.log and self.low <= 0):
            raise DefinitionError(f"a Float needs finite low <= high, and low > 0 where log is set, not {self!r}")

    def contains(self, value: ParamValue) -> bool:
        """Whether `value` is a number in range."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high


Domain = Categorical | Int | Float
"""The values a parameter is searched over, and the condition under which it exists."""
