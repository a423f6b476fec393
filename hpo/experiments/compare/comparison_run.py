"""Whether the automated optimum beats the hand-picked configuration, and by how much."""

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from hpo.analysis import Comparison, Failures, compare
from hpo.errors import HpoError
from hpo.experiments import measure
from hpo.experiments.compare import interim_analyses
from hpo.experiments.compare.budget import budget
from hpo.experiments.compare.comparison_jobs import PairRows, failed_trainings, pair_scores
from hpo.experiments.compare.comparison_plan import ComparePlan, Measured, Stage, walk
from hpo.experiments.compare.comparison_report import Claimed, CompareReport, Scores
from hpo.experiments.compare.comparison_request import Contest
from hpo.experiments.compare.interim_analyses import InterimAnalysis
from hpo.experiments.measure import Limits, Result
from hpo.experiments.study_execution import remaining
from hpo.fleet.supervisor.worker_exit import dead_holders, free_abandoned
from hpo.observers.hosting import observing
from hpo.storage import Storage, studies
from hpo.storage.queries.status import Ended, Progress
from hpo.study import registry

__all__ = ["Unfinished", "conclude", "read", "run_comparison", "withdraw_others"]

_WHY = {
    "interrupted": "interrupted",
    "timeout": "its time is up",
    "stopped": "stopped (hpo resume {study} lets it go on)",
}


class Unfinished(HpoError):  # noqa: N818 - an outcome
    """A comparison that was stopped before its pairs were complete: nobody has looked, and nothing is spent."""

    def __init__(self, message: str, *, ended: Ended | None) -> None:
        self.ended = ended
        self.exit_code = 130 if ended == "interrupted" else 1
        super().__init__(message)


def run_comparison(plan: ComparePlan, on_progress: Callable[[Stage, Progress], None] | None = None) -> CompareReport:
    """Race, then pairs, then the verdict; what an earlier run has trained is not trained again.

    Args:
        plan: what to do.
        on_progress: told a few times a second how far which stage is.

    Raises:
        StudyError: one side could not be trained at all.
        StorageError: the database cannot be reached, read or written.
        Unfinished: it was interrupted, or its time was up; what is done is kept.

    """
    limits, began = plan.contest.request.limits, time.monotonic()
    its = tuple(dict.fromkeys(one.stage.plan.name for one in plan.stages))
    with observing(plan.storage.url, plan.contest.request.observers, its) as observed:
        try:
            measured = walk(
                plan.storage,
                plan.contest,
                lambda stage: _do(plan.storage, stage, remaining(limits, began), on_progress),
            )
        except Unfinished as error:
            observed.ended(None if limits.workers == 0 else error.ended)  # a fleet goes on with it
            raise
    return conclude(plan.storage, plan.contest, measured)


def read(storage: Storage, study: str) -> CompareReport | None:
    """What the last interim analysis of a search told; None where there was none. Nothing is trained.

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


def _do(
    storage: Storage, stage: Stage, limits: Limits, on_progress: Callable[[Stage, Progress], None] | None
) -> Mapping[str, Result]:
    """Carry out a stage to its end. Raises Unfinished."""
    study = stage.plan.name
    withdraw_others(storage, stage, limits)
    on_its = None if on_progress is None else lambda now: on_progress(stage, now)
    progress = measure.measure(storage, stage.plan, stage.jobs, limits, on_its)
    results = measure.results(storage, study)
    done = sum(job.key in results for job in stage.jobs)
    if done < len(stage.jobs) or progress.ended == "interrupted":
        why = _WHY.get(progress.ended or "", "another comparison of this search took over")
        raise Unfinished(
            f"{why.format(study=shlex.quote(study))} in stage {stage.name!r} with {done} of {len(stage.jobs)} "
            "trainings done; they are kept, nobody has looked at a verdict, and the same command goes on from there",
            ended=progress.ended,
        )
    return results


def withdraw_others(storage: Storage, stage: Stage, limits: Limits) -> None:
    """Take back what dead workers hold of a stage, and what is open of it and is asked for no more."""
    if stage.plan.kind != "sweep":
        free_abandoned(storage, dead_holders(storage, stage.plan.name), max_attempts=limits.max_attempts)
        measure.withdraw(storage, stage.plan.name, {job.key for job in stage.jobs})


def conclude(storage: Storage, both: Contest, measured: Measured) -> CompareReport:
    """Judge the pairs, and write down what was seen. Raises StudyError and StorageError."""
    failed = failed_trainings(storage, both, measured.optimum, measured.pairs.values())
    judged = [_judge(storage, both, measured, rows, failed) for rows in measured.pairs]
    (analysis, comparison, scores), *second = judged
    definition, record = both.definition, both.record
    now = [one for one, _, _ in judged]
    taken = [
        next((one for one in now if one.about == known.about), known)
        for known in interim_analyses.history(storage, record)
    ]
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
        rows=analysis.rows,
        comparison=comparison,
        scores=scores,
        resampled=second[0][1] if second else None,
        resampled_scores=second[0][2] if second else None,
        interim_analyses=tuple(taken),
        budget=budget(storage, record, definition, both.baseline.params),
        claimed=_claimed(both, measured),
    )
    document = report.to_json()
    for one, its, _ in reversed(judged):
        interim_analyses.conclude(storage, record, one, its, document)
    return report


def _judge(
    storage: Storage, both: Contest, measured: Measured, rows: PairRows, failed: Failures
) -> tuple[InterimAnalysis, Comparison, Scores]:
    """What the pairs on those rows say, as an interim analysis that is counted before anything is seen."""
    from hpo.search import digest

    scores = pair_scores(*measured.pairs[rows], both.definition.direction)
    taken = interim_analyses.take(
        storage,
        both.record,
        rows=rows,
        baseline=both.baseline.name,
        fidelity=both.fidelity.name,
        optimum=digest(measured.optimum.params),
        pairs=len(scores.optimum),
    )
    asked = both.request.margin
    comparison = compare(
        scores.optimum,
        scores.baseline,
        direction=both.definition.direction,
        margin=asked if asked is not None else both.definition.margin,
        alpha=taken.alpha,
        test_share=_test_share(both) if rows == "resampled" else None,
        failures=failed,
        seed=both.record.seed,
    )
    seen = replace(taken, p_value=comparison.p_value, verdict=comparison.verdict, looked_at=time.time())
    return seen, comparison, scores


def _test_share(both: Contest) -> float:
    """Test rows for each training row of a resampled pair: as many test rows as the definition has, the rest trains."""
    from hpo.search.row_splits import in_rows

    data = in_rows(registry.load(both.record.reference))
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
