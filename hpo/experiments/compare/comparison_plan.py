"""What a comparison is going to do: its stages, each a study of jobs, and about how long they take.

A stage depends on what those before it came to, so `walk` goes through them with whoever foresees them, here, or
carries them out. Nothing is changed by planning. The database is opened here and handed on with the plan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hpo import storage as storages
from hpo.errors import UsageError
from hpo.experiments import measure
from hpo.experiments.compare.comparison_jobs import FINALISTS, PairRows, Trained, heat, heat_jobs, pair_jobs, pairs_done
from hpo.experiments.compare.comparison_report import Heat, Side
from hpo.experiments.compare.comparison_request import CompareRequest, Contest, contest
from hpo.experiments.measure import Result
from hpo.storage import Storage
from hpo.storage.studies import Kind, StudyPlan
from hpo.study import Fidelity, ValidationData

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = ["ComparePlan", "Do", "Foreseen", "Measured", "Stage", "StageName", "plan_comparison", "walk"]

StageName = Literal["race", "second heat", "final", "resampled", "as reported"]
_CLAIM_REPEATS = 3  # trainings of the baseline as the report trained it


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: what is measured, and where."""

    name: StageName
    about: str  # what it does, for a person
    plan: StudyPlan
    jobs: "tuple[Job, ...]"


Do = Callable[[Stage], Mapping[str, Result] | None]
"""Carries out a stage and gives the result of every job of it by key; None: it is only being foreseen."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What all stages came to."""

    heats: tuple[Heat, ...]
    optimum: Side  # winner of the last heat; while foreseen, the favourite
    pairs: dict[PairRows, Trained]  # the verdict's first, then the second line's
    as_reported: Trained | None  # None: the report has no row with the baseline


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """One stage before it runs."""

    stage: Stage  # while an earlier stage is not done, with the favourite for the winner
    left: int  # trainings to do
    seconds: float | None  # about; None: nothing to tell it from


@dataclass(frozen=True, kw_only=True)
class ComparePlan:
    """What a comparison is going to do. It holds the database open until it is closed (`contextlib.closing`)."""

    storage: Storage  # open
    contest: Contest
    stages: tuple[Foreseen, ...]
    changed: bool  # the definition's code is another one than when one of its studies was asked for last

    @property
    def left(self) -> int:
        """Trainings to do, all stages together."""
        return sum(stage.left for stage in self.stages)

    @property
    def seconds(self) -> float | None:
        """About how long they take; None: nothing to tell it from."""
        known = [stage.seconds for stage in self.stages if stage.seconds is not None]
        return sum(known) if len(known) == len(self.stages) else None

    def close(self) -> None:
        """Close the database."""
        self.storage.close()


def plan_comparison(request: CompareRequest) -> ComparePlan:
    """What is going to be done and about how long it takes. Nothing is trained or written.

    Raises:
        StudyError, DefinitionError, UsageError: as `contest`.
        StorageError: the database cannot be read.

    """
    storage = storages.open(request.storage)
    foreseen: list[Foreseen] = []

    def foresee(stage: Stage) -> Mapping[str, Result] | None:
        left, seconds = measure.estimate(storage, stage.plan, stage.jobs, request.limits.workers)
        foreseen.append(Foreseen(stage=stage, left=left, seconds=seconds))
        return None if left else measure.results(storage, stage.plan.name)

    try:
        both = contest(storage, request)
        walk(storage, both, foresee)
        changed = any(measure.changed(storage, one.stage.plan) for one in foreseen)
    except BaseException:
        storage.close()
        raise
    return ComparePlan(storage=storage, contest=both, stages=tuple(foreseen), changed=changed)


def walk(storage: Storage, contest: Contest, do: Do) -> Measured:
    """Go through the stages in order; each depends on what those before it came to.

    Raises:
        StudyError: no candidate could be trained again.

    """
    heats, optimum = _race(contest, do)
    pairs: dict[PairRows, Trained] = {}
    for rows in _kinds(contest):
        stage = _final(storage, contest, optimum, rows)
        pairs[rows] = (stage.jobs, do(stage) or {})
    claim = _claim(storage, contest)
    reported = None if claim is None else (claim.jobs, _as_reported(storage, contest, claim, do))
    return Measured(heats=heats, optimum=optimum, pairs=pairs, as_reported=reported)


def _race(contest: Contest, do: Do) -> tuple[tuple[Heat, ...], Side]:
    """The heats that could be judged, and the winner of the last of them.

    A search that climbed has confirmed its optimum at its highest fidelity, so that none is run there.
    """
    sides, heats = list(contest.candidates), []
    rounds: list[tuple[StageName, Fidelity, int]] = []
    if not contest.confirmed:
        rounds.append(("race", contest.search_fidelity, contest.request.rounds))
    if contest.fidelity != contest.search_fidelity:
        rounds.append(("second heat", contest.fidelity, 1))
    for name, fidelity, splits in rounds:
        entered = [*(sides if name == "race" else sides[:FINALISTS]), contest.baseline]
        results = do(_heat_stage(contest, entered, splits, fidelity, name))
        if results is not None:
            heats.append(heat(contest, entered, splits, fidelity, results))
            named = {side.name: side for side in entered[:-1]}
            sides = [named[racer.name] for racer in heats[-1].finding.order if racer.name in named]
    return tuple(heats), sides[0]


def _heat_stage(contest: Contest, sides: list[Side], rounds: int, fidelity: Fidelity, name: StageName) -> Stage:
    splits = "one split" if rounds == 1 else f"{rounds} common splits"
    trials = "the best trial" if len(sides) == 2 else f"the {len(sides) - 1} best trials"
    return Stage(
        name=name,
        about=f"{trials} and baseline {contest.baseline.name} on {splits} of the development rows",
        plan=_plan(contest, "race", fidelity),
        jobs=tuple(heat_jobs(contest, sides, rounds)),
    )


def _kinds(contest: Contest) -> list[PairRows]:
    """The kinds of pairs to run, the verdict's first."""
    resample = contest.request.resample
    if contest.record.by_objective:
        return ["own"]
    evaluation = contest.definition.evaluation
    if resample and evaluation.fixed:
        raise UsageError(
            f"test rows of {contest.definition.name} cannot be drawn anew: {evaluation.fixed}; leave --resample out"
        )
    if isinstance(evaluation, ValidationData):
        return ["development"]
    if resample:
        return ["resampled"]
    second = resample is None and evaluation.redrawn
    return ["share", "resampled"] if second else ["share"]


def _final(storage: Storage, contest: Contest, optimum: Side, rows: PairRows) -> Stage:
    plan = _plan(contest, "resampled" if rows == "resampled" else "pairs", contest.fidelity)
    asked = contest.request.pairs
    there = pairs_done(contest, optimum, rows, measure.results(storage, plan.name))
    pairs = max(asked, there)  # what has been trained counts: to choose among pairs would be to choose a verdict
    anew = {
        "share": "trainings, each on 90 % of the development rows, drawn anew",
        "resampled": "trainings, each on train and test rows drawn anew",
        "development": "trainings, each with a new seed",
        "own": "runs of the objective, each with a new seed",
    }[rows]
    beyond = f" ({there} are there already, and all of them count)" if there > asked else ""
    return Stage(
        name="resampled" if rows == "resampled" else "final",
        about=f"{pairs} pairs of {anew}{beyond}",
        plan=plan,
        jobs=tuple(pair_jobs(contest, optimum, rows, pairs)),
    )


def _claim(storage: Storage, contest: Contest) -> Stage | None:
    """The baseline trained as the report trained it, among the rows of its tables; None: it is in none of them."""
    from hpo.experiments.sweep.sweep_jobs import as_reported, sweep_study

    definition = contest.definition
    if not any(
        sweep.configuration(row) == dict(contest.hand.params) for sweep in definition.sweeps for row in sweep.rows
    ):
        return None
    last = definition.fidelities[-1]
    plan = sweep_study(storage, definition, contest.record.reference, last.name)
    return Stage(
        name="as reported",
        about=f"baseline {contest.hand.name} on all development rows, {_CLAIM_REPEATS} times",
        plan=plan,
        jobs=tuple(as_reported(definition, contest.hand.params, _CLAIM_REPEATS, plan.seed or 0)),
    )


def _as_reported(storage: Storage, contest: Contest, claim: Stage, do: Do) -> Mapping[str, Result]:
    """What there is of the baseline as reported; trained only where the final is as thorough as the report was.

    Nor is it where a sweep was stopped before its end: to train in its study would be to finish it first, for hours.
    """
    thorough = contest.fidelity == contest.definition.fidelities[-1]
    if thorough and not measure.unwanted(storage, claim.plan.name, {job.key for job in claim.jobs}):
        return do(claim) or {}
    return measure.results(storage, claim.plan.name)


def _plan(contest: Contest, kind: Kind, fidelity: Fidelity) -> StudyPlan:
    return measure.study(
        contest.definition,
        contest.record.reference,
        kind=kind,
        space=contest.space.name,
        fidelity=fidelity.name,
        parent=contest.record.name,
        seed=contest.record.seed,
    )
