"""Doing what a sweep plans: its tables trained again, or the hand method followed; and reading what came of either."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from hpo.experiments import measure
from hpo.experiments.sweep.greedy_method import Walk, walk
from hpo.experiments.sweep.greedy_report import GreedyReport
from hpo.experiments.sweep.sweep_jobs import GREEDY, repeat_job, study_seed, sweep_jobs, sweep_plan
from hpo.experiments.sweep.sweep_plan import SweepPlan, plan_greedy, plan_sweep
from hpo.experiments.sweep.sweep_report import SweepReport
from hpo.experiments.sweep.sweep_request import SweepRequest
from hpo.storage import Storage
from hpo.storage.queries.status import Ended, Progress
from hpo.storage.studies import StudyPlan

if TYPE_CHECKING:
    from hpo.analysis import RowScores
    from hpo.experiments.measure import Result
    from hpo.study import StudyDefinition, Sweep

__all__ = ["greedy", "read", "read_greedy", "run_greedy", "run_sweep", "sweep"]


def sweep(request: SweepRequest, on_progress: Callable[[Progress], None] | None = None) -> SweepReport:
    """Plan what is asked for and train it, as `run_sweep` does. Raises what `plan_sweep` and `run_sweep` raise."""
    with closing(plan_sweep(request)) as plan:
        return run_sweep(plan, on_progress)


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
    progress = measure.measure(plan.storage, plan.study_plan, plan.jobs, plan.request.limits, on_progress)
    found = measure.results(plan.storage, plan.study)
    return _report(plan.definition, plan.study_plan, plan.sweeps, found, plan.repeats, progress.ended)


def greedy(request: SweepRequest, on_progress: Callable[[Progress], None] | None = None) -> GreedyReport:
    """Plan what is asked for and follow the method, as `run_greedy` does. Raises what it and `plan_greedy` raise."""
    with closing(plan_greedy(request)) as plan:
        return run_greedy(plan, on_progress)


def run_greedy(plan: SweepPlan, on_progress: Callable[[Progress], None] | None = None) -> GreedyReport:
    """Follow the hand method from its first table to its last; the same again goes on where it stopped.

    Args:
        plan: from `plan_greedy`; its repeats are the splits that judge each row.
        on_progress: told a few times a second how far the study is; it grows table by table.

    Raises:
        StudyError: the study was made with another space, or every training fails.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    limits = plan.request.limits
    deadline = None if limits.timeout is None else time.monotonic() + limits.timeout
    ended: Ended = "done"
    while ended == "done" and (at := _walk(plan)).pending:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                ended = "timeout"
                break
            limits = replace(limits, timeout=left)
        ended = measure.measure(plan.storage, plan.study_plan, at.pending, limits, on_progress).ended or "done"
    return _greedy_report(plan.definition, plan.study_plan, _walk(plan), plan.repeats, ended)


def read(storage: Storage, definition: "StudyDefinition", fidelity: str) -> SweepReport | None:
    """All tables with whatever has been measured of them so far; None where nothing has. Nothing is trained.

    Raises:
        UsageError: there is no such fidelity.
        StorageError: the database cannot be read.

    """
    if not definition.tables:
        return None
    seed = study_seed(storage, definition, fidelity)
    plan = sweep_plan(definition, definition.name, fidelity, seed)
    found = measure.results(storage, plan.name)
    report = _report(definition, plan, definition.tables, found, 1, None)
    return report if report.jobs else None


def read_greedy(storage: Storage, definition: "StudyDefinition", fidelity: str) -> GreedyReport | None:
    """How far the greedy method has come, with as many repeats as came furthest; None where no table is decided.

    Raises:
        UsageError: there is no such fidelity.
        StorageError: the database cannot be read.

    """
    if not definition.sweeps:
        return None
    seed = study_seed(storage, definition, fidelity, kind=GREEDY)
    plan = sweep_plan(definition, definition.name, fidelity, seed, kind=GREEDY)
    found = measure.results(storage, plan.name)
    furthest: tuple[int, Walk] | None = None
    for repeats in range(1, len(found) + 1):
        at = walk(definition, found, repeats=repeats, seed=seed)
        if not at.tables:
            break
        if furthest is None or len(at.tables) >= len(furthest[1].tables):
            furthest = repeats, at
    return None if furthest is None else _greedy_report(definition, plan, furthest[1], furthest[0], None)


def _walk(plan: SweepPlan) -> Walk:
    found = measure.results(plan.storage, plan.study)
    return walk(plan.definition, found, repeats=plan.repeats, seed=plan.seed)


def _report(
    definition: "StudyDefinition",
    plan: StudyPlan,
    sweeps: "Sequence[Sweep]",
    found: "Mapping[str, Result]",
    repeats: int,
    ended: Ended | None,
) -> SweepReport:
    """What `found` says of the tables: of all repeats there are, be they more than were asked for."""
    from hpo.analysis import examine
    from hpo.analysis.ablation_effects import examine_ablation

    seed = plan.seed or 0
    asked = {job.key for job in sweep_jobs(definition, sweeps, repeats, seed)}
    ended_keys = {key for key in asked if key in found}
    configurations = [table.configuration(row) for table in sweeps for row in table.rows]
    while more := {key for params in configurations if (key := repeat_job(params, seed, repeats).key) in found}:
        ended_keys |= more
        repeats += 1
    last = plan.fidelity == definition.fidelities[-1].name
    measured = _measured(sweeps, found, repeats, seed)
    asked_for = {table.id for table in sweeps}
    ablations = [one for one in definition.ablations if one.id in asked_for]
    return SweepReport(
        definition=definition.name,
        study=plan.name,
        fidelity=plan.fidelity,
        against_report=last,
        repeats=repeats,
        direction=definition.direction,
        metric=definition.metric,
        unit=definition.unit,
        tables=examine(
            sweeps,
            measured,
            direction=definition.direction,
            against_report=last,
        ),
        jobs=len(ended_keys),
        left=len(asked - ended_keys),
        ended=ended,
        source=definition.source,
        ablations=tuple(examine_ablation(one, measured, direction=definition.direction) for one in ablations),
    )


def _measured(
    sweeps: "Iterable[Sweep]", found: "Mapping[str, Result]", repeats: int, seed: int
) -> "dict[tuple[str, int], RowScores]":
    """(sweep id, row index) -> what its trainings gave; rows none of which has ended are left out."""
    measured = {}
    for table in sweeps:
        for index, row in enumerate(table.rows):
            keys = [repeat_job(table.configuration(row), seed, repeat).key for repeat in range(repeats)]
            results = [found[key] for key in keys if key in found]
            if results:
                measured[table.id, index] = _scores(results)
    return measured


def _scores(results: "Sequence[Result]") -> "RowScores":
    from hpo.analysis import RowScores

    good = [result for result in results if result.outcome == "complete"]
    figures = {
        "train": [result.train for result in good],
        "test": [result.value for result in good],
        "seconds": [result.seconds for result in good],
    }
    return RowScores(
        figures={
            name: tuple(value for value in values if value is not None and math.isfinite(value))
            for name, values in figures.items()
        },
        reasons=tuple(result.reason or result.outcome for result in results if result.outcome != "complete"),
    )


def _greedy_report(
    definition: "StudyDefinition", plan: StudyPlan, at: Walk, repeats: int, ended: Ended | None
) -> GreedyReport:
    last = definition.sweeps[-1]
    return GreedyReport(
        definition=definition.name,
        study=plan.name,
        fidelity=plan.fidelity,
        repeats=repeats,
        direction=definition.direction,
        metric=definition.metric,
        unit=definition.unit,
        source=definition.source,
        tables=at.tables,
        complete=not at.pending,
        final=at.winner,
        reported=last.configuration(last.rows[last.chosen]),
        ended=ended,
    )
