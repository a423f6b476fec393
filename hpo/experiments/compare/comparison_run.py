"""Whether the automated optimum beats the hand-picked configuration, and by how much."""

import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

from hpo.analysis import Comparison, Failures
from hpo.analysis import compare as compared
from hpo.errors import HpoError
from hpo.experiments import measure
from hpo.experiments.compare import interim_analyses
from hpo.experiments.compare.budget import budget
from hpo.experiments.compare.comparison_plan import ComparePlan, plan_comparison
from hpo.experiments.compare.comparison_report import Claimed, CompareReport, Scores
from hpo.experiments.compare.comparison_request import CompareRequest
from hpo.experiments.compare.contestants import Contest
from hpo.experiments.compare.interim_analyses import InterimAnalysis
from hpo.experiments.compare.pairs import PairRows, pair_scores
from hpo.experiments.compare.stages import Measured, Stage, walk
from hpo.experiments.compare.training_failures import failed_trainings
from hpo.experiments.measure import Limits, Result, withdraw
from hpo.fleet.supervisor.worker_exit import dead_holders, free_abandoned
from hpo.storage import Storage, studies
from hpo.storage.queries.status import Progress

__all__ = ["Unfinished", "compare", "read", "run_comparison"]

_WHY = {
    "interrupted": "interrupted",
    "timeout": "its time is up",
    "stopped": "stopped (hpo resume {study} lets it go on)",
}


class Unfinished(HpoError):  # noqa: N818 - an outcome
    """A comparison that was stopped before its pairs were complete: nobody has looked, and nothing is spent."""

    def __init__(self, message: str, *, stage: Stage, progress: Progress) -> None:
        self.stage = stage  # it was in
        self.progress = progress  # of that stage
        self.exit_code = 130 if progress.ended == "interrupted" else 1
        super().__init__(message)


def compare(request: CompareRequest, on_progress: Callable[[Stage, Progress], None] | None = None) -> CompareReport:
    """Plan what is asked for and do it, as `run_comparison` does. Raises what it and `plan_comparison` raise."""
    with closing(plan_comparison(request)) as plan:
        return run_comparison(plan, on_progress)


def run_comparison(plan: ComparePlan, on_progress: Callable[[Stage, Progress], None] | None = None) -> CompareReport:
    """Race, then pairs, then the verdict of this look; what an earlier run has trained is not trained again.

    Args:
        plan: what to do.
        on_progress: told a few times a second how far which stage is.

    Raises:
        StudyError: one side could not be trained at all.
        StorageError: the database cannot be reached, read or written.
        Unfinished: it was interrupted, or its time was up; what is done is kept.

    """
    storage, request = plan.storage, plan.request
    measured = walk(storage, plan.contest, request, _Doing(storage, request.limits, on_progress))
    return _tell(storage, plan.contest, request, measured)


def read(storage: Storage, study: str) -> CompareReport | None:
    """What the last look at the comparison of a search told; None where there was none. Nothing is trained.

    A report that another version of hpo wrote in other words counts as none: to compare again trains nothing and
    spends nothing.

    Args:
        storage: where the search is.
        study: its name.

    Raises:
        StudyError: there is no such study.

    """
    document = interim_analyses.last_document(storage, studies.get(storage, study))
    try:
        return None if document is None else CompareReport.from_json(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


class _Doing:
    """Carries out stages within one time limit for all of them."""

    def __init__(self, storage: Storage, limits: Limits, on_progress: Callable[[Stage, Progress], None] | None) -> None:
        self._storage = storage
        self._limits = limits
        self._on_progress = on_progress
        self._deadline = None if limits.timeout is None else time.monotonic() + limits.timeout

    def __call__(self, stage: Stage) -> Mapping[str, Result]:
        limits = self._limits
        if self._deadline is not None:
            limits = replace(limits, timeout=max(0.001, self._deadline - time.monotonic()))
        shown = self._on_progress
        if stage.plan.kind != "sweep":
            dead = dead_holders(self._storage, stage.plan.name)
            free_abandoned(self._storage, dead, max_attempts=limits.max_attempts)
            withdraw(self._storage, stage.plan.name, {job.key for job in stage.jobs})
        progress = measure.measure(
            self._storage, stage.plan, stage.jobs, limits, None if shown is None else lambda now: shown(stage, now)
        )
        results = measure.results(self._storage, stage.plan.name)
        done = sum(job.key in results for job in stage.jobs)
        if done < len(stage.jobs) or progress.ended == "interrupted":
            why = _WHY.get(progress.ended or "", "another comparison of this search took over")
            why = why.format(study=shlex.quote(stage.plan.name))
            raise Unfinished(
                f"{why} in stage {stage.name!r} with {done} of {len(stage.jobs)} trainings done; they are kept, nobody "
                "has looked at a verdict, and the same command goes on from there",
                stage=stage,
                progress=progress,
            )
        return results


def _tell(storage: Storage, both: Contest, request: CompareRequest, measured: Measured) -> CompareReport:
    """InterimAnalysis at the pairs, and write down what was seen."""
    failed = failed_trainings(storage, both, measured)
    told = [_look(storage, both, request, measured, rows, failed) for rows in measured.pairs]
    definition, record = both.definition, both.record
    seen = {(look.rows, look.baseline, look.fidelity, look.optimum, look.pairs): look for look, _, _ in told}
    taken = [
        seen.get((look.rows, look.baseline, look.fidelity, look.optimum, look.pairs), look)
        for look in interim_analyses.history(storage, record)
    ]
    second = told[1] if len(told) > 1 else None
    report = CompareReport(
        study=record.name,
        definition=definition.name,
        space=both.space.name,
        metric=definition.metric,
        unit=definition.unit,
        direction=definition.direction,
        search_fidelity=both.search_fidelity.name,
        fidelity=both.fidelity.name,
        baseline=both.baseline,
        optimum=measured.optimum,
        heats=measured.heats,
        rows=told[0][0].rows,
        comparison=told[0][1],
        scores=told[0][2],
        resampled=None if second is None else second[1],
        resampled_scores=None if second is None else second[2],
        looks=tuple(taken),
        budget=budget(storage, record, definition, both.baseline.params),
        claimed=_claimed(both, measured),
    )
    document = report.to_json()
    for look, comparison, _ in reversed(told):
        interim_analyses.conclude(storage, record, look, comparison, document)
    return report


def _look(
    storage: Storage, both: Contest, request: CompareRequest, measured: Measured, rows: PairRows, failed: Failures
) -> tuple[InterimAnalysis, Comparison, Scores]:
    from hpo.search import digest

    jobs, results = measured.pairs[rows]
    scores = pair_scores(jobs, results, both.definition.direction)
    look = interim_analyses.take(
        storage,
        both.record,
        rows=rows,
        baseline=both.baseline.name,
        fidelity=both.fidelity.name,
        optimum=digest(measured.optimum.params),
        pairs=len(scores.optimum),
    )
    margin = request.margin if request.margin is not None else both.definition.margin
    comparison = compared(
        scores.optimum,
        scores.baseline,
        direction=both.definition.direction,
        margin=margin,
        alpha=look.alpha,
        test_share=_test_share(both) if rows == "resampled" else None,
        failures=failed,
        seed=both.record.seed,
    )
    told = replace(look, p_value=comparison.p_value, verdict=comparison.verdict, looked_at=time.time())
    return told, comparison, scores


def _test_share(both: Contest) -> float:
    """Test rows for each training row of a resampled pair: as many test rows as the definition has, the rest trains."""
    from hpo.search.row_splits import load

    data = load(both.definition)
    return len(data.test) / len(data.development)


def _claimed(both: Contest, measured: Measured) -> Claimed | None:
    """What the last table with the baseline in it reports, beside what came out."""
    if measured.as_reported is None:
        return None
    jobs, results = measured.as_reported
    reported: Mapping[str, Decimal] = {}
    for sweep in both.definition.sweeps:
        for row in sweep.rows:
            if sweep.configuration(row) == dict(both.hand.params):
                reported = row.reported
    found = [results[job.key] for job in jobs if job.key in results]
    figures = {
        "train": [result.train for result in found],
        "test": [result.value for result in found],
        "seconds": [result.seconds for result in found],
    }
    measured_figures = {name: tuple(v for v in values if v is not None) for name, values in figures.items()}
    return Claimed(reported=dict(reported), measured={name: v for name, v in measured_figures.items() if v})
