"""Gathering what a report page tells about one search: only what is there, nothing trained, no TensorFlow."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hpo.data import Dataset
from hpo.errors import HpoError, StudyError
from hpo.experiments.compare import comparison_run as comparing
from hpo.experiments.findings import Findings, TrialPoint, learned, probed_networks, provenance, study_importances
from hpo.experiments.findings.absences import absences
from hpo.experiments.sweep import sweep_report
from hpo.experiments.sweep.greedy_method import read_greedy
from hpo.messages import one_line
from hpo.search.row_splits import load
from hpo.storage import Storage, studies
from hpo.storage.queries import status, study_results
from hpo.storage.slots.slot import Slot, incumbents
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import StudyDefinition
from hpo.study.searchable import Searchable

if TYPE_CHECKING:
    from hpo.analysis.claims import ClaimFinding
    from hpo.experiments.sweep.greedy_method import GreedyReport
    from hpo.experiments.sweep.sweep_report import SweepReport

__all__ = ["gather"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The definition and its data, as far as they can be had here, and why not where they cannot."""

    definition: Searchable | None
    data: "Dataset | None"  # None: streams, too
    problems: dict[str, str]  # definition, data -> what is wrong, one line


def gather(storage: Storage, word: str) -> Findings:
    """All there is to tell about the search of that name, or the only one of the definition of that name.

    A study of 1,000 trials takes about a second. The definition's data loader is called, for the test rows and the
    checksums.

    Raises:
        StudyError: there is no such study, or it is one that measures and not a search.
        StorageError: the database failed.

    """
    record = studies.find(storage, word)
    if record.kind != "search":
        remedy = (
            f"report on the search it measures: hpo report {shlex.quote(record.parent)}"
            if record.parent
            else "name a search"
        )
        raise StudyError(f"study {record.name!r} is a {record.kind} and no search: {remedy}")
    loaded = _load(record)
    slots = Slots(storage).list(record.name)
    comparison = comparing.read(storage, record.name)
    tables, greedy, claims = _tables(storage, loaded.definition)
    weights = study_importances.importances(storage, record.name)
    kept = learned.learned(storage, record, comparison, loaded.data)
    its_status = status.study_status(storage, record.name)
    return Findings(
        record=record,
        definition=loaded.definition,
        status=its_status,
        trials=points(slots),
        incumbents=tuple(incumbents(slots, record.direction)),
        climb=study_results.climbed(storage, record),
        comparison=comparison,
        sweeps=tables,
        greedy=greedy,
        claims=claims,
        importances=weights if weights.parameters else None,
        interaction=study_importances.interaction(storage, record.name, weights) if weights.parameters else None,
        curves=kept.curves,
        predictions=kept.predictions,
        networks=probed_networks.networks(storage, record.name, tables.study if tables else None),
        provenance=provenance.provenance(
            storage, record, its_status, comparison, tables, greedy, loaded.definition, loaded.data
        ),
        missing=absences(
            record,
            loaded.definition,
            its_status,
            loaded.problems,
            comparison=comparison,
            tables=tables,
            greedy=greedy,
            importances=weights,
            kept=kept,
        ),
    )


def points(slots: Sequence[Slot]) -> tuple[TrialPoint, ...]:
    """The trials of a search in the order they settled, those at work last; slots nobody has claimed are none."""
    tried = [slot for slot in slots if slot.state in ("leased", "settled")]
    tried.sort(key=lambda slot: (slot.settled_at is None, slot.settled_at or 0.0, slot.position))
    return tuple(
        TrialPoint(
            number=slot.trial_number,
            state=slot.outcome or "running",
            value=slot.value,
            params=slot.params or {},
            seconds=None if slot.settled_at is None or slot.started_at is None else slot.settled_at - slot.started_at,
            reason=slot.reason if slot.outcome is not None else None,
            worker=slot.worker,
            settled_at=slot.settled_at,
            further=slot.further,
            rung=slot.rung,
            digest=slot.digest,
            highest=slot.highest,
            given=slot.given,
        )
        for slot in tried
    )


def _load(record: StudyRecord) -> Loaded:
    problems: dict[str, str] = {}
    definition = _try(lambda: studies.searched(record), "definition", problems)
    if definition is not None and (definition.name, definition.direction) != (record.definition, record.direction):
        problems["definition"] = f"{record.reference} is now {definition.name}, {definition.direction}"
        definition = None
    data = _try(lambda: load(definition), "data", problems) if isinstance(definition, StudyDefinition) else None
    return Loaded(definition=definition, data=data if isinstance(data, Dataset) else None, problems=problems)


def _try(make: Callable[[], T], what: str, problems: dict[str, str]) -> T | None:
    """What `make` makes; None, and why, where it fails: code of somebody's own may fail in any way."""
    try:
        return make()
    except HpoError as error:
        problems[what] = str(error)
    except Exception as error:
        problems[what] = one_line(error)
    return None


def _tables(
    storage: Storage, definition: Searchable | None
) -> "tuple[SweepReport | None, GreedyReport | None, tuple[ClaimFinding, ...]]":
    """The tables at the fidelity most rows were measured at, the highest of equals, and what they say of the claims."""
    from hpo.analysis.claims import judge

    if definition is None:
        return None, None, ()
    fidelities = [fidelity.name for fidelity in reversed(definition.fidelities)]
    found = [report for name in fidelities if (report := sweep_report.read(storage, definition, name)) is not None]
    tables = max(found, key=_measured, default=None)
    greedy = next((one for name in fidelities if (one := read_greedy(storage, definition, name)) is not None), None)
    claims = judge(
        definition.claims,
        tables.tables if tables else (),
        direction=definition.direction,
        margin=definition.margin,
    )
    return tables, greedy, claims


def _measured(report: "SweepReport") -> int:
    """Rows that have a test score."""
    return sum(
        1 for table in report.tables for row in table.rows if "test" in row.figures and row.figures["test"].measured
    )
