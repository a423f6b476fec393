"""A study definition: everything that makes a model searchable, in one record."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import DefinitionError
from hpo.study.baseline import Baseline
from hpo.study.checked_records import Count, Name, Positive, Whole, check
from hpo.study.claim import Claim
from hpo.study.direction import Direction, better_word
from hpo.study.evaluation import Evaluation, Fidelity, OwnSplits, ValidationData, as_evaluation
from hpo.study.infeasibility import Rule, always_feasible, why_infeasible
from hpo.study.objectives import DIRECTIONS, UNFINISHED, spelled, unknown
from hpo.study.own_metric import Metric, OwnMetric, ScoreFunction
from hpo.study.searchable import named
from hpo.study.space import Params, Space
from hpo.study.sweep_table import Ablation, Sweep
from hpo.study.value_checks import function, keep
from hpo.study.version import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hpo.data import Dataset
    from hpo.training import Recipe

__all__ = ["StudyDefinition"]


@dataclass(frozen=True, kw_only=True)
class StudyDefinition:
    """What can be searched: data, model builder, spaces, baselines, sweeps, fidelities, evaluation.

    Raises:
        DefinitionError: a field is not of its kind, the direction is not the metric's, it has no space or no fidelity,
            two things share a name, a space does not contain a baseline, a sweep's row is not a configuration of the
            default space, a claim is about a sweep or a row that is not there, the margin is not above zero, fewer
            than 1 label, a sweep to be drawn by layer is not there.

    """

    name: Name  # short; begins the names of its studies
    title: str  # one line for a person
    data: Callable[[], "Dataset"]  # loads the rows; called once in each worker
    build: Callable[[Params], "Recipe"]  # a configuration -> what to train; called for each training, seeded
    metric: Name  # what the value is: accuracy, the name of a Keras metric such as mae or AUC, or that of `score`
    direction: Direction  # which values are better; for a metric that Keras knows, it must be the metric's own
    spaces: tuple[Space, ...]  # the first is the default
    evaluation: Evaluation  # how a search judges a configuration: on rows held out, by folds, on data given apart
    fidelities: tuple[Fidelity, ...]  # the first is what a search uses, the last what a measurement uses
    weighted: bool = False
    # whether rows count in the metric by their sample weights, as in Keras's weighted_metrics; by class weights never
    score: ScoreFunction | None = None
    # (targets, outputs) of all rows scored -> the metric, where it is one's own and Keras has none of its name; of one
    # that is weighted (targets, outputs, weights)
    unit: str = ""  # of the metric, as printed after a figure: "thousand dollars"
    baselines: tuple[Baseline, ...] = ()  # the first is what a search is compared with
    source: Name = "report"  # what the sweeps and claims are from, as a noun: report, chapter, paper
    sweeps: tuple[Sweep, ...] = ()  # in the source's order
    claims: tuple[Claim, ...] = ()  # the source's conclusions, which measured sweeps are held against
    ablations: tuple[Ablation, ...] = ()  # what techniques add, alone and in company; measured as sweeps are
    probe_rows: Count = 0
    # training rows each trial of a search looks into its network with, before the first epoch and after it; 0: none.
    # 256 take about a third of a second a look. The networks must be Sequential or Functional.
    layered: tuple[str, ...] = ()  # ids of sweeps whose networks a report draws layer by layer; needs probe_rows
    margin: Positive | None = None
    # a difference of the metric too small to matter, in its unit; None: 1 % of the baseline's mean score
    infeasible: Rule = always_feasible
    # why a configuration cannot be trained, known without training it; None where it can
    weigh_costs: bool = True
    # whether a search draws what is dear to train more rarely; False: only what a configuration promises counts
    labels: Whole | None = None
    # training rows whose targets a training is given, drawn by the seed; of the others it has inputs; None: all rows
    pretrain: "Callable[[Params, Recipe, NDArray[np.generic]], Recipe] | None" = None
    # (configuration, recipe, inputs of all rows to train on, labelled or not) -> the recipe, begun from other weights
    file: Path | None = field(default=None, repr=False, compare=False)
    # the file it was loaded from, as the registry found it; None: a package's, or made by a program

    def __post_init__(self) -> None:
        what = f"definition {self.name!r}"
        _refuse_function(self.metric, what)
        keep(self, evaluation=as_evaluation(self.evaluation))
        check(self, kind="definition")
        for optional in ("pretrain", "score"):
            if getattr(self, optional) is not None:
                function(getattr(self, optional), f"{what}: {optional}")
        keep(self, metric=spelled(self.metric))
        self._refuse_metric(what)
        if not self.spaces or not self.fidelities:
            raise DefinitionError(f"{what} needs at least one space and one fidelity")
        for kind, its in (("space", self.spaces), ("baseline", self.baselines), ("fidelity", self.fidelities)):
            _refuse_twins(self.name, kind, [thing.name for thing in its])
        _refuse_twins(self.name, "sweep", [sweep.id for sweep in self.tables])
        for baseline in self.baselines:
            for space in self.spaces:
                self._refuse(space, baseline.params_in(space.name), f"baseline {baseline.name!r}")
        for sweep in self.tables:
            for place, row in enumerate(sweep.rows, start=1):
                self._refuse(self.spaces[0], sweep.configuration(row), f"sweep {sweep.id!r} row {place}")
        self._refuse_layered(what)
        self._refuse_folds(what)
        self._refuse_rows(what)
        _refuse_twins(self.name, "claim", [claim.id for claim in self.claims])
        _refuse_unfounded(self.name, self.claims, {sweep.id: len(sweep.rows) for sweep in self.tables})

    @functools.cached_property
    def tables(self) -> tuple[Sweep, ...]:
        """All that `hpo sweep` can train: the sweeps, then what the ablations are measured by.

        The hand method walks the sweeps alone: an ablation is no choice.
        """
        return (*self.sweeps, *(ablation.table for ablation in self.ablations))

    @functools.cached_property
    def tried_by_hand(self) -> tuple[Sweep, ...]:
        """The sweeps with figures of the source: what somebody trained on the way to the hand-picked configuration."""
        return tuple(sweep for sweep in self.sweeps if any(row.reported for row in sweep.rows))

    def space(self, name: str | None = None) -> Space:
        """The space called `name`; the default one where `name` is None. Raises UsageError where there is none."""
        return named(self.name, "space", self.spaces, name)

    def fidelity(self, name: str) -> Fidelity:
        """The fidelity called `name`. Raises UsageError where there is none."""
        return named(self.name, "fidelity", self.fidelities, name)

    def baseline(self, name: str | None = None) -> Baseline:
        """The baseline called `name`; the first one where `name` is None. Raises UsageError where there is none."""
        return named(self.name, "baseline", self.baselines, name)

    def why_infeasible(self, params: Params) -> str | None:
        """Why the configuration `params` cannot be trained, as `infeasible` says; None where it can.

        Raises:
            DefinitionError: it says something else than a text or None.
            Exception: whatever its code raises.

        """
        return why_infeasible(self.name, self.infeasible, params)

    @property
    def scored_by(self) -> Metric:
        """What a training is scored by: the metric's name, or one's own metric."""
        if self.score is None:
            return self.metric
        return OwnMetric(name=self.metric, function=self.score, direction=self.direction)

    @functools.cached_property
    def version(self) -> str:
        """Which text of the definition this is, 16 hexadecimal digits: of its record and its functions' source files.

        What those files import from their own folder counts, too. Two hosts whose definitions have the same version
        train the same thing. It is read when it is asked for first, so whoever works with the definition for long asks
        for it at once.
        """
        said: tuple[object, ...] = (
            self.name,
            self.metric,
            self.direction,
            self.evaluation,
            self.fidelities,
            self.spaces,
        )
        if self.labels is not None:  # a definition that gives all labels has the version it always had
            said = (*said, self.labels)
        if not self.weigh_costs:  # likewise
            said = (*said, "costs have no say")
        if len(self.fidelities) > 1:  # of which all but the highest train otherwise since there are miniatures
            said = (*said, "resampled schedules, hastened averages")
        if self.score is not None:
            said = (*said, "a score of its own")
        if isinstance(self.evaluation, ValidationData):
            said = (*said, [fidelity.steps for fidelity in self.fidelities])
        if self.weighted:
            said = (*said, "weighted")
        functions = (self.data, self.build, self.infeasible, self.pretrain, self.score, self._splitter)
        return digest(repr(said), [function for function in functions if function is not None], self.file)

    @property
    def _splitter(self) -> Callable[..., object] | None:
        """The function that splits rows, where it is one of somebody's own."""
        splitter = getattr(self.evaluation, "splitter", None)
        return splitter if hasattr(splitter, "__code__") else None

    def _refuse_folds(self, what: str) -> None:
        """Refuse folds of a fidelity where it is not for it to say how many there are."""
        evaluation = self.evaluation
        for fidelity in self.fidelities:
            if fidelity.folds is None:
                continue
            asks = f"{what}: fidelity {fidelity.name!r} asks for {fidelity.folds} folds"
            if isinstance(evaluation, OwnSplits):
                raise DefinitionError(f"{asks}, and splits of one's own are {evaluation.folds}: leave folds out")
            if not evaluation.folded and not isinstance(evaluation, ValidationData):
                raise DefinitionError(
                    f"{asks}, and its evaluation, a {type(evaluation).__name__}, has none: leave folds out, or give "
                    f"evaluation=KFold(folds={fidelity.folds})"
                )

    def _refuse_layered(self, what: str) -> None:
        there = [sweep.id for sweep in self.tables]
        for name in self.layered:
            if name not in there:
                raise DefinitionError(
                    f"{what}: layered names a sweep {name!r}, which there is not; there are: "
                    f"{', '.join(there) or 'none'}"
                )

    def _refuse_rows(self, what: str) -> None:
        """Refuse parts of streams where there are rows, and of rows where there are streams."""
        streamed = isinstance(self.evaluation, ValidationData)
        for fidelity in self.fidelities:
            for name in ("rows", "folds") if streamed else ("steps",):
                if getattr(fidelity, name) is not None:
                    data, remedy = ("streams", "epochs or steps") if streamed else ("rows", "epochs, rows or folds")
                    raise DefinitionError(
                        f"{what}: fidelity {fidelity.name!r} has {name}, and the evaluation, a "
                        f"{type(self.evaluation).__name__}, is one of {data}: give {remedy}"
                    )
        for name in ("labels", "pretrain", "probe_rows", "weighted") if streamed else ():
            if getattr(self, name):
                raise DefinitionError(f"{what}: {name} is for data in rows, and the evaluation is ValidationData")

    def _refuse_metric(self, what: str) -> None:
        if self.score is None and self.metric in UNFINISHED:
            raise DefinitionError(
                f"{what}: Keras's metric {self.metric!r} has to be told a number first, which a name cannot: give "
                "score=, a function of all targets and all outputs, and a metric name of your own"
            )
        if (
            self.score is None and self.metric not in DIRECTIONS and ">" not in self.metric
        ):  # as of one that is registered
            raise DefinitionError(f"{what}: {unknown(self.metric)}")
        if self.score is not None and self.metric in DIRECTIONS:
            raise DefinitionError(
                f"{what}: metric {self.metric!r} is one of Keras's, and score is a function of one's own: give it "
                "another name, or leave score out"
            )
        better = DIRECTIONS.get(self.metric, self.direction)
        if self.direction != better:
            raise DefinitionError(
                f"{what}: {self.metric} is better the {better_word(better)} it is, so its direction is {better}, "
                f"not {self.direction}"
            )

    def _refuse(self, space: Space, params: Params, what: str) -> None:
        problem = space.problem(params)
        if problem:
            raise DefinitionError(f"definition {self.name!r}: space {space.name!r} does not contain {what}: {problem}")


def _refuse_function(metric: object, what: str) -> None:
    """Refuse a function in place of a metric's name."""
    if callable(metric):
        name = getattr(metric, "__name__", "mine")
        raise DefinitionError(
            f"{what}: metric is a name, not a function: give metric={name!r} and score={name}, a function of all "
            "targets and all outputs"
        )


def _refuse_twins(definition: str, kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DefinitionError(f"definition {definition!r} has two of its {kind} entries named {name!r}")


def _refuse_unfounded(definition: str, claims: Sequence[Claim], tables: Mapping[str, int]) -> None:
    """Refuse claims about tables and rows that are not there; `tables`: sweep id -> how many rows it has."""
    for claim in claims:
        for contrast in claim.contrasts:
            begin = f"definition {definition!r}: claim {claim.id!r} is about"
            if contrast.sweep not in tables:
                known = ", ".join(tables) or "none"
                raise DefinitionError(f"{begin} a sweep {contrast.sweep!r}, which there is not; there are: {known}")
            rows = tables[contrast.sweep]
            for row in (*contrast.rows, *contrast.than):
                if not 0 <= row < rows:
                    raise DefinitionError(
                        f"{begin} row {row} of sweep {contrast.sweep!r}, whose {rows} rows are counted from 0"
                    )
