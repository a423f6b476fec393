"""The tables of a report as charts: each row's repeats beside its reported figures."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.analysis.table_wording import table_sentence
from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, padded, plain, short, slim, titled

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.analysis import FigureFinding, RowFinding, TableFinding
    from hpo.experiments.findings import Findings

__all__ = [
    "PANEL",
    "Dot",
    "SweepChart",
    "SweepRow",
    "caption",
    "data",
    "draw",
]


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


def caption(record: SweepChart) -> str:
    """What is to be seen."""
    parts = [record.said, f"★ is the row the {record.source} went on with. Measured: {_runs(record)}"]
    if any(row.test.interval or row.train.interval for row in record.rows):
        parts[-1] += "; the bars hold 95 % of single runs"
    parts[-1] += "."
    wrong = [row.label for row in record.rows if row.test.disagrees or row.train.disagrees]
    if wrong:
        parts.append(f"Ringed: reported figures too far from ours to be noise ({', '.join(wrong)}).")
    parts += [f"No result for {row.label}: {row.reason}." for row in record.rows if row.reason is not None]
    if not record.compared and any(dot.reported is not None for row in record.rows for dot in (row.train, row.test)):
        parts.append(f"Trained for less than the {record.source} did, so its figures are not held against these.")
    return " ".join(parts)


def _runs(record: SweepChart) -> str:
    """How many runs a mark is the mean of; rows may have come differently far."""
    repeats = [dot.repeats for row in record.rows for dot in (row.test, row.train) if dot.repeats]
    least, most = min(repeats, default=0), max(repeats, default=0)
    if most < 2:
        return "one run" if most else "nothing"
    return f"the mean of {most} runs" if least == most else f"the mean of {least} to {most} runs"


def draw(record: SweepChart) -> "go.Figure":
    """Numbers along a horizontal axis, names one under the other, where even a phone has room for them."""
    value = titled(record.metric, record.unit)
    ticks = [_tick(row, chosen=at == record.chosen) for at, row in enumerate(record.rows)]
    places = [row.at for row in record.rows]
    reach = slim(_reach(record), 9)
    if record.numeric:
        scale = {"type": "log"} if record.log else {}
        along = axis(
            plain(record.varied), tickvals=slim(places), ticktext=ticks, showgrid=False, **scale, range=_span(record)
        )
        figure = canvas(height=360, x=along, y=axis(value, range=reach))
    else:
        along = axis(tickvals=places, ticktext=ticks, showgrid=False, range=[len(places) - 0.4, -0.6])
        figure = canvas(height=170 + 42 * len(places), x=axis(value, range=reach, nticks=6), y=along)
    _figure(figure, record, "train")
    _figure(figure, record, "test")
    ringed = [(at, dot.reported) for row in record.rows for at, dot in _both(record, row) if dot.disagrees]
    if ringed:
        figure.add_scatter(
            **_xy(record, [at for at, _ in ringed], [value for _, value in ringed]),
            mode="markers",
            marker={"symbol": "circle-open", "size": 19, "color": theme.BAD.light, "line": {"width": 2}},
            name="disagrees",
            hoverinfo="skip",
        )
    return figure


def _tick(row: SweepRow, *, chosen: bool) -> str:
    lines = textwrap.wrap(row.label, 22, max_lines=2, placeholder="…") if row.named else [short(row.label)]
    name = ("★ " if chosen else "") + "<br>".join(plain(line) for line in lines)
    return f"{name}<br>no result" if row.reason is not None else name


def _figure(figure: "go.Figure", record: SweepChart, name: str) -> None:
    """The marks of one figure, train or test: the report's, and ours with its interval on top."""
    pairs = [(row, at, dot) for row in record.rows for at, dot in _both(record, row) if dot is getattr(row, name)]
    test = name == "test"
    theirs = [(row, at, dot) for row, at, dot in pairs if dot.reported is not None]
    if theirs:
        figure.add_scatter(
            **_xy(record, [at for _, at, _ in theirs], [dot.reported for _, _, dot in theirs]),
            mode="markers",
            marker={
                "symbol": "diamond" if test else "diamond-open",
                "size": 13 if test else 12,
                "color": theme.REPORTED.light,
                "line": {"width": 1.5, "color": theme.REPORTED.light},
            },
            name=f"{name}, reported",
            text=[_hover(row, dot, name) for row, _, dot in theirs],
            hovertemplate="%{text}<extra></extra>",
        )
    colour = theme.MEASURED.light if test else theme.MUTED.light
    ours = [(row, at, dot) for row, at, dot in pairs if dot.mean is not None]
    if ours:
        bars: dict[str, Any] = {
            "type": "data",
            "symmetric": False,
            "array": slim([dot.interval[1] - dot.mean if dot.interval else 0.0 for _, _, dot in ours]),
            "arrayminus": slim([dot.mean - dot.interval[0] if dot.interval else 0.0 for _, _, dot in ours]),
            "thickness": 2 if test else 1.2,
            "width": 4,
        }
        figure.add_scatter(
            **_xy(record, [at for _, at, _ in ours], [dot.mean for _, _, dot in ours]),
            **{"error_y" if record.numeric else "error_x": bars},
            mode="lines+markers" if record.numeric else "markers",
            line={"color": colour, "width": 1, "dash": "solid" if test else "dot"},
            marker={"symbol": "circle" if test else "square-open", "size": 7, "color": colour, "line": {"width": 1.5}},
            name=f"{name}, measured",
            text=[_hover(row, dot, name) for row, _, dot in ours],
            hovertemplate="%{text}<extra></extra>",
        )


def _both(record: SweepChart, row: SweepRow) -> tuple[tuple[float, Dot], tuple[float, Dot]]:
    """Both figures of a row with their places: one a little under the other where rows are names."""
    aside = 0.0 if record.numeric else 0.14
    return (row.at - aside, row.test), (row.at + aside, row.train)


def _xy(record: SweepChart, places: Sequence[float], values: Sequence[float | None]) -> dict[str, Any]:
    along, across = ("x", "y") if record.numeric else ("y", "x")
    return {along: slim(list(places)), across: slim(list(values))}


def _reach(record: SweepChart) -> list[float]:
    """The range of the figures and their intervals; no further below zero where no figure is below it."""
    dots = [dot for row in record.rows for dot in (row.test, row.train)]
    figures = [value for dot in dots for value in (dot.reported, dot.mean) if value is not None]
    low, high = padded([*figures, *(end for dot in dots for end in dot.interval or ())])
    if figures and min(figures) >= 0 > low:  # an interval of few runs may reach where an error or a share never does
        low = -0.03 * high
    return [low, high]


def _span(record: SweepChart) -> list[float]:
    """The range of the number axis; of a logarithmic one in powers of ten, as Plotly wants it."""
    places = [math.log10(row.at) if record.log else row.at for row in record.rows]
    return [slim(end, 9) for end in padded(places, share=0.08)]


def _hover(row: SweepRow, dot: Dot, name: str) -> str:
    lines = [f"<b>{plain(row.label)}</b>, {name}"]
    if dot.reported is not None:
        lines.append(f"report: {dot.reported:.5g}" + (" (disagrees)" if dot.disagrees else ""))
    if dot.mean is not None:
        lines.append(f"measured: {dot.mean:.5g}, {dot.repeats} run{'s' * (dot.repeats != 1)}")
    if dot.interval is not None:
        lines.append(f"one more run: {dot.interval[0]:.4g} to {dot.interval[1]:.4g}")
    return "<br>".join(lines)


PANEL = Panel(id="sweeps", title="The tables, measured", caption=caption, data=data, draw=draw, many=True)
