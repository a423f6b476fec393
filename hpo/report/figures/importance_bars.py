"""Parameter importances: how much each parameter matters, and how sure that is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, plain, short, slim
from hpo.report.figures.panel import Panel

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "Bar", "ImportanceChart", "caption", "data", "draw"]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One parameter; shares are from 0 to 1."""

    name: str
    share: float
    low: float  # ends of the 95 % interval
    high: float
    chance: float  # what a parameter without effect stays below, 95 %
    trials: int  # complete trials in which it was active


@dataclass(frozen=True, kw_only=True)
class ImportanceChart:
    """The parameters, the most important first."""

    evaluator: str
    trials: int
    bars: tuple[Bar, ...]
    note: str


def data(findings: "Findings") -> ImportanceChart | None:
    """The importances; None where too few trials say nothing."""
    found = findings.importances
    if found is None or not found.parameters:
        return None
    return ImportanceChart(
        evaluator=found.evaluator,
        trials=found.trials,
        bars=tuple(
            Bar(name=one.name, share=one.share, low=one.ci95[0], high=one.ci95[1], chance=one.chance, trials=one.trials)
            for one in found.parameters
        ),
        note=found.note,
    )


def caption(record: ImportanceChart) -> str:
    """What is to be seen."""
    text = (
        f"How much of what separates the good trials from the others lies in each parameter ({record.evaluator}, "
        f"{record.trials} complete trials). Whiskers: 95 % intervals from resampled trials. A bar that ends left of "
        "its tick (a grey one) could be chance."
    )
    return f"{text} {record.note[:1].upper()}{record.note[1:].rstrip('.')}." if record.note else text


def draw(record: ImportanceChart) -> "go.Figure":
    """A bar with its interval for each parameter, and a tick where chance ends; paler bars could be chance."""
    count = len(record.bars)
    most = max(max(bar.high, bar.share, bar.chance) for bar in record.bars)
    figure = canvas(
        height=120 + (30 if count <= 10 else 24) * count,
        x=axis("share of the importance", range=[0, slim(min(1.0, most * 1.08))], tickformat=".0%", nticks=6),
        y=axis(
            tickvals=list(range(count)),
            ticktext=[plain(short(bar.name)) for bar in record.bars],
            range=[count - 0.4, -0.6],
            showgrid=False,
        ),
        bargap=0.35,
    )
    figure.add_bar(
        orientation="h",
        x=slim([bar.share for bar in record.bars]),
        y=list(range(count)),
        marker={"color": [(theme.OPTIMUM if bar.share > bar.chance else theme.MUTED).light for bar in record.bars]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": slim([max(bar.high - bar.share, 0.0) for bar in record.bars]),
            "arrayminus": slim([max(bar.share - bar.low, 0.0) for bar in record.bars]),
            "color": theme.INK.light,
            "thickness": 1.5,
            "width": 4,
        },
        customdata=[[plain(b.name), *slim([b.low, b.high, b.chance]), b.trials] for b in record.bars],
        hovertemplate=(
            "<b>%{customdata[0]}</b>: %{x:.1%}<br>95 % interval %{customdata[1]:.1%} to %{customdata[2]:.1%}"
            "<br>chance alone stays below %{customdata[3]:.1%}<br>active in %{customdata[4]} trials<extra></extra>"
        ),
        name="importance with its 95 % interval",
        showlegend=False,
    )
    figure.add_scatter(
        x=slim([bar.chance for bar in record.bars]),
        y=list(range(count)),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 18, "color": theme.CHANCE.light, "line": {"width": 3}},
        name="chance alone stays left of this, 95 %",
        showlegend=True,
        hoverinfo="skip",
    )
    return figure


PANEL = Panel(id="importances", title="Parameter importances", caption=caption, data=data, draw=draw)
