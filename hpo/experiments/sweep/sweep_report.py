"""What a sweep found: the tables of a report, measured; read from what has been trained of them so far."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hpo.experiments import measure
from hpo.experiments.sweep.sweep_jobs import repeat_job, sweep_jobs, sweep_study
from hpo.storage import Storage
from hpo.storage.queries.status import Ended
from hpo.storage.studies import StudyPlan

if TYPE_CHECKING:
    from hpo.analysis import FigureFinding, RowFinding, RowScores, TableFinding
    from hpo.analysis.ablation_effects import AblationFinding
    from hpo.experiments.measure import Result
    from hpo.study import Sweep
    from hpo.study.searchable import Searchable

__all__ = ["SweepReport", "read", "report_of"]


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """Tables of a definition as they were measured, beside what the report says of them."""

    definition: str  # its name
    study: str  # whose slots hold the trainings
    fidelity: str
    against_report: bool  # trained as long as the report did, at the definition's last fidelity: figures compare
    repeats: int  # trainings of each configuration, with seeds of their own; a row may have fewer so far
    direction: str  # of the metric: maximize or minimize
    metric: str
    unit: str  # of the metric; may be empty
    tables: "tuple[TableFinding, ...]"  # in the report's order
    jobs: int  # distinct trainings behind these tables that have ended, whether well or not
    left: int  # of those asked for, how many have not
    ended: Ended | None  # why the run ended; None: only read
    source: str = "report"  # what the tables are from, as `StudyDefinition.source`
    ablations: "tuple[AblationFinding, ...]" = ()  # of those tables that are an ablation's, what the techniques add

    @property
    def choices(self) -> "tuple[TableFinding, ...]":
        """The tables that put rows to the choice, which an ablation's do not."""
        ablations = {one.id for one in self.ablations}
        return tuple(table for table in self.tables if table.sweep.id not in ablations)

    @property
    def has_reported(self) -> bool:
        """Whether the source prints figures that measured ones can be held against."""
        return any(
            figure.reported is not None for t in self.tables for row in t.rows for figure in row.figures.values()
        )

    def to_json(self) -> dict[str, object]:
        """What `hpo sweep --json` prints."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        tables = [_table_json(table, self.source) for table in self.tables]
        return {**told, "tables": tables, "ablations": [ablation.to_json() for ablation in self.ablations]}


def read(storage: Storage, definition: "Searchable", fidelity: str) -> SweepReport | None:
    """All tables with whatever has been measured of them so far; None where nothing has. Nothing is trained.

    Raises:
        UsageError: there is no such fidelity.
        StorageError: the database cannot be read.

    """
    if not definition.tables:
        return None
    plan = sweep_study(storage, definition, definition.name, fidelity)
    report = report_of(storage, plan, definition, definition.tables, 1)
    return report if report.jobs else None


def report_of(
    storage: Storage,
    plan: StudyPlan,
    definition: "Searchable",
    sweeps: "Sequence[Sweep]",
    repeats: int,
    ended: Ended | None = None,
) -> SweepReport:
    """What the study has measured of those tables: of all repeats there are, be they more than were asked for.

    Args:
        storage: where the study is.
        plan: of the study, from `sweep_study`.
        definition: whose tables.
        sweeps: those asked for.
        repeats: asked for of each configuration.
        ended: why the run ended; None: it is only read.

    """
    from hpo.analysis import examine
    from hpo.analysis.ablation_effects import examine_ablation

    found = measure.results(storage, plan.name)
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


def _table_json(table: "TableFinding", source: str) -> dict[str, object]:
    from hpo.analysis.table_wording import table_sentence

    return {
        "id": table.sweep.id,
        "title": table.sweep.title,
        "chosen": table.sweep.chosen,
        "verdict": table.verdict,
        "sentence": table_sentence(table, source),
        "tied": list(table.tied),
        "better": list(table.better),
        "best": table.best,
        "note": table.note,
        "p": {str(row): p for row, p in table.p.items()},
        "rows": [_row_json(row) for row in table.rows],
    }


def _row_json(row: "RowFinding") -> dict[str, object]:
    return {
        "setting": dict(row.setting),
        "params": dict(row.params),
        "reported": {name: found.reported for name, found in row.figures.items() if found.reported is not None},
        "measured": {name: _figure_json(found) for name, found in row.figures.items() if found.measured},
        "disagrees": any(found.disagrees for found in row.figures.values()),
        "reasons": list(row.reasons),
    }


def _figure_json(found: "FigureFinding") -> dict[str, object]:
    return {
        "mean": found.mean,
        "sd": found.sd,
        "values": list(found.measured),
        "prediction": found.prediction,
        "p": found.p,
        "p_holm": found.p_holm,
        "disagrees": found.disagrees,
    }
