"""Which parameters of a search matter, as bars, and how two of them act together, as a map."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, log_ticks, padded, plain, short, slim, window
from hpo.study.direction import better_word, loss, sign

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings

__all__ = [
    "IMPORTANCE",
    "INTERACTION",
    "Axis",
    "Bar",
    "ImportanceChart",
    "InteractionChart",
    "draw_importance",
    "draw_interaction",
    "importance_caption",
    "importance_data",
    "interaction_caption",
    "interaction_data",
]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One parameter; shares are from 0 to 1."""

    name: str
    share: float
    low: float  # ends of the 95 % interval
    high: float
    chance: float  # what a parameter without effect stays below, 95 %
    trials: int  # in which it was active


@dataclass(frozen=True, kw_only=True)
class ImportanceChart:
    """The parameters, the most important first."""

    evaluator: str
    trials: int
    basis: str  # which trials, in words
    bars: tuple[Bar, ...]
    note: str


def importance_data(findings: "Findings") -> ImportanceChart | None:
    """The importances; None where too few trials say nothing."""
    found = findings.importances
    if found is None or not found.parameters:
        return None
    return ImportanceChart(
        evaluator=found.evaluator,
        trials=found.trials,
        basis=found.basis,
        bars=tuple(
            Bar(name=one.name, share=one.share, low=one.ci95[0], high=one.ci95[1], chance=one.chance, trials=one.trials)
            for one in found.parameters
        ),
        note=found.note,
    )


def importance_caption(record: ImportanceChart) -> str:
    """What is to be seen."""
    text = (
        f"How much of what separates the good trials from the others lies in each parameter ({record.evaluator}, "
        f"{record.trials} trials {record.basis}). Whiskers: 95 % intervals from resampled trials. A bar that ends left "
        "of its tick (a grey one) could be chance."
    )
    return f"{text} {record.note[:1].upper()}{record.note[1:].rstrip('.')}." if record.note else text


def draw_importance(record: ImportanceChart) -> "go.Figure":
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


IMPORTANCE = Panel(
    id="importances",
    title="Parameter importances",
    caption=importance_caption,
    data=importance_data,
    draw=draw_importance,
)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One of the two parameters."""

    name: str
    log: bool
    ticks: tuple[str, ...]  # its values one beside the other, where it is not drawn as a number; empty where it is


@dataclass(frozen=True, kw_only=True)
class InteractionChart:
    """Trials in the plane of two parameters, or means of the cells where both take few values."""

    x: Axis
    y: Axis
    metric: str
    unit: str
    direction: str  # maximize or minimize
    points: tuple[tuple[float, float, float], ...]
    # (x, y, value) of each trial; x and y are the parameter, or the number of its tick, from 0
    means: tuple[tuple[float | None, ...], ...]  # (y ticks, x ticks) where there is a grid; else empty
    counts: tuple[tuple[int, ...], ...]  # likewise: trials behind each mean
    strength: float | None  # share of what both explain together that only their combination does
    p_value: float | None  # that the combination explains nothing of its own


def interaction_data(findings: "Findings") -> InteractionChart | None:
    """The interaction; None where there is none to show."""
    found = findings.interaction
    if found is None or not found.points:
        return None
    grid = found.grid
    xs, ys, values = zip(*found.points, strict=True)
    x, at_x = _axis(found.first, xs, grid.columns if grid else (), log=found.first_log, kind=found.first_kind)
    y, at_y = _axis(found.second, ys, grid.rows if grid else (), log=found.second_log, kind=found.second_kind)
    return InteractionChart(
        x=x,
        y=y,
        metric=findings.record.metric,
        unit=findings.definition.unit if findings.definition else "",
        direction=findings.record.direction,
        points=tuple(zip(at_x, at_y, values, strict=True)),
        means=grid.means if grid else (),
        counts=grid.counts if grid else (),
        strength=found.strength,
        p_value=found.p_value,
    )


def _axis(
    name: str, values: Sequence[Any], listed: Sequence[Any], *, log: bool, kind: str
) -> tuple[Axis, tuple[float, ...]]:
    """The axis, and where each value lies on it."""
    if not listed and kind == "numeric":
        return Axis(name=name, log=log, ticks=()), tuple(float(value) for value in values)
    known = list(listed) or sorted(dict.fromkeys(values), key=str)
    places = tuple(float(known.index(value)) for value in values)
    return Axis(name=name, log=False, ticks=tuple(str(slim(value)) for value in known)), places


def interaction_caption(record: InteractionChart) -> str:
    """What is to be seen."""
    better = better_word(record.direction)
    what = "Mean value of the trials in each cell" if record.means else "Each dot is a complete trial"
    text = f"{what}, by {record.x.name} and {record.y.name}; the stronger the colour, the better ({better})."
    if record.strength is None:
        return text
    chance = record.p_value is not None and record.p_value >= 0.05
    return f"{text} Of what the two explain, {record.strength:.0%} is their combination, the rest each by itself" + (
        ", which could be chance." if chance else "."
    )


def draw_interaction(record: InteractionChart) -> "go.Figure":
    """A heat map of the grid, or a scatter of the trials; strong colour is good in either direction."""
    xs, ys, _ = zip(*record.points, strict=True)
    figure = canvas(height=400, x=_drawn(record.x, xs), y=_drawn(record.y, ys))
    low, high = window([value for _, _, value in record.points])
    known = [value for _, _, value in record.points]
    low, high = max(low, min(known)), min(high, max(known))
    scale = [[at / (len(theme.SEQUENCE) - 1), colour.light] for at, colour in enumerate(theme.SEQUENCE)]
    shades: dict[str, Any] = {
        "colorscale": scale,
        "reversescale": sign(record.direction) < 0,
        "colorbar": {
            "title": {"text": plain(record.metric), "font": {"size": 12}},
            "thickness": 12,
            "len": 0.9,
            "outlinewidth": 0,
            "nticks": 5,
            "tickfont": {"size": 12},
        },
    }
    if record.means:
        _heat(figure, record, {**shades, "zmin": slim(low), "zmax": slim(high)})
    else:
        _dots(figure, record, {**shades, "cmin": slim(low), "cmax": slim(high)})
    return figure


def _heat(figure: "go.Figure", record: InteractionChart, shades: dict[str, Any]) -> None:
    few = len(record.x.ticks) <= 6
    figure.add_heatmap(
        x=list(range(len(record.x.ticks))),
        y=list(range(len(record.y.ticks))),
        z=[slim(row) for row in record.means],
        customdata=[list(row) for row in record.counts],
        text=[["" if mean is None else f"{mean:.3g}" for mean in row] for row in record.means] if few else None,
        texttemplate="%{text}" if few else None,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        hovertemplate=(
            f"{plain(record.x.name)} %{{x}}<br>{plain(record.y.name)} %{{y}}"
            "<br>mean %{z} of %{customdata} trials<extra></extra>"
        ),
        **shades,
    )


def _dots(figure: "go.Figure", record: InteractionChart, shades: dict[str, Any]) -> None:
    # The good ones last, so that they lie on top of the others.
    points = sorted(record.points, key=lambda point: loss(record.direction, point[2]), reverse=True)
    xs, ys, values = zip(*points, strict=True)
    figure.add_scatter(
        x=slim(_spread(record.x, xs)),
        y=slim(_spread(record.y, ys)),
        text=[
            f"{_said(record.x, x)}<br>{_said(record.y, y)}<br>{plain(record.metric)} {value:.5g}"
            for x, y, value in points
        ],
        mode="markers",
        marker={"size": 10, "color": slim(list(values)), "line": {"width": 1, "color": theme.MUTED.light}, **shades},
        showlegend=False,
        hovertemplate="%{text}<extra></extra>",
    )


def _spread(one: Axis, places: Sequence[float]) -> list[float]:
    """Trials of one tick side by side by a fixed rule, or they would hide one another."""
    if not one.ticks:
        return list(places)
    return [place + 0.5 * (math.modf(number * 0.618034)[0] - 0.5) for number, place in enumerate(places)]


def _said(one: Axis, place: float) -> str:
    return plain(f"{one.name} {one.ticks[int(place)] if one.ticks else slim(place)}")


def _drawn(one: Axis, places: Sequence[float]) -> dict[str, Any]:
    name = plain(one.name)
    if one.ticks:
        places = list(range(len(one.ticks)))
        ends = [-0.5, len(one.ticks) - 0.5]
        ticktext = [plain(short(tick, 14)) for tick in one.ticks]
        return axis(name, tickvals=places, ticktext=ticktext, range=ends, showgrid=False)
    if not one.log:
        return axis(name, nticks=6)
    ticks = log_ticks(min(places), max(places))
    ends = [slim(end, 9) for end in padded([math.log10(place) for place in places])]
    return axis(name, type="log", range=ends, tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])


INTERACTION = Panel(
    id="interaction",
    title="The two most important together",
    caption=interaction_caption,
    data=interaction_data,
    draw=draw_interaction,
)
