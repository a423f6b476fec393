"""Ablations as charts: what each technique adds alone and in company, with intervals."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, padded, plain, short, slim, titled

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.analysis.ablation_effects import Effect
    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "AblationChart", "Added", "caption", "data", "draw"]


@dataclass(frozen=True, kw_only=True)
class Added:
    """What one technique adds in one company."""

    difference: float  # of mean scores; above 0 is better
    ci95: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class AblationChart:
    """One ablation."""

    id: str
    title: str
    metric: str
    unit: str
    repeats: int
    names: tuple[str, ...]  # of the techniques, from above
    alone: tuple[Added | None, ...]  # one a technique; None: not measured
    company: tuple[Added | None, ...]


def data(findings: "Findings") -> tuple[AblationChart, ...] | None:
    """A chart for each ablation some effect of which was measured."""
    report = findings.sweeps
    charts = [
        AblationChart(
            id=f"ablation-{one.id}",
            title=one.title,
            metric=report.metric,
            unit=report.unit,
            repeats=one.repeats,
            names=tuple(technique.name for technique in one.techniques),
            alone=tuple(_added(technique.alone) for technique in one.techniques),
            company=tuple(_added(technique.company) for technique in one.techniques),
        )
        for one in (report.ablations if report else ())
        if report is not None
    ]
    return tuple(chart for chart in charts if any((*chart.alone, *chart.company))) or None


def _added(effect: "Effect") -> Added | None:
    return None if effect.difference is None else Added(difference=effect.difference, ci95=effect.ci95)


def caption(record: AblationChart) -> str:
    """What is to be seen."""
    text = (
        "Circles: what a technique adds alone, to the plain configuration. Diamonds: what it adds in company of all "
        "the others. Right of 0 is better."
    )
    if None in (*record.alone, *record.company):
        text += " A mark that is missing has no score to stand on; the table says why."
    bars = any(one is not None and one.ci95 for one in (*record.alone, *record.company))
    return (
        f"{text} The bars are 95 % intervals." if bars else f"{text} One repeat tells no noise, so there are no bars."
    )


def draw(record: AblationChart) -> "go.Figure":
    """Techniques one under the other, two marks each."""
    known = [one for one in (*record.alone, *record.company) if one is not None]
    ends = [0.0, *(end for one in known for end in one.ci95 or (one.difference, one.difference))]
    figure = canvas(
        height=140 + 52 * len(record.names),
        x=axis(f"added {titled(record.metric, record.unit)}", range=slim(padded(ends), 9), nticks=6),
        y=axis(
            tickvals=list(range(len(record.names))),
            ticktext=[plain(short(name, 22)) for name in record.names],
            range=[len(record.names) - 0.4, -0.6],
            showgrid=False,
        ),
    )
    figure.add_vline(x=0, line={"color": theme.MUTED.light, "width": 1})
    sides = (
        ("alone", record.alone, "circle", theme.BASELINE, -0.15),
        ("in company", record.company, "diamond", theme.OPTIMUM, 0.15),
    )
    for name, column, symbol, colour, aside in sides:
        drawn = [(row, one) for row, one in enumerate(column) if one is not None]
        reach = [one.ci95 or (one.difference, one.difference) for _, one in drawn]
        figure.add_scatter(
            x=slim([one.difference for _, one in drawn]),
            y=[row + aside for row, _ in drawn],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": slim([high - one.difference for (_, high), (_, one) in zip(reach, drawn, strict=True)]),
                "arrayminus": slim([one.difference - low for (low, _), (_, one) in zip(reach, drawn, strict=True)]),
                "thickness": 1.5,
                "width": 4,
                "color": colour.light,
            },
            mode="markers",
            marker={"symbol": symbol, "size": 10, "color": colour.light},
            name=name,
            text=[plain(record.names[row]) for row, _ in drawn],
            hovertemplate=f"%{{text}}, {name}: %{{x}}<extra></extra>",
        )
    return figure


PANEL = Panel(id="ablations", title="What each technique adds", caption=caption, data=data, draw=draw, many=True)
