"""An Optuna objective as what can be searched: a function of a trial, in whatever framework, unchanged.

`tunable` decorates such a function with what it may want to say of itself. One that is not decorated is as good:
whoever searches it says which values are better.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hpo.errors import DefinitionError, UsageError
from hpo.study import value_checks
from hpo.study.baseline import Baseline
from hpo.study.checked_records import Name, Positive, check
from hpo.study.claim import Claim
from hpo.study.direction import Direction
from hpo.study.evaluation import ByObjective, Fidelity
from hpo.study.open_space import DECLARED, DefineByRun
from hpo.study.program import Program
from hpo.study.searchable import named
from hpo.study.space import Params, Space
from hpo.study.sweep_table import Ablation, Sweep
from hpo.study.value_checks import keep, shown
from hpo.study.version import digest, digest_of

__all__ = ["ASKED", "PlainObjective", "asked", "of", "tunable"]

FULL = "full"
"""The only fidelity of an objective: all that it does."""

_TITLE = "an Optuna objective"
_SAID = "__hpo_objective__"  # set on a decorated function: what it says of itself
_SEPARATORS = ",:"  # of the names of several objectives, where a storage keeps them

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class PlainObjective:
    """A function of an Optuna trial or a program that is run for each, and what is known of it.

    A function suggests its parameters as it runs, so no space is known beforehand; a program is given those that are
    declared. Either judges a configuration itself, at one fidelity. What it returns, reports, prunes and constrains
    means what it means to Optuna.

    Raises:
        DefinitionError: a field is not of its kind, there are not as many metrics as directions, or two metrics or
            baselines are called alike.

    """

    name: Name  # of its studies
    function: Callable[..., Any] | Program | None
    # optuna.Trial -> a number, or one for each direction; a program to run for it; None: see `asked`
    directions: tuple[Direction, ...] = ()  # which values are better, of each objective; empty: it does not say
    metrics: tuple[Name, ...] = ()  # what the values are called; empty: value, or value_0, value_1, …
    unit: str = ""  # of the first metric, as printed after a figure
    title: str = ""  # one line for a person; empty: the first one of the function's docstring
    baselines: tuple[Baseline, ...] = ()  # the first is what a search is compared with
    seeds: bool = False  # whether it takes its seed from `hpo.seed(trial)`, so that to run it again says more
    margin: Positive | None = None  # a difference of the metric too small to matter; None: 1 % of the baseline's mean
    file: Path | None = field(default=None, repr=False, compare=False)  # as `StudyDefinition.file`

    # What a definition may have and an objective has not:
    labels: ClassVar[None] = None
    source: ClassVar[str] = "report"
    sweeps: ClassVar[tuple[Sweep, ...]] = ()
    ablations: ClassVar[tuple[Ablation, ...]] = ()
    tables: ClassVar[tuple[Sweep, ...]] = ()
    tried_by_hand: ClassVar[tuple[Sweep, ...]] = ()
    claims: ClassVar[tuple[Claim, ...]] = ()
    layered: ClassVar[tuple[str, ...]] = ()
    # And what is the same for each:
    fidelities: ClassVar[tuple[Fidelity, ...]] = (Fidelity(name=FULL, epochs=1),)
    evaluation: ClassVar[ByObjective] = ByObjective()

    def __post_init__(self) -> None:
        check(self, kind="objective")
        what = f"objective {self.name!r}"
        if self.program is None and self.function is not None:
            value_checks.function(self.function, f"{what}: function")
        if not self.title:
            keep(self, title=self.program.title if self.program is not None else _first_line(self.function) or _TITLE)
        wanted = len(self.directions) or 1
        if self.metrics and len(self.metrics) != wanted and self.directions:
            raise DefinitionError(
                f"{what} has {wanted} directions and {len(self.metrics)} metrics: name a metric for each direction"
            )
        twins = [baseline.name for baseline in self.baselines]
        for kind, names in (("metrics", list(self.metrics)), ("baselines", twins)):
            if len(set(names)) < len(names):
                raise DefinitionError(f"{what} has two {kind} of one name: {', '.join(names)}")
        for metric in self.metrics:
            if any(mark in metric for mark in _SEPARATORS):
                raise DefinitionError(f"{what}: a metric's name has neither comma nor colon, unlike {metric!r}")
        for baseline in self.baselines:
            if problem := self.space().problem(baseline.params):
                raise DefinitionError(f"{what}: baseline {baseline.name!r} is no configuration: {problem}")

    @property
    def program(self) -> Program | None:
        """What is run for each trial; None: a function of this process."""
        return self.function if isinstance(self.function, Program) else None

    @property
    def how_to_direct(self) -> str:
        """What whoever wrote it does to say which values are better, in words."""
        return "decorate it with @hpo.tunable(direction=…)" if self.program is None else "write direction into its file"

    @property
    def how_to_seed(self) -> str:
        """What whoever wrote it does so that two runs of it differ in their luck alone, in words."""
        if self.program is not None:
            return "draw its chance from a seed that its command names as {seed}"
        return "draw its chance from hpo.seed(trial), and decorate it with @hpo.tunable(seeds=True)"

    @property
    def how_to_name_a_baseline(self) -> str:
        """What whoever wrote it does to give it a hand-picked configuration, in words."""
        named = "decorate it with @hpo.tunable(baselines=…)"
        return named if self.program is None else "write baselines into its file"

    @property
    def direction(self) -> Direction:
        """Which values of the first metric are better. Raises UsageError where nobody has said so."""
        if not self.directions:
            raise UsageError(
                f"{self.name} does not say which of its values are better: give --direction maximize or --direction "
                f"minimize, or {self.how_to_direct}"
            )
        return self.directions[0]

    @property
    def named_metrics(self) -> tuple[str, ...]:
        """What the value of each objective is called."""
        several = len(self.directions) > 1
        return self.metrics or tuple(f"value_{at}" if several else "value" for at in range(len(self.directions) or 1))

    @property
    def metric(self) -> str:
        """What the first value is called."""
        return self.named_metrics[0]

    @functools.cached_property
    def version(self) -> str:
        """Which text of its code this is, as `StudyDefinition.version`."""
        said = repr((self.name, self.seeds))
        if isinstance(self.function, Program):
            return digest_of(f"{said}{self.function!r}", self.function.texts())
        return digest(said, [] if self.function is None else [self.function], self.file)

    @functools.cached_property
    def spaces(self) -> tuple[Space, ...]:
        """The only one there is."""
        return (DefineByRun() if self.program is None else Space(name=DECLARED, params=self.program.params),)

    def space(self, name: str | None = None) -> Space:
        """The only space there is. Raises UsageError for another name."""
        return named(self.name, "space", self.spaces, name)

    def fidelity(self, name: str) -> Fidelity:
        """The only fidelity there is. Raises UsageError for another name."""
        return named(self.name, "fidelity", self.fidelities, name)

    def why_infeasible(self, params: Params) -> str | None:  # noqa: ARG002 - as of a definition
        """None: only running it tells."""
        return None

    def baseline(self, name: str | None = None) -> Baseline:
        """The baseline called `name`; the first one where `name` is None. Raises UsageError where there is none."""
        return named(self.name, "baseline", self.baselines, name)


asked = PlainObjective(name="asked", function=None, title="trials that a program asks for, and tells the values of")
"""What a study is of whose trials no worker runs: a program asks for each, and tells what came of it."""

ASKED = f"{__name__}:asked"
"""Its reference."""


def tunable(
    *,
    direction: Direction | tuple[Direction, ...],
    metric: str | tuple[str, ...] = (),
    name: str | None = None,
    title: str = "",
    unit: str = "",
    baselines: Mapping[str, Params] | tuple[Baseline, ...] = (),
    seeds: bool = False,
    margin: float | None = None,
) -> Callable[[F], F]:
    """A decorator that says of an Optuna objective what `hpo optimize` and `hpo compare` would like to know.

    The function stays what it was: `study.optimize(objective)` takes it as before.

    Args:
        direction: maximize or minimize; a tuple of these for a function that returns several values.
        metric: what the value is called; a tuple of names for several.
        name: of its studies; None: the function's own.
        title: one line for a person; empty: the first one of the function's docstring.
        unit: of the first metric, as printed after a figure.
        baselines: hand-picked configurations by name, `{"mine": {"learning_rate": 0.01}}`, or records; each names all
            that the function suggests. The first is tried first in every search, and is what `hpo compare` compares
            with.
        seeds: whether the function draws all its chance from `hpo.seed(trial)`. Then its best few are run again with
            new seeds, and `hpo compare` can run pairs.
        margin: a difference of the metric too small to matter, in its unit; None: 1 % of the baseline's mean.

    Raises:
        DefinitionError: one of these is not of its kind.

    """
    if isinstance(baselines, Mapping):
        baselines = tuple(
            Baseline(name=each, title="picked by hand", params=params) for each, params in baselines.items()
        )

    def decorate(function: F) -> F:
        said = PlainObjective(
            name=name or _name(function),
            function=function,
            directions=(direction,) if isinstance(direction, str) else direction,
            metrics=(metric,) if isinstance(metric, str) else metric,
            title=title,
            unit=unit,
            baselines=baselines,
            seeds=seeds,
            margin=margin,
        )
        setattr(function, _SAID, said)
        return function

    return decorate


def of(found: object, name: str) -> PlainObjective | None:
    """What can be searched of something that was found under a name; None where that is no objective.

    Raises:
        DefinitionError: it can be called, but not with a trial.

    """
    said = getattr(found, _SAID, None)
    if isinstance(found, PlainObjective) or isinstance(said, PlainObjective):
        return found if isinstance(found, PlainObjective) else said
    if not callable(found) or isinstance(found, type):
        return None
    try:
        inspect.signature(found).bind(None)
    except ValueError:  # it has none to look at
        pass
    except TypeError as error:
        raise DefinitionError(f"{name} is no objective, which takes one argument, the trial: {error}") from None
    return PlainObjective(name=name, function=found)


def is_objective(found: object) -> bool:
    """Whether it looks like one, for a list of what there is: it is decorated, or its one parameter is `trial`."""
    if hasattr(found, _SAID) or isinstance(found, PlainObjective):
        return True
    return inspect.isfunction(found) and list(inspect.signature(found).parameters) == ["trial"]


def _first_line(function: object) -> str:
    """Of its docstring; of an object that has none of its own, nothing."""
    doc = getattr(function, "__doc__", None) if inspect.isroutine(function) else None
    return next(iter((doc or "").strip().splitlines()), "")


def _name(function: object) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise DefinitionError(f"give @hpo.tunable a name=…, as {shown(function)} has none of its own")
    return name
