"""What is asked of a study, and the study as it was made."""

from dataclasses import dataclass
from typing import Literal

from hpo.study.direction import at_least
from hpo.study.objectives import directions

__all__ = ["Kind", "StudyPlan", "StudyRecord", "purpose"]

Kind = Literal["search", "sweep", "greedy", "race", "pairs", "resampled"]
"""What a study is for. A search looks for a configuration; all others measure configurations that are known already:
the tables of a report, the hand method followed anew, and of a search its best ones, pairs, and redrawn pairs."""


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What a person asks of a study."""

    name: str  # DEFINITION-SPACE-FIDELITY unless the person says otherwise
    reference: str  # the definition as `registry.load` takes it, on any machine and in any folder
    definition: str  # the definition's own name
    space: str  # name of the space
    fingerprint: str  # of the space: changes when a domain does
    fidelity: str  # name, of the values; where it climbs, the highest one
    direction: str  # maximize or minimize
    metric: str  # what the value is
    seed: int | None = None  # None: the study's own, drawn where it is new
    sampler: str | None = None  # a name in settings.SAMPLERS; None: the study's own, or the default where it is new
    pruner: str | None = None  # a name in settings.PRUNERS; None likewise
    kind: Kind = "search"
    parent: str | None = None  # name of the search it measures; None: of none
    version: str | None = None  # of the definition's code, `StudyDefinition.version`; None: not known
    trial_timeout: float | None = None  # seconds for one trial; a trial over it fails; None: no limit of its own
    until: float | None = None  # nothing is begun once the best value is at least this good; None: no such value

    rungs: str | None = None  # names of the fidelities it climbs, cheapest first, by commas; None: it stays on one
    objectives: str | None = None  # the metric and the costs weighed against it, by commas; None: the metric alone

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Of each rung, the lowest first; the last rung confirms what the one below it found."""
        return (self.fidelity,) if self.rungs is None else (*self.rungs.split(","), self.fidelity)

    @property
    def work(self) -> str:
        """The fidelity it stays on, or those it climbs, in words."""
        return f"fidelity {self.fidelity}" if self.rungs is None else f"fidelities {self.rungs.replace(',', ', ')}"

    @property
    def costs(self) -> tuple[str, ...]:
        """What is weighed against the metric, in the order of the objectives; empty where nothing is."""
        return () if self.objectives is None else tuple(self.objectives.split(",")[1:])

    @property
    def directions(self) -> tuple[str, ...]:
        """The word maximize or minimize for each objective, the metric's first."""
        return directions(self.direction, self.costs)

    def reached(self, value: float, trainings: int = 1) -> bool:
        """Whether a value is as good as `until` asks for; never where that asks for nothing.

        Of a study that climbs, one that was trained again: a single one may be luck.
        """
        certain = self.rungs is None or trainings > 1
        return self.until is not None and certain and at_least(self.direction, value, self.until)


@dataclass(frozen=True, kw_only=True)
class StudyRecord(StudyPlan):
    """A study as it was made."""

    id: int  # never used twice in one database, so it tells a study from an earlier or later one of its name
    seed: int
    sampler: str
    pruner: str
    created_at: float  # seconds since 1970
    stopped_at: float | None = None  # seconds since 1970; None: it is not stopped
    stopped_by: str | None = None  # who stopped it
    stopped_why: str | None = None  # the reason, where one was given
    data: str | None = None  # digest of the rows it was begun with; None: not loaded yet


def purpose(plan: StudyPlan) -> str:
    """Kind of a study for a person, and what it measures where that is a search."""
    return plan.kind if plan.parent is None else f"{plan.kind} of {plan.parent}"
