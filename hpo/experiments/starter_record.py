"""What `hpo init` is asked for: which kind of file, and what is varied, as a person types it."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hpo.errors import DefinitionError, UsageError
from hpo.study.checked_records import Name, check
from hpo.study.direction import MINIMIZE, Direction
from hpo.study.program import STANDS_FOR
from hpo.study.space import Categorical, Domain, Float, Int, ParamValue

__all__ = ["USUAL", "Kind", "Starter", "param"]

Kind = Literal["objective", "definition", "command"]

USUAL: Mapping[str, Domain] = {
    "rate": Float(low=1e-4, high=0.1, log=True),
    "layers": Int(low=1, high=4),
    "optimizer": Categorical(choices=("sgd", "adam")),
}
"""Parameters of whoever names none."""

_TAKEN = ("trial", "chance", "goal", "epoch", "loss", "value", "math", "random", "optuna", "hpo")  # of an objective
_EXAMPLES = "rate=1e-4:0.1:log, layers=1:6, share=0:0.9:0.1 or optimizer=sgd,adam"


@dataclass(frozen=True, kw_only=True)
class Starter:
    """What a file shall say.

    Raises:
        UsageError: a field is not of its kind, or a parameter cannot be called so there.

    """

    kind: Kind
    direction: Direction = MINIMIZE
    metric: Name = "loss"
    params: Mapping[Name, Domain] = field(default_factory=lambda: USUAL)
    command: str = ""  # of a program that is there; empty: a stand-in is written beside the file

    def __post_init__(self) -> None:
        check(self, error=UsageError)
        taken = {*STANDS_FOR, "help"} if self.kind == "command" else {*_TAKEN, *keyword.kwlist}
        for name in self.params:
            if name in taken or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                raise UsageError(f"a parameter cannot be called {name!r} here: give it a name in letters, digits and _")


def param(text: str) -> tuple[str, Domain]:
    """A parameter as a person types it: `rate=1e-4:0.1:log`, `layers=1:6`, `optimizer=sgd,adam`. Raises UsageError."""
    name, equals, values = text.partition("=")
    name, values = name.strip(), values.strip()
    if not equals or not name or not values:
        raise UsageError(f"{text!r:.60} is no parameter: write it as in {_EXAMPLES}")
    try:
        return name, _range(values) if ":" in values else Categorical(choices=tuple(map(_value, values.split(","))))
    except (DefinitionError, ValueError) as error:
        raise UsageError(f"{text!r:.60} is no parameter ({error}): write it as in {_EXAMPLES}") from None


def _range(text: str) -> Domain:
    low, high, *rest = (word.strip() for word in text.split(":"))
    if len(rest) > 1:
        raise ValueError("it has more than a range and a step")
    log = rest == ["log"]
    step = None if log or not rest else _value(rest[0])
    bounds = _value(low), _value(high)
    if all(isinstance(each, int) and not isinstance(each, bool) for each in (*bounds, 1 if step is None else step)):
        return Int(low=int(low), high=int(high), log=log, step=1 if step is None else int(rest[0]))
    return Float(low=float(low), high=float(high), log=log, step=None if step is None else float(rest[0]))


def _value(text: str) -> ParamValue:
    """A number or a truth value where it is one."""
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
