"""The stages of a comparison, each a study of jobs: race, final, the baseline as reported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hpo.experiments import measure
from hpo.experiments.compare.comparison_race import FINALISTS, heat, heat_jobs
from hpo.experiments.compare.comparison_report import Heat, Side
from hpo.experiments.compare.comparison_request import CompareRequest
from hpo.experiments.compare.contestants import Contest
from hpo.experiments.compare.pairs import PairRows, pair_jobs, pairs_done
from hpo.experiments.measure import Result, unwanted
from hpo.storage import Storage
from hpo.storage.studies import Kind, StudyPlan
from hpo.study import Fidelity, KFold

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = ["CLAIM_REPEATS", "Do", "Measured", "Stage", "StageName", "walk"]

StageName = Literal["race", "second heat", "final", "resampled", "as reported"]
CLAIM_REPEATS = 3  # trainings of the baseline as the report trained it


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: what is measured, and where."""

    name: StageName
    about: str  # what it does, for a person
    plan: StudyPlan
    jobs: "tuple[Job, ...]"

    @property
    def fidelity(self) -> str:
        """The name of the fidelity its jobs are trained at."""
        return self.plan.fidelity


Do = Callable[[Stage], "Mapping[str, Result] | None"]
"""Carries out a stage and gives the result of every job of it by key; None: it is only being foreseen."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What all stages came to."""

    heats: tuple[Heat, ...]
    optimum: Side  # winner of the last heat; while foreseen, the favourite
    pairs: "dict[PairRows, tuple[tuple[Job, ...], Mapping[str, Result]]]"  # the verdict's first, then the second line's
    as_reported: "tuple[tuple[Job, ...], Mapping[str, Result]] | None"  # None: the report has no row with the baseline


def walk(storage: Storage, contest: Contest, request: CompareRequest, do: Do) -> Measured:
    """Go through the stages in order; each depends on what those before it came to.

    Raises:
        StudyError: no candidate could be trained again.

    """
    heats, optimum = _race(contest, request, do)
    pairs: dict[PairRows, tuple[tuple[Job, ...], Mapping[str, Result]]] = {}
    for rows in _kinds(contest, request):
        stage = _final(storage, contest, request, optimum, rows)
        pairs[rows] = (stage.jobs, do(stage) or {})
    claim = _claim(storage, contest)
    told = None if claim is None else (claim.jobs, _told(storage, contest, claim, do))
    return Measured(heats=heats, optimum=optimum, pairs=pairs, as_reported=told)


def _race(contest: Contest, request: CompareRequest, do: Do) -> tuple[tuple[Heat, ...], Side]:
    sides = list(contest.candidates)
    first = _heat_stage(contest, [*sides, contest.baseline], request.rounds, contest.search_fidelity, "race")
    results = do(first)
    heats: list[Heat] = []
    if results is not None:
        heats.append(heat(contest, [*sides, contest.baseline], request.rounds, contest.search_fidelity, results))
        sides = _order(heats[-1], sides)
    if contest.fidelity != contest.search_fidelity:
        sides = sides[:FINALISTS]
        results = do(_heat_stage(contest, [*sides, contest.baseline], 1, contest.fidelity, "second heat"))
        if results is not None:
            heats.append(heat(contest, [*sides, contest.baseline], 1, contest.fidelity, results))
            sides = _order(heats[-1], sides)
    return tuple(heats), sides[0]


def _order(run: Heat, sides: list[Side]) -> list[Side]:
    """The trials of a heat, best first."""
    named = {side.name: side for side in sides}
    return [named[racer.name] for racer in run.finding.order if racer.name in named]


def _heat_stage(contest: Contest, sides: list[Side], rounds: int, fidelity: Fidelity, name: StageName) -> Stage:
    splits = "one split" if rounds == 1 else f"{rounds} common splits"
    trials = "the best trial" if len(sides) == 2 else f"the {len(sides) - 1} best trials"
    return Stage(
        name=name,
        about=f"{trials} and baseline {contest.baseline.name} on {splits} of the development rows",
        plan=_plan(contest, "race", fidelity),
        jobs=tuple(heat_jobs(contest, sides, rounds)),
    )


def _kinds(contest: Contest, request: CompareRequest) -> list[PairRows]:
    """The kinds of pairs to run, the verdict's first."""
    if request.resample:
        return ["resampled"]
    second = request.resample is None and isinstance(contest.definition.evaluation, KFold)
    return ["share", "resampled"] if second else ["share"]


def _final(storage: Storage, contest: Contest, request: CompareRequest, optimum: Side, rows: PairRows) -> Stage:
    plan = _plan(contest, "pairs" if rows == "share" else "resampled", contest.fidelity)
    there = pairs_done(contest, optimum, rows, measure.results(storage, plan.name))
    pairs = max(
        request.pairs, there
    )  # what has been trained counts: to choose among pairs would be to choose a verdict
    anew = "90 % of the development rows, drawn anew" if rows == "share" else "train and test rows drawn anew"
    beyond = f" ({there} are there already, and all of them count)" if there > request.pairs else ""
    return Stage(
        name="final" if rows == "share" else "resampled",
        about=f"{pairs} pairs of trainings, each on {anew}{beyond}",
        plan=plan,
        jobs=tuple(pair_jobs(contest, optimum, rows, pairs)),
    )


def _claim(storage: Storage, contest: Contest) -> Stage | None:
    """The baseline trained as the report trained it, among the rows of its tables; None: it is in none of them."""
    from hpo.experiments.sweep.sweep_jobs import as_reported, study_seed, sweep_plan

    definition = contest.definition
    if not any(
        sweep.configuration(row) == dict(contest.hand.params) for sweep in definition.sweeps for row in sweep.rows
    ):
        return None
    last = definition.fidelities[-1]
    seed = study_seed(storage, definition, last.name)
    plan = sweep_plan(definition, contest.record.reference, last.name, seed)
    return Stage(
        name="as reported",
        about=f"baseline {contest.hand.name} on all development rows, {CLAIM_REPEATS} times",
        plan=plan,
        jobs=tuple(as_reported(definition, contest.hand.params, CLAIM_REPEATS, seed)),
    )


def _told(storage: Storage, contest: Contest, claim: Stage, do: Do) -> "Mapping[str, Result]":
    """What there is of the baseline as reported; trained only where the final is as thorough as the report was.

    Nor is it where a sweep was stopped before its end: to train in its study would be to finish it first, for hours.
    """
    thorough = contest.fidelity == contest.definition.fidelities[-1]
    if thorough and not unwanted(storage, claim.plan.name, {job.key for job in claim.jobs}):
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
