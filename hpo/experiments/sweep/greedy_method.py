"""The hand method followed anew: one table after the other, each from the winner so far, choosing on validation rows.

What the report's author would have found with the same eyes. No test row is seen: the jobs train and judge on the
study's evaluation. Which trainings come next follows from the results of those before, so nothing else is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.experiments.sweep.greedy_report import GreedyRow, GreedyTable
from hpo.experiments.sweep.sweep_jobs import repeat_seed
from hpo.study.contained import run

if TYPE_CHECKING:
    from hpo.experiments.measure import Result
    from hpo.search.job import Job
    from hpo.study import Params, StudyDefinition, Sweep

__all__ = ["Walk", "ahead", "walk"]


@dataclass(frozen=True, kw_only=True)
class Walk:
    """How far the method comes on the results there are."""

    tables: tuple[GreedyTable, ...]  # those decided, in order
    winner: "Params"  # of them
    pending: "tuple[Job, ...]"  # what has to be trained before the next table can be decided; empty: all are


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


def _jobs(
    definition: "StudyDefinition", sweep: "Sweep", winner: "Params", repeats: int, seed: int
) -> "dict[int, list[Job]]":
    """Row index -> its trainings, for the rows that can be trained from the winner so far."""
    from hpo.search.job import Job

    jobs: dict[int, list[Job]] = {}
    for index, row in enumerate(sweep.rows):
        params = {**winner, **row.setting}
        if _why_infeasible(definition, params) is None:
            note = f"{sweep.id} {index + 1}/{len(sweep.rows)}"
            jobs[index] = [
                Job(
                    rows="validation", params=params, seed=repeat_seed(seed, number), note=f"{note}, split {number + 1}"
                )
                for number in range(repeats)
            ]
    return jobs


def _why_infeasible(definition: "StudyDefinition", params: "Params") -> str | None:
    """Why a setting cannot be trained from the winner so far; None where it can."""
    problem = definition.space().problem(params)
    if problem is not None:
        return f"no configuration of space {definition.space().name!r}: {problem}"
    reason = run(f"infeasible() of {definition.name!r}", lambda: definition.why_infeasible(params))
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
        reason = failures[0] if failures else _why_infeasible(definition, params)
        mean = None if reason is not None else sum(scores) / len(scores)
        rows.append(GreedyRow(index=index, setting=row.setting, params=params, scores=scores, mean=mean, reason=reason))
    judged = {row.index: row.scores for row in rows if row.reason is None}
    chosen = choose(judged, definition.direction) if judged else None
    return GreedyTable(sweep=sweep, base=winner, rows=tuple(rows), chosen=chosen)
