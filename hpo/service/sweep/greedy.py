"""The hand method followed anew: one table after the other, each from the winner so far, choosing on validation rows.

What the report's author would have found with the same eyes. No test row is seen: the jobs train and judge on the
study's evaluation. Which trainings come next follows from the results of those before, so nothing else is kept.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hpo.errors import UsageError
from hpo.service import measuring
from hpo.service import storage as storages
from hpo.service.storage import Storage
from hpo.service.studies import Kind, StudyPlan
from hpo.service.sweep.greedy_report import GreedyReport, GreedyRow, GreedyTable
from hpo.service.sweep.request import SweepRequest
from hpo.service.sweep.run import repeat_seed, study_seed, sweep_plan
from hpo.service.views.progress import Ended, Progress
from hpo.study.contained import run

if TYPE_CHECKING:
    from hpo.search.job import Job
    from hpo.service.measuring import Result
    from hpo.study import Params, StudyDefinition, Sweep

__all__ = [
    "KIND",
    "GreedyReport",
    "GreedyRow",
    "GreedyTable",
    "Walk",
    "ahead",
    "greedy",
    "read_greedy",
    "refuse_some",
    "walk",
]

KIND: Kind = "greedy"  # of the study; it is called DEFINITION-greedy-FIDELITY


@dataclass(frozen=True, kw_only=True)
class Walk:
    """How far the method comes on the results there are."""

    tables: tuple[GreedyTable, ...]  # those decided, in order
    winner: "Params"  # of them
    pending: "tuple[Job, ...]"  # what has to be trained before the next table can be decided; empty: all are


def greedy(request: SweepRequest, on_progress: Callable[[Progress], None] | None = None) -> GreedyReport:
    """Follow the hand method from its first table to its last; the same again goes on where it stopped.

    Args:
        request: what is asked for; `repeats` splits judge each row.
        on_progress: told a few times a second how far the study is; it grows table by table.

    Raises:
        UsageError: the request names what there is not, or some of the tables: each builds on all before it.
        DefinitionError: the definition cannot be loaded, or has no tables.
        StudyError: the study was made with another seed or space, or every training fails.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    definition, fidelity = request.resolve()
    refuse_some(request, definition)
    deadline = None if request.limits.timeout is None else time.monotonic() + request.limits.timeout
    storage = storages.prepare(request.storage)
    try:
        seed = study_seed(storage, definition, fidelity.name, request.seed, kind=KIND)
        plan = sweep_plan(definition, request.definition, fidelity.name, seed, kind=KIND)
        ended: Ended = "done"
        while (at := _walk(storage, plan, definition, request.repeats)).pending:
            limits = request.limits
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    ended = "timeout"
                    break
                limits = replace(limits, timeout=left)
            ended = measuring.measure(storage, plan, at.pending, limits, on_progress).ended or "done"
            if ended != "done":
                at = _walk(storage, plan, definition, request.repeats)
                break
    finally:
        storage.close()
    return _report(definition, plan, at, request.repeats, ended)


def read_greedy(storage: Storage, definition: "StudyDefinition", fidelity: str) -> GreedyReport | None:
    """How far the greedy method has come, with as many repeats as came furthest; None where no table is decided.

    Raises:
        UsageError: there is no such fidelity.
        StorageError: the database cannot be read.

    """
    if not definition.sweeps:
        return None
    seed = study_seed(storage, definition, fidelity, kind=KIND)
    plan = sweep_plan(definition, definition.name, fidelity, seed, kind=KIND)
    found = measuring.results(storage, plan.name)
    furthest: tuple[int, Walk] | None = None
    for repeats in range(1, len(found) + 1):
        at = walk(definition, found, repeats=repeats, seed=seed)
        if not at.tables:
            break
        if furthest is None or len(at.tables) >= len(furthest[1].tables):
            furthest = repeats, at
    return None if furthest is None else _report(definition, plan, furthest[1], furthest[0], None)


def walk(definition: "StudyDefinition", found: "Mapping[str, Result]", *, repeats: int, seed: int) -> Walk:
    """Follow the method as far as results reach.

    Each table's settings are applied to the winner of the tables before it; the first table starts from its own base.
    A setting that cannot be trained there, or a repeat of which gave no score, is not in the choice.

    Args:
        definition: whose tables.
        found: job key -> what came of it.
        repeats: splits each row is judged on, the same for all rows.
        seed: of the study.

    """
    tables: list[GreedyTable] = []
    winner: Params = definition.sweeps[0].base
    for sweep in definition.sweeps:
        jobs = _jobs(definition, sweep, winner, repeats, seed)
        missing = {job.key: job for of_row in jobs.values() for job in of_row if job.key not in found}
        if missing:
            return Walk(tables=tuple(tables), winner=winner, pending=tuple(missing.values()))
        table = _decide(definition, sweep, winner, {row: [found[j.key] for j in of] for row, of in jobs.items()})
        tables.append(table)
        winner = table.winner
    return Walk(tables=tuple(tables), winner=winner, pending=())


def ahead(definition: "StudyDefinition", at: Walk, *, repeats: int, seed: int) -> "list[Job]":
    """About what is still to be trained: the tables not decided yet as if each chose what the winner so far has."""
    jobs: dict[str, Job] = {}
    for sweep in definition.sweeps[len(at.tables) :]:
        for of_row in _jobs(definition, sweep, at.winner, repeats, seed).values():
            jobs.update((job.key, job) for job in of_row)
    return list(jobs.values())


def refuse_some(request: SweepRequest, definition: "StudyDefinition") -> None:
    """Refuse to follow some of the tables. Raises UsageError."""
    if request.sweeps:
        raise UsageError(
            f"--greedy follows all tables of {definition.name} from the first one, each from the winner so far: "
            f"leave out {', '.join(request.sweeps)}"
        )


def _walk(storage: Storage, plan: StudyPlan, definition: "StudyDefinition", repeats: int) -> Walk:
    return walk(definition, measuring.results(storage, plan.name), repeats=repeats, seed=plan.seed or 0)


def _jobs(
    definition: "StudyDefinition", sweep: "Sweep", winner: "Params", repeats: int, seed: int
) -> "dict[int, list[Job]]":
    """Row index -> its trainings, for the rows that can be trained from the winner so far."""
    from hpo.search.job import Job

    jobs: dict[int, list[Job]] = {}
    for index, row in enumerate(sweep.rows):
        params = {**winner, **row.setting}
        if _obstacle(definition, params) is None:
            note = f"{sweep.id} {index + 1}/{len(sweep.rows)}"
            jobs[index] = [
                Job(
                    rows="validation", params=params, seed=repeat_seed(seed, number), note=f"{note}, split {number + 1}"
                )
                for number in range(repeats)
            ]
    return jobs


def _obstacle(definition: "StudyDefinition", params: "Params") -> str | None:
    """Why a setting cannot be trained from the winner so far; None where it can."""
    problem = definition.space().problem(params)
    if problem is not None:
        return f"no configuration of space {definition.space().name!r}: {problem}"
    reason = run(f"infeasible() of {definition.name!r}", lambda: definition.obstacle(params))
    return None if reason is None else f"infeasible: {reason}"


def _decide(
    definition: "StudyDefinition", sweep: "Sweep", winner: "Params", results: "Mapping[int, Sequence[Result]]"
) -> GreedyTable:
    from hpo.analysis import choose

    rows = []
    for index, row in enumerate(sweep.rows):
        params = {**winner, **row.setting}
        came = results.get(index, ())
        scores = tuple(result.value for result in came if result.outcome == "complete" and result.value is not None)
        failures = [result.reason or result.outcome for result in came if result.outcome != "complete"]
        reason = failures[0] if failures else _obstacle(definition, params)
        mean = None if reason is not None else sum(scores) / len(scores)
        rows.append(GreedyRow(index=index, setting=row.setting, params=params, scores=scores, mean=mean, reason=reason))
    judged = {row.index: row.scores for row in rows if row.reason is None}
    chosen = choose(judged, definition.direction) if judged else None
    return GreedyTable(sweep=sweep, base=winner, rows=tuple(rows), chosen=chosen)


def _report(
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
