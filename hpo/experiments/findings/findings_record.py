"""Everything a report page tells about one search, as records: read from the storage, nothing trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from hpo.study import Params
from hpo.study.baseline import hand_picked
from hpo.study.searchable import Searchable

if TYPE_CHECKING:
    from hpo.analysis.claims import ClaimFinding
    from hpo.analysis.interaction import Interaction
    from hpo.analysis.parameter_importance import Importances
    from hpo.analysis.rung_agreement import ClimbFindings
    from hpo.experiments.compare.comparison_report import CompareReport
    from hpo.experiments.sweep.greedy_method import GreedyReport
    from hpo.experiments.sweep.sweep_report import SweepReport
    from hpo.storage.queries.status import StudyStatus
    from hpo.storage.slots.slot import Incumbent
    from hpo.storage.studies import StudyRecord
    from hpo.training.probes import Probe

__all__ = [
    "CurvePair",
    "Curves",
    "Findings",
    "Missing",
    "Predictions",
    "ProbedNetwork",
    "Provenance",
    "TrialPoint",
    "hand_alone",
]

TrialState = Literal["complete", "pruned", "failed", "running"]
Curve = tuple[tuple[int, float], ...]  # (step, value) in the order of the steps: epochs


@dataclass(frozen=True, kw_only=True)
class TrialPoint:
    """One trial of the search, as its slot tells it."""

    number: int | None  # Optuna's; None: its slot settled before a trial was made
    state: TrialState
    value: float | None  # a pruned one's is its last report
    params: Params  # empty where none was drawn
    seconds: float | None  # from its last claim to its result
    reason: str | None  # why it was pruned or failed
    worker: str | None
    settled_at: float | None  # seconds since 1970; None while it runs
    further: tuple[float, ...] = ()  # values of the objectives after the first; empty where there is one
    rung: int = 0  # from 0, the lowest
    digest: str | None = None  # of the configuration: the same on every rung; None where none was drawn, or it repeats
    highest: bool = True  # whether it is of the search's highest fidelity, whose values alone are compared
    given: bool = False  # whether it is the hand-picked configuration's


@dataclass(frozen=True, kw_only=True)
class ProbedNetwork:
    """What one training saw inside its network."""

    number: int  # of the trial, Optuna's
    swept: bool  # a training of the definition's tables; else a trial of the search
    params: Params
    start: "Probe"  # before the first epoch
    after: "Probe | None"  # after it; None where the trial did not get that far


@dataclass(frozen=True, kw_only=True)
class CurvePair:
    """How one configuration learned: the mean over its rounds, wherever every round reported."""

    validation: Curve  # of the metric on the validation rows
    train: Curve  # of the running metric on the training rows; empty where it was not kept


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Learning curves of both configurations, from the last heat of the race."""

    optimum: CurvePair | None
    baseline: CurvePair | None
    fidelity: str
    metric: str


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What both configurations say of the test rows, from the first pair of the comparison."""

    truth: NDArray[Any]  # (rows,) class numbers, or measured values
    optimum: NDArray[Any] | None  # (rows,) likewise; None where it was not kept
    baseline: NDArray[Any] | None
    kind: Literal["labels", "values"]
    label_names: tuple[str, ...]  # of the classes; empty where they have no names
    feature_names: tuple[str, ...]  # of the columns of x; empty where they have no names
    x: NDArray[Any]  # (rows, ...) the test rows as stored: pictures or columns


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How to come by every figure again."""

    versions: Mapping[str, str]  # package -> version installed where the page was made
    python: str
    platform: str
    seeds: Mapping[str, int]  # what is drawn from it -> seed
    commands: tuple[str, ...]  # in the order to give them
    data: Mapping[str, str]  # file or table -> its checksum, in words
    made_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A part the page cannot tell, and what makes it."""

    part: str  # which part of the page: search, comparison, sweeps, greedy, importances, curves, predictions, data
    what: str  # "the comparison"
    why: str  # one clause
    command: str | None = None  # None: no command makes it


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All a report page tells about one search. What is None or empty is accounted for in `missing`."""

    record: "StudyRecord"
    definition: Searchable | None  # None: it cannot be loaded here
    status: "StudyStatus"
    trials: tuple[TrialPoint, ...]  # in the order they settled; those running last
    comparison: "CompareReport | None"
    sweeps: "SweepReport | None"
    greedy: "GreedyReport | None"
    claims: tuple["ClaimFinding", ...]
    importances: "Importances | None"
    interaction: "Interaction | None"
    curves: Curves | None
    predictions: Predictions | None
    provenance: Provenance
    missing: tuple[Missing, ...]
    incumbents: tuple["Incumbent", ...] = ()  # configurations complete at the highest fidelity, the best first
    climb: "ClimbFindings | None" = None  # what the rungs say of one another; None: it stays on one fidelity
    networks: tuple[ProbedNetwork, ...] = ()
    # what trials saw inside theirs, by their numbers; empty where the definition asks for no looks

    @property
    def prints_figures(self) -> bool:
        """Whether the source prints figures for rows of its tables."""
        return self.definition is not None and any(row.reported for one in self.definition.sweeps for row in one.rows)

    @property
    def source(self) -> str:
        """What the tables and conclusions are from, as a noun."""
        return self.definition.source if self.definition else "report"


def hand_alone(record: "StudyRecord", definition: Searchable, status: "StudyStatus") -> bool:
    """Whether the search has nothing but the hand-picked configuration to show, which needs no comparison."""
    hand = hand_picked(definition.baselines, record.space, record.hand)
    if status.best is None or status.complete > len(status.rungs) or hand is None:
        return False  # where it climbs, the baseline is on each rung
    return dict(status.best.params) == dict(hand.params_in(record.space))
