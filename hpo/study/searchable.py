"""What can be searched, whichever kind it is: the face that storage, fleet, status and reports know.

There are two kinds: a `StudyDefinition`, whose models hpo builds, trains and measures itself, and a `PlainObjective`, a
function of an Optuna trial that does all of that on its own. Who needs more than this face asks for a definition.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from hpo.errors import UsageError

if TYPE_CHECKING:
    from hpo.study.baseline import Baseline
    from hpo.study.claim import Claim
    from hpo.study.direction import Direction
    from hpo.study.evaluation import ByObjective, Evaluation, Fidelity
    from hpo.study.space import Params, Space
    from hpo.study.sweep_table import Ablation, Sweep

__all__ = ["Searchable", "named"]


class Searchable(Protocol):
    """What a search is of."""

    @property
    def name(self) -> str:
        """Short; begins the names of its studies."""

    @property
    def title(self) -> str:
        """One line for a person."""

    @property
    def metric(self) -> str:
        """What the value is called."""

    @property
    def direction(self) -> "Direction":
        """Which values are better."""

    @property
    def unit(self) -> str:
        """Of the metric; may be empty."""

    @property
    def margin(self) -> float | None:
        """A difference of the metric too small to matter; None: 1 % of the baseline's mean score."""

    @property
    def evaluation(self) -> "Evaluation | ByObjective":
        """How a configuration is judged."""

    @property
    def labels(self) -> int | None:
        """Training rows with a label; None: all rows have one."""

    @property
    def spaces(self) -> "tuple[Space, ...]":
        """The first is the default."""

    @property
    def fidelities(self) -> "tuple[Fidelity, ...]":
        """Cheapest first."""

    @property
    def baselines(self) -> "tuple[Baseline, ...]":
        """The hand-picked configurations; the first is what a search is compared with."""

    @property
    def source(self) -> str:
        """What the sweeps and claims are from, as a noun."""

    @property
    def sweeps(self) -> "tuple[Sweep, ...]":
        """Tables of somebody's, in the source's order."""

    @property
    def ablations(self) -> "tuple[Ablation, ...]":
        """What techniques add."""

    @property
    def tables(self) -> "tuple[Sweep, ...]":
        """All that `hpo sweep` can train."""

    @property
    def tried_by_hand(self) -> "tuple[Sweep, ...]":
        """The sweeps with figures of the source."""

    @property
    def claims(self) -> "tuple[Claim, ...]":
        """The source's conclusions."""

    @property
    def layered(self) -> tuple[str, ...]:
        """Ids of sweeps whose networks a report draws layer by layer."""

    @property
    def file(self) -> Path | None:
        """The file it was loaded from; None: a package's, or made by a program."""

    @property
    def version(self) -> str:
        """Which text of its code this is."""

    def space(self, name: str | None = None) -> "Space":
        """The space called so; the default one for None. Raises UsageError where there is none."""

    def fidelity(self, name: str) -> "Fidelity":
        """The fidelity called so. Raises UsageError where there is none."""

    def why_infeasible(self, params: "Params") -> str | None:
        """Why a configuration cannot be trained, known without training it; None where it can, or nobody knows."""

    def baseline(self, name: str | None = None) -> "Baseline":
        """The baseline called so; the first one for None. Raises UsageError where there is none."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def named(owner: str, kind: str, things: Sequence[N], name: str | None) -> N:
    """The one of these things that is called so; the first for None. Raises UsageError where there is none.

    Args:
        owner: whose they are.
        kind: what they are: "space".
        things: all there are.
        name: what is looked for.

    """
    if name is None and things:
        return things[0]
    for thing in things:
        if thing.name == name:
            return thing
    known = ", ".join(thing.name for thing in things) or "none"
    raise UsageError(f"{owner} has no {kind} {name!r}; it has: {known}")
