"""What a sweep found: the tables of a report, measured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.storage.queries.status import Ended

if TYPE_CHECKING:
    from hpo.analysis import FigureFinding, RowFinding, TableFinding
    from hpo.analysis.ablation_effects import AblationFinding

__all__ = ["SweepReport"]


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
        return {
            "definition": self.definition,
            "study": self.study,
            "fidelity": self.fidelity,
            "against_report": self.against_report,
            "repeats": self.repeats,
            "direction": self.direction,
            "metric": self.metric,
            "unit": self.unit,
            "jobs": self.jobs,
            "left": self.left,
            "ended": self.ended,
            "source": self.source,
            "tables": [_table_json(table, self.source) for table in self.tables],
            "ablations": [ablation.to_json() for ablation in self.ablations],
        }


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
