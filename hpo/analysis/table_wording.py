"""A measured table in words: what its rows vary, and what became of its choice, in a sentence."""

from collections.abc import Iterable

from hpo.analysis.tables import TableFinding
from hpo.study import ParamValue, Row, Sweep

__all__ = [
    "row_label",
    "table_sentence",
    "varied",
]


def varied(sweep: Sweep) -> str:
    """The parameter the rows of a table differ in; `setting` where they have none in common, or labels instead."""
    if any(row.label for row in sweep.rows):
        return "setting"
    shared = [name for name in sweep.rows[0].setting if all(name in row.setting for row in sweep.rows)]
    return shared[0] if shared else "setting"


def row_label(sweep: Sweep, row: Row) -> str:
    """What a row is called: its label, or the value of what the table varies, then whatever else it sets, by name."""
    if row.label:
        return row.label
    name = varied(sweep)
    rest = [f"{key} {_shown(value)}" for key, value in row.setting.items() if key != name]
    return ", ".join([_shown(row.setting[name]), *rest] if name in row.setting else rest) or "as it was"


def table_sentence(table: TableFinding, source: str = "report") -> str:
    """What became of the choice, in one sentence; `source`: whose choice it is, as `StudyDefinition.source`."""
    sweep = table.sweep
    choice = row_label(sweep, sweep.rows[sweep.chosen])
    if table.verdict == "stands":
        return f"The {source}'s choice, {choice}, stands: {_rivals(table)}."
    if table.verdict == "refuted":
        better = f"{_labels(sweep, table.better)} {'is' if len(table.better) == 1 else 'are'} better"
        return f"The {source}'s choice, {choice}, is refuted: {better} by more than noise."
    if table.verdict == "tied":
        tied = _labels(sweep, table.tied)
        return f"The {source}'s choice, {choice}, is tied with {tied}: noise may explain the difference."
    best = "" if table.best is None else f"; the best so far is {_labels(sweep, [table.best])}"
    why = table.note.rstrip(".") or "a verdict takes at least two repeats of each row"
    return f"Nothing can be said of the {source}'s choice, {choice}, yet: {why[0].lower()}{why[1:]}{best}."


def _rivals(table: TableFinding) -> str:
    """What became of the rows beside a choice that stands."""
    lost, out = len(table.p), len(table.rows) - 1 - len(table.p)
    if not out:
        return "every other row is worse by more than noise"
    if not lost:
        return "no other row could be trained every time"
    return "every other row that could be trained every time is worse by more than noise"


def _labels(sweep: Sweep, indices: Iterable[int]) -> str:
    labels = [row_label(sweep, sweep.rows[index]) for index in indices]
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _shown(value: ParamValue) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
