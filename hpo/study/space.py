"""A search space: named parameters, each with its domain and the condition under which it exists."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from hpo.errors import DefinitionError
from hpo.study.annotations import Name
from hpo.study.checked_records import check
from hpo.study.parameters import Categorical, Domain, Int, Params, ParamValue
from hpo.study.value_checks import shown

__all__ = ["Space"]


@dataclass(frozen=True, kw_only=True)
class Space:
    """A named search space of a definition.

    Parameters are asked for in the order they are declared, so a condition may name only parameters above it.

    Raises:
        DefinitionError: a name is no text, a parameter has no domain, a condition names a parameter that is not
            declared above, or a value that one cannot take.

    """

    name: Name  # short: what `--space` takes
    params: Mapping[Name, Domain]  # in the order they are asked for

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
                        f"{what}: {name!r} waits for {parent!r} to be {shown(unreachable[0])}, which it can never be"
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
    return f"{kind} from {domain.low:g} to {domain.high:g}"


def _condition(domain: Domain) -> str:
    return " and ".join(f"{parent} in {list(values)!r}" for parent, values in domain.when.items())


def _domain_json(domain: Domain) -> dict[str, object]:
    body: dict[str, object] = {"type": type(domain).__name__.lower(), **asdict(domain)}
    if not domain.when:
        del body["when"]
    return body
