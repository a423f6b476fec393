"""What the greedy method found: its choice at each table, and the configuration it ends with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.storage.queries.status import Ended

if TYPE_CHECKING:
    from hpo.study import Params, Sweep

__all__ = ["GreedyReport", "GreedyRow", "GreedyTable"]


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
        return {
            "definition": self.definition,
            "study": self.study,
            "fidelity": self.fidelity,
            "repeats": self.repeats,
            "direction": self.direction,
            "metric": self.metric,
            "unit": self.unit,
            "source": self.source,
            "complete": self.complete,
            "ended": self.ended,
            "final": dict(self.final),
            "reported": dict(self.reported),
            "tables": [_table_json(table) for table in self.tables],
        }


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
