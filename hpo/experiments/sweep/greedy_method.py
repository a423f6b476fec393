"""The hand method followed anew: one table after the other, each from the winner so far, choosing on validation rows.

What the report's author would have found with the same eyes. No test row is seen: the jobs train and judge on the
study's evaluation. Which trainings come next follows from the results of those before, so nothing else is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hpo.experiments import measure
from hpo.experiments.sweep.sweep_jobs import GREEDY, repeat_seed, sweep_study
from hpo.storage import Storage
from hpo.storage.queries.status import Ended
from hpo.storage.studies import StudyPlan
from hpo.study.contained import run

if TYPE_CHECKING:
    from hpo.experiments.measure import Result
    from hpo.search.job import Job
    from hpo.study import Params, Sweep
    from hpo.study.searchable import Searchable

__all__ = ["GreedyReport", "GreedyRow", "GreedyTable", "Walk", "ahead", "read_greedy", "report_greedy", "walk"]


@dataclass(frozen=True, kw_only=True)
class GreedyRow:
    """One row of a table, applied to the winner so far."""

    index: int  # in its table, from 0
    setting: "Params"  # what it changes
    params: "Params"  # the whole configuration
    scores: tuple[float, ...]  # mean validation metric, one a repeat, on splits common to all rows
    mean: float | None  # of the scores; None: it was not in the choice
    reason: str | None  # why it was not: infeasible here, diverged, failed; None: it was


@dataclass(frozen=True, kw_only=True)
class GreedyTable:
    """One step: a table from the winner so far, and what it chose."""

    sweep: "Sweep"
    base: "Params"  # the winner of the tables before it
    rows: tuple[GreedyRow, ...]
    chosen: int | None  # index of the row with the best mean; None: no row could be trained, and base goes on

    @property
    def winner(self) -> "Params":
        """The configuration the next table starts from."""
        return self.base if self.chosen is None else self.rows[self.chosen].params


@dataclass(frozen=True, kw_only=True)
class GreedyReport:
    """How far the greedy method has come and what it has found."""

    definition: str  # its name
    study: str  # whose slots hold the trainings
    fidelity: str
    repeats: int  # splits each row is judged on
    direction: str  # of the metric: maximize or minimize
    metric: str
    unit: str  # of the metric; may be empty
    tables: tuple[GreedyTable, ...]  # those decided, in the report's order
    complete: bool  # whether these are all tables
    final: "Params"  # the winner so far
    reported: "Params"  # the configuration the report ends with
    ended: Ended | None  # why the run ended; None: only read
    source: str = "report"  # what the tables are from, as `StudyDefinition.source`

    def to_json(self) -> dict[str, object]:
        """What `hpo sweep --greedy --json` prints."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        tables = [_table_json(table) for table in self.tables]
        return {**told, "final": dict(self.final), "reported": dict(self.reported), "tables": tables}


@dataclass(frozen=True, kw_only=True)
class Walk:
    """How far the method comes on the results there are."""

    tables: tuple[GreedyTable, ...]  # those decided, in order
    winner: "Params"  # of them
    pending: "tuple[Job, ...]"  # what has to be trained before the next table can be decided; empty: all are


def walk(definition: "Searchable", found: "Mapping[str, Result]", *, repeats: int, seed: int) -> Walk:
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


def ahead(definition: "Searchable", at: Walk, *, repeats: int, seed: int) -> "list[Job]":
    """About what is still to be trained: the tables not decided yet as if each chose what the winner so far has."""
    jobs: dict[str, Job] = {}
    for sweep in definition.sweeps[len(at.tables) :]:
        for of_row in _jobs(definition, sweep, at.winner, repeats, seed).values():
            jobs.update((job.key, job) for job in of_row)
    return list(jobs.values())


def _jobs(
    definition: "Searchable", sweep: "Sweep", winner: "Params", repeats: int, seed: int
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


def _why_infeasible(definition: "Searchable", params: "Params") -> str | None:
    """Why a setting cannot be trained from the winner so far; None where it can."""
    problem = definition.space().problem(params)
    if problem is not None:
        return f"no configuration of space {definition.space().name!r}: {problem}"
    reason = run(f"infeasible() of {definition.name!r}", lambda: definition.why_infeasible(params))
    return None if reason is None else f"infeasible: {reason}"


def _decide(
    definition: "Searchable", sweep: "Sweep", winner: "Params", results: "Mapping[int, Sequence[Result]]"
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


def read_greedy(storage: Storage, definition: "Searchable", fidelity: str) -> GreedyReport | None:
    """How far the greedy method has come, with as many repeats as came furthest; None where no table is decided.

    Raises:
        UsageError: there is no such fidelity.
        StorageError: the database cannot be read.

    """
    if not definition.sweeps:
        return None
    plan = sweep_study(storage, definition, definition.name, fidelity, kind=GREEDY)
    found = measure.results(storage, plan.name)
    furthest: tuple[int, Walk] | None = None
    for repeats in range(1, len(found) + 1):
        at = walk(definition, found, repeats=repeats, seed=plan.seed or 0)
        if not at.tables:
            break
        if furthest is None or len(at.tables) >= len(furthest[1].tables):
            furthest = repeats, at
    return None if furthest is None else report_greedy(definition, plan, furthest[1], furthest[0])


def report_greedy(
    definition: "Searchable", plan: StudyPlan, at: Walk, repeats: int, ended: Ended | None = None
) -> GreedyReport:
    """What the method has come to, `at` that point of it; `ended`: why the run ended, None where it is only read."""
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


def _table_json(table: GreedyTable) -> dict[str, object]:
    return {
        "id": table.sweep.id,
        "title": table.sweep.title,
        "base": dict(table.base),
        "chosen": table.chosen,
        "reported": table.sweep.chosen,
        "rows": [
            {
                "setting": dict(row.setting),
                "params": dict(row.params),
                "scores": list(row.scores),
                "mean": row.mean,
                "reason": row.reason,
            }
            for row in table.rows
        ],
    }
