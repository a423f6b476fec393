"""Doing what a sweep plans: its tables trained again, or the hand method followed."""

import time
from collections.abc import Callable

from hpo.experiments import measure
from hpo.experiments.study_execution import remaining
from hpo.experiments.sweep.greedy_method import GreedyReport, Walk, report_greedy, walk
from hpo.experiments.sweep.sweep_plan import SweepPlan
from hpo.experiments.sweep.sweep_report import SweepReport, report_of
from hpo.observers.hosting import observing
from hpo.storage.queries.status import Ended, Progress

__all__ = ["run_greedy", "run_sweep"]


def run_sweep(plan: SweepPlan, on_progress: Callable[[Progress], None] | None = None) -> SweepReport:
    """Train what is missing of the tables, and tell what was measured of them by this run and earlier ones.

    The same configuration and seed is trained once, in however many tables it stands.

    Args:
        plan: from `plan_sweep`.
        on_progress: told a few times a second how far the study is, its earlier trainings included.

    Raises:
        StudyError: the study was made with another space, or every training fails.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    with observing(plan.storage.url, plan.request.observers, (plan.study,)) as observed:
        progress = measure.measure(plan.storage, plan.study_plan, plan.jobs, plan.request.limits, on_progress)
        if plan.workers:  # else a fleet goes on with it
            observed.ended(progress.ended)
    return report_of(plan.storage, plan.study_plan, plan.definition, plan.sweeps, plan.repeats, progress.ended)


def run_greedy(plan: SweepPlan, on_progress: Callable[[Progress], None] | None = None) -> GreedyReport:
    """Follow the hand method from its first table to its last; the same again goes on where it stopped.

    Args:
        plan: from `plan_sweep`, of a request for it; its repeats are the splits that judge each row.
        on_progress: told a few times a second how far the study is; it grows table by table.

    Raises:
        StudyError: the study was made with another space, or every training fails.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    limits, began = plan.request.limits, time.monotonic()
    ended: Ended = "done"
    with observing(plan.storage.url, plan.request.observers, (plan.study,)) as observed:
        while ended == "done" and (at := _walk(plan)).pending:
            left = remaining(limits, began)
            ended = measure.measure(plan.storage, plan.study_plan, at.pending, left, on_progress).ended or "done"
        if plan.workers:
            observed.ended(ended)
    return report_greedy(plan.definition, plan.study_plan, _walk(plan), plan.repeats, ended)


def _walk(plan: SweepPlan) -> Walk:
    found = measure.results(plan.storage, plan.study)
    return walk(plan.definition, found, repeats=plan.repeats, seed=plan.seed)
