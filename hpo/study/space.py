"""A search space: named parameters, each with the domain of its values and the condition under which it exists.

NumPy's scalars and arrays are taken as Python's own, so that a space reads the same whatever it was declared with.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from hpo.errors import DefinitionError
from hpo.study import value_checks
from hpo.study.checked_records import By, Least, Name, Positive, check

__all__ = [
    "Categorical",
    "Domain",
    "Float",
    "Int",
    "ParamValue",
    "Params",
    "Space",
    "When",
]

ParamValue = str | int | float | bool | None
"""One value of one parameter."""

Params = Mapping[str, Any]
"""One configuration: parameter name -> value (a `ParamValue`; which of them, its domain knows). A conditional parameter
that is not active is absent."""

When = Mapping[str, tuple[ParamValue, ...]]
"""The parameters a conditional one depends on -> their values that make it active; all must hold."""

_OFF_STEP = 1e-8  # steps that a real number may lie beside one, as Optuna has it
_FURTHEST = 2**53  # of a whole number; Optuna keeps numbers as doubles, which hold all whole ones up to there


def _bound(given: Any, what: str) -> int:
    bound = value_checks.plain(given)
    if isinstance(bound, int | float) and _FURTHEST < abs(bound) < math.inf:
        raise DefinitionError(
            f"{what} must be from -2**53 to 2**53, beyond which Optuna rounds, not {value_checks.shown(given)}"
        )
    return value_checks.whole(given, what)


def _when(given: Any, what: str) -> dict[str, tuple[ParamValue, ...]]:
    """A condition; a value alone in place of a tuple is taken for the one that is wanted, a text too."""
    made = {}
    for parent, wanted in value_checks.mapping(given, what, '{"layers": (2, 3)}').items():
        alone = wanted is None or isinstance(wanted, str | int | float)
        named = f"{what} {value_checks.name(parent, f'{what}: a name')!r}"
        made[parent] = tuple(
            None if each is None else value_checks.value(each, named)
            for each in ((wanted,) if alone else value_checks.values(wanted, named))
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
                f"a Categorical needs at least one choice and no two alike, not {value_checks.shown(self.choices)}"
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
        DefinitionError: the range is empty or not finite, reaches 0 where `log` is set, or has a step as well.

    """

    low: float  # finite
    high: float  # finite, at least low
    log: bool = False  # search the logarithm; needs low > 0 and no step
    step: Positive | None = None  # between neighbours, counted from low; None: any number in between
    when: Condition = field(default_factory=dict)  # empty: always active

    def __post_init__(self) -> None:
        check(self)
        if self.low > self.high or (self.log and self.low <= 0):
            raise DefinitionError(f"a Float needs finite low <= high, and low > 0 where log is set, not {self!r}")
        if self.step is not None and (self.log or self.high - self.low > _FURTHEST * self.step):
            raise DefinitionError(
                f"a Float's step needs log unset and at most 2**53 steps in its range, unlike {self!r}"
            )

    def contains(self, value: ParamValue) -> bool:
        """Whether `value` is a number in range and, as near as numbers of this size can be, on the step."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < _OFF_STEP


Domain = Categorical | Int | Float
"""The values a parameter is searched over, and the condition under which it exists."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """A named search space of a definition.

    Parameters are asked for in the order they are declared, so a condition may name only parameters above it.

    Raises:
        DefinitionError: a name is no text, a parameter has no domain, a condition names a parameter that is not
            declared above, or a value that one cannot take; the relative time is not a number above 0.

    """

    name: Name  # short: what `--space` takes
    params: Mapping[Name, Domain]  # in the order they are asked for
    relative_time: Positive = 1.0  # of a trial on average, in multiples of its fidelity's trial_seconds

    def __post_init__(self) -> None:
        check(self)
        what = f"space {self.name!r}"
        seen: dict[str, Domain] = {}
        for name, domain in self.params.items():
            for parent, values in domain.when.items():
                if parent not in seen:
                    raise DefinitionError(f"{what}: {name!r} depends on {parent!r}, which is not declared above it")
                unreachable = [v for v in values if not seen[parent].contains(v)]
                if unreachable:
                    raise DefinitionError(
                        f"{what}: {name!r} waits for {parent!r} to be {value_checks.shown(unreachable[0])}, "
                        "which it can never be"
                    )
            seen[name] = domain

    def is_active(self, name: str, params: Params) -> bool:
        """Whether parameter `name` exists, given the values of the parameters above it in `params`."""
        when = self.params[name].when
        return all(parent in params and params[parent] in values for parent, values in when.items())

    def problem(self, params: Params) -> str | None:
        """Why `params` is not a configuration of this space, as one line; None where it is."""
        for name, domain in self.params.items():
            if not self.is_active(name, params):
                if name in params:
                    return f"{name!r} has no meaning here: it needs {_condition(domain)}"
                continue
            if name not in params:
                return f"{name!r} is missing"
            if not domain.contains(params[name]):
                return f"{name}={params[name]!r:.60} is not {_range(domain)}"
        unknown = [name for name in params if name not in self.params]
        return f"{unknown[0]!r} is not one of {', '.join(self.params)}" if unknown else None

    @property
    def size(self) -> int | None:
        """How many configurations there are; None where a parameter is continuous."""
        if all(isinstance(d, Categorical | Int) for d in self.params.values()):
            return self._count(list(self.params), {})
        return None

    def configurations(self) -> Iterator[dict[str, ParamValue]]:
        """Every configuration in declared order, the last parameter varying fastest; only for a finite space."""
        if any(not isinstance(d, Categorical | Int) for d in self.params.values()):
            raise DefinitionError(
                f"space {self.name!r} has a continuous parameter, so its configurations cannot be listed"
            )
        yield from self._walk(list(self.params), {})

    def to_json(self) -> dict[str, dict[str, object]]:
        """The space as `hpo show --json` prints it: name -> type, choices or low, high, log, step; when."""
        return {name: _domain_json(domain) for name, domain in self.params.items()}

    @property
    def fingerprint(self) -> str:
        """A digest that changes when any domain or condition does; trials of two digests do not mix in one study."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    def _walk(self, names: list[str], chosen: dict[str, ParamValue]) -> Iterator[dict[str, ParamValue]]:
        if not names:
            yield dict(chosen)
            return
        name, *rest = names
        if not self.is_active(name, chosen):
            yield from self._walk(rest, chosen)
            return
        for value in _values(self.params[name]):
            yield from self._walk(rest, {**chosen, name: value})

    def _count(self, names: list[str], chosen: dict[str, ParamValue]) -> int:
        if not names:
            return 1
        name, *rest = names
        if not self.is_active(name, chosen):
            return self._count(rest, chosen)
        # Only a value that some condition names needs a branch of its own; all others are alike, and multiply.
        named = {value for domain in self.params.values() for value in domain.when.get(name, ())}
        others = len(_values(self.params[name])) - len(named)
        branches = sum(self._count(rest, {**chosen, name: value}) for value in named)
        return branches + (others * self._count(rest, chosen) if others else 0)


def _values(domain: Domain) -> Sequence[ParamValue]:
    if isinstance(domain, Categorical):
        return domain.choices
    assert isinstance(domain, Int)  # callers have refused Float
    return range(domain.low, domain.high + 1, domain.step)


def _range(domain: Domain) -> str:
    if isinstance(domain, Categorical):
        return "one of " + ", ".join(repr(c) for c in domain.choices)
    kind = "a whole number" if isinstance(domain, Int) else "a number"
    steps = "" if domain.step in (None, 1) else f" in steps of {domain.step:g}"
    return f"{kind} from {domain.low:g} to {domain.high:g}{steps}"


def _condition(domain: Domain) -> str:
    return " and ".join(f"{parent} in {list(values)!r}" for parent, values in domain.when.items())


def _domain_json(domain: Domain) -> dict[str, object]:
    body: dict[str, object] = {"type": type(domain).__name__.lower(), **asdict(domain)}
    if not domain.when:
        del body["when"]
    if isinstance(domain, Float) and domain.step is None:  # fingerprints are older than steps
        del body["step"]
    return body
