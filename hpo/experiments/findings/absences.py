"""What a report page cannot tell, why, and the command that would make it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hpo.experiments.compare.comparison_report import CompareReport
from hpo.experiments.findings.findings_record import Missing, hand_alone
from hpo.experiments.findings.learned import Learned
from hpo.experiments.findings.provenance import command, search_command
from hpo.experiments.sweep.greedy_method import GreedyReport
from hpo.experiments.sweep.sweep_report import SweepReport
from hpo.storage.queries.status import StudyStatus
from hpo.storage.studies import StudyRecord
from hpo.study.plain_objective import PlainObjective
from hpo.study.searchable import Searchable

if TYPE_CHECKING:
    from hpo.analysis.parameter_importance import Importances

__all__ = ["absences"]

_TRIALS = 50  # of a search that has none yet: what the README begins with


def absences(
    record: StudyRecord,
    definition: Searchable | None,
    status: StudyStatus,
    problems: Mapping[str, str],
    *,
    comparison: CompareReport | None,
    tables: SweepReport | None,
    greedy: GreedyReport | None,
    importances: "Importances",
    kept: Learned,
) -> tuple[Missing, ...]:
    """Every part that is not there, in the order of the page."""
    return (
        *_given(definition, problems),
        *_search(record, status),
        *_comparison(record, definition, status, comparison),
        *_tables(record, definition, tables),
        *_greedy(record, definition, greedy),
        *_importances(importances),
        *_learned(record, comparison, kept, given=definition is not None and "data" not in problems),
    )


def _given(definition: Searchable | None, problems: Mapping[str, str]) -> Iterator[Missing]:
    if definition is None:
        yield Missing(part="definition", what="the definition", why=problems.get("definition", "it cannot be loaded"))
    if "data" in problems:
        yield Missing(part="data", what="the data", why=problems["data"])


def _search(record: StudyRecord, status: StudyStatus) -> Iterator[Missing]:
    if not status.target:
        remedy = search_command(record, _TRIALS)
        yield Missing(part="search", what="the trials", why="none was asked for yet", command=remedy)
    elif status.settled < status.target:
        why = f"{status.settled} of {status.target} are settled"
        remedy = search_command(record, status.drawn)
        yield Missing(part="search", what="the rest of the trials", why=why, command=remedy)
    elif not status.complete:
        why = f"none of {status.settled} is complete: {status.pruned} pruned, {status.failed} failed"
        remedy = search_command(record, 2 * status.drawn)
        yield Missing(part="search", what="a best trial", why=why, command=remedy)


def _comparison(
    record: StudyRecord, definition: Searchable | None, status: StudyStatus, comparison: CompareReport | None
) -> Iterator[Missing]:
    if comparison is not None:
        return
    remedy = None
    if definition is not None and not definition.baselines:
        why = "the definition names no hand-picked configuration to compare with"
    elif isinstance(definition, PlainObjective) and not definition.seeds:
        why = "the objective takes no seed from its trial, so no two runs of it make a pair"
    elif not status.complete:
        why = "there is no complete trial to compare"
    elif definition is not None and hand_alone(record, definition, status):
        why = "the only complete trial is the hand-picked configuration's own"
        remedy = search_command(record, 2 * status.drawn)
    else:
        why, remedy = "it was not made yet", command("hpo", "compare", record.name)
    yield Missing(part="comparison", what="the comparison", why=why, command=remedy)


def _tables(record: StudyRecord, definition: Searchable | None, tables: SweepReport | None) -> Iterator[Missing]:
    if definition is None or record.by_objective:
        return
    if not definition.tables:
        yield Missing(part="sweeps", what="the tables of a report", why="the definition has none to measure again")
    elif tables is None:
        remedy = command("hpo", "sweep", record.reference, "--repeats", 3)
        why = "none of their rows was trained yet"
        yield Missing(part="sweeps", what=f"the {definition.source}'s tables, measured", why=why, command=remedy)
    elif tables.left:
        remedy = command(
            *("hpo", "sweep", record.reference, "--repeats", tables.repeats, "--fidelity", tables.fidelity)
        )
        why = f"{tables.jobs} of {tables.jobs + tables.left} trainings are done"
        yield Missing(part="sweeps", what=f"the rest of the {definition.source}'s tables", why=why, command=remedy)


def _greedy(record: StudyRecord, definition: Searchable | None, greedy: GreedyReport | None) -> Iterator[Missing]:
    if definition is None or not definition.sweeps or (greedy is not None and greedy.complete):
        return
    words: tuple[object, ...] = ("hpo", "sweep", record.reference, "--greedy")
    what, why = "the hand method followed anew", "it was not run yet"
    if greedy is not None:
        words = (*words, "--repeats", greedy.repeats, "--fidelity", greedy.fidelity)
        what, why = "the rest of the hand method", f"{len(greedy.tables)} of {len(definition.sweeps)} tables are done"
    yield Missing(part="greedy", what=what, why=why, command=command(*words))


def _importances(importances: "Importances") -> Iterator[Missing]:
    if not importances.parameters:
        why = importances.note or "too few trials are complete"
        yield Missing(part="importances", what="the importances", why=why)


def _learned(record: StudyRecord, comparison: CompareReport | None, kept: Learned, *, given: bool) -> Iterator[Missing]:
    if comparison is None or record.by_objective:
        return
    if kept.curves is None and comparison.heats:
        yield Missing(part="curves", what="the learning curves", why="the race kept none")
    if kept.predictions is None and given:
        why = "no pair on the definition's own test rows kept them"
        remedy = command("hpo", "compare", record.name)
        yield Missing(part="predictions", what="the predictions", why=why, command=remedy)
