"""The hand method followed anew: one table after the other, each from the winner so far, choosing on validation rows.

What the report's author would have found with the same eyes. A test row is never seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.service.progress import Ended, Progress
from hpo.service.storage import Storage
from hpo.service.sweep_request import SweepRequest

if TYPE_CHECKING:
    from hpo.study import Params, StudyDefinition, Sweep

__all__ = ["KIND", "GreedyReport", "GreedyRow", "GreedyTable", "greedy", "read_greedy"]

KIND = "greedy"  # of the study; it is called DEFINITION-greedy-FIDELITY


@dataclass(frozen=True, kw_only=True)
class GreedyRow:
    """One row of a table, applied to the winner so far."""

    index: int  # in its table, from 0
    setting: "Params"  # what it changes
    params: "Params"  # the whole configuration
    scores: tuple[float, ...]  # mean validation metric, one a repeat, on splits common to all rows
    mean: float | None  # of the scores; None: it has not all of them
    reason: str | None  # why it was not in the choice: infeasible here, diverged, failed; None: it was


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

    def to_json(self) -> dict[str, object]:
        """What `hpo sweep --greedy --json` prints."""
        raise NotImplementedError


def greedy(request: SweepRequest, on_progress: Callable[[Progress], None] | None = None) -> GreedyReport:
    """Follow the hand method from its first table to its last."""
    raise NotImplementedError


def read_greedy(storage: Storage, definition: "StudyDefinition", fidelity: str) -> GreedyReport | None:
    """How far the greedy method has come; None where it has not begun. Nothing is trained."""
    raise NotImplementedError
