"""The report's tables as records to draw: for each row what the report says beside what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.analysis.table_wording import table_sentence

if TYPE_CHECKING:
    from hpo.analysis import FigureFinding, RowFinding, TableFinding
    from hpo.experiments.findings import Findings

__all__ = ["Dot", "SweepChart", "SweepRow", "data"]


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One figure of one row."""

    reported: float | None
    mean: float | None  # of the repeats
    interval: tuple[float, float] | None  # 95 % prediction interval of one more run; None below two repeats
    repeats: int
    disagrees: bool  # the reported figure, with ours, by more than noise and rounding explain


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One row of a table."""

    label: str  # its own name, or what it sets
    named: bool  # whether that is its own name, in words
    at: float  # its place on the axis: the value it sets, or its number in the table, from 0
    test: Dot
    train: Dot
    reason: str | None  # why it has no figure of ours; None where it has, or was not tried


@dataclass(frozen=True, kw_only=True)
class SweepChart:
    """One table."""

    id: str
    title: str
    varied: str  # name of the parameter the table varies; "setting" where it is several
    metric: str
    unit: str
    numeric: bool  # rows lie on a number axis; else one under the other
    log: bool  # a logarithmic one
    rows: tuple[SweepRow, ...]
    chosen: int  # index of the row the source went on with
    source: str  # what the table is from, as a noun
    said: str  # what became of that choice, a sentence
    compared: bool  # trained as the report did, so that figures may disagree


def data(findings: "Findings") -> tuple[SweepChart, ...] | None:
    """A chart for each table in which something was measured; None where nothing was."""
    report = findings.sweeps
    if report is None:
        return None
    charts = []
    for table in report.choices:
        rows, varied, numeric = _rows(table)
        if any(row.test.mean is not None or row.train.mean is not None or row.reason for row in rows):
            places = [row.at for row in rows]
            charts.append(
                SweepChart(
                    id=f"sweep-{table.sweep.id}",
                    title=table.sweep.title,
                    varied=varied,
                    metric=report.metric,
                    unit=report.unit,
                    numeric=numeric,
                    log=numeric and min(places) > 0 and max(places) / min(places) >= 8,
                    rows=rows,
                    chosen=table.sweep.chosen,
                    said=table_sentence(table, report.source),
                    source=report.source,
                    compared=report.against_report,
                )
            )
    return tuple(charts) or None


def _rows(table: "TableFinding") -> tuple[tuple[SweepRow, ...], str, bool]:
    names = list(dict.fromkeys(name for row in table.rows for name in row.setting))
    values = [row.setting.get(names[0]) if names else None for row in table.rows]
    number = [isinstance(value, int | float) and not isinstance(value, bool) for value in values]
    numeric = len(names) == 1 and len(values) > 1 and all(number) and len(set(values)) == len(values)
    told = [row.label for row in table.sweep.rows]
    numeric = numeric and not any(told)
    rows = tuple(
        SweepRow(
            label=name,
            named=bool(own),
            at=float(value) if numeric and value is not None else float(at),
            test=_dot(row.figures.get("test")),
            train=_dot(row.figures.get("train")),
            reason=_reason(row),
        )
        for at, (row, value, own, name) in enumerate(
            zip(table.rows, values, told, _labels(table.rows, names, told), strict=True)
        )
    )
    return rows, names[0] if len(names) == 1 else "setting", numeric


def _labels(rows: "Sequence[RowFinding]", names: Sequence[str], told: Sequence[str]) -> list[str]:
    """What each row is called: its own label, or what it sets, but for what several rows set and all of them alike."""
    given = {name: [repr(row.setting[name]) for row in rows if name in row.setting] for name in names}
    telling = [name for name in names if name == names[0] or len(given[name]) == 1 or len(set(given[name])) > 1]
    labels = [own or _label(row, telling) for row, own in zip(rows, told, strict=True)]
    if len(set(labels)) == len(labels):
        return labels
    return [own or _label(row, names) for row, own in zip(rows, told, strict=True)]


def _label(row: "RowFinding", names: Sequence[str]) -> str:
    """The value of what the table varies, then in brackets what else this row sets."""
    first, *others = names or [""]
    more = ", ".join(f"{name}={_said(row.setting[name])}" for name in others if name in row.setting)
    if first not in row.setting:
        return more or "as the base"
    return f"{_said(row.setting[first])} ({more})" if more else _said(row.setting[first])


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _dot(finding: "FigureFinding | None") -> Dot:
    if finding is None:
        return Dot(reported=None, mean=None, interval=None, repeats=0, disagrees=False)
    return Dot(
        reported=None if finding.reported is None else float(finding.reported),
        mean=finding.mean,
        interval=finding.prediction,
        repeats=len(finding.measured),
        disagrees=finding.disagrees,
    )


def _reason(row: "RowFinding") -> str | None:
    measured = any(figure.measured for figure in row.figures.values())
    return None if measured or not row.reasons else row.reasons[0]
