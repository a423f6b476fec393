"""The way of each configuration from rung to rung of a search that climbs: a line for each that was promoted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, plain, slim, titled, words
from hpo.study.direction import better_word

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "Climb", "Way", "climb_caption", "climb_data", "draw_climb"]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One configuration and its value on each rung it is complete on."""

    values: tuple[tuple[int, float], ...]  # (rung, value), the lowest rung first
    params: dict[str, Any]
    prior: bool  # whether it is the hand-picked one
    optimum: bool  # whether it is what the search found


@dataclass(frozen=True, kw_only=True)
class Climb:
    """The configurations of a search that are complete on two rungs or more, and the values of the others."""

    metric: str
    value_name: str  # of the metric, as the axis says it
    unit: str
    direction: str  # maximize or minimize
    rungs: tuple[str, ...]  # names, the lowest first; the one that confirms last
    ways: tuple[Way, ...]  # of those that climbed, the hand-picked one and the optimum last, so that they lie on top
    stayed: tuple[tuple[int, float], ...]  # (rung, value) of those that are complete on one rung alone


def climb_data(findings: "Findings") -> Climb | None:
    """The ways; None where the search does not climb, or nothing has climbed yet."""
    if findings.climb is None:
        return None
    values: dict[str, dict[int, float]] = {}
    params: dict[str, dict[str, Any]] = {}
    for trial in findings.trials:
        if trial.state == "complete" and trial.value is not None and trial.digest is not None:
            values.setdefault(trial.digest, {})[trial.rung] = trial.value
            params[trial.digest] = dict(trial.params)
    best = findings.incumbents[0].slot.digest if findings.incumbents else None
    ways = [
        Way(
            values=tuple(sorted(its.items())),
            params=params[digest],
            prior=digest == findings.climb.prior,
            optimum=digest == best,
        )
        for digest, its in values.items()
        if len(its) > 1
    ]
    if not ways:
        return None
    return Climb(
        metric=findings.record.metric,
        value_name=findings.record.value_name,
        unit=findings.definition.unit if findings.definition else "",
        direction=findings.record.direction,
        rungs=findings.record.rung_names,
        ways=tuple(sorted(ways, key=lambda way: (way.optimum, way.prior))),
        stayed=tuple(next(iter(its.items())) for its in values.values() if len(its) == 1),
    )


def climb_caption(record: Climb) -> str:
    """What is to be seen."""
    better = better_word(record.direction).capitalize()
    *_, top, last = record.rungs
    hand = " The hand-picked configuration is the dashed line." if any(way.prior for way in record.ways) else ""
    return (
        f"Each line is a configuration that climbed, {len(record.ways)} in all; dots are the {len(record.stayed)} that "
        f"stayed where they were drawn. {better} is better. Only the order on each rung counts: fidelities differ in "
        f"level. Lines that cross are configurations whose order the lower rung had wrong, or that were lucky there; "
        f"at {last} the best are trained again at {top} with new seeds, and where there is a holdout on other rows, "
        f"which moves all of them alike; what one loses beside the others was luck.{hand}"
    )


def draw_climb(record: Climb) -> "go.Figure":
    """A line for each configuration that climbed."""
    last = len(record.rungs) - 1
    figure = canvas(
        height=400,
        x=axis(
            tickvals=list(range(last + 1)),
            ticktext=[plain(name) for name in record.rungs],
            range=[-0.15, last + 0.15],
            showgrid=True,
        ),
        y=axis(titled(record.value_name, record.unit)),
    )
    if record.stayed:
        figure.add_scatter(
            x=[rung for rung, _ in record.stayed],
            y=slim([value for _, value in record.stayed]),
            mode="markers",
            marker={"size": 5, "color": theme.MUTED.light, "opacity": 0.5},
            name=f"stayed ({len(record.stayed)})",
            hovertemplate="%{y}<extra></extra>",
        )
    named = set[str]()
    for way in record.ways:
        name, line = _style(way)
        rungs, values = zip(*way.values, strict=True)
        figure.add_scatter(
            x=list(rungs),
            y=slim(list(values)),
            mode="lines+markers",
            line=line,
            marker={"size": 8 if way.prior or way.optimum else 6, "symbol": "diamond" if way.prior else "circle"},
            name=name,
            legendgroup=name,
            showlegend=name not in named,
            text=[_hover(record.rungs, way, at) for at in way.values],
            hovertemplate="%{text}<extra></extra>",
        )
        named.add(name)
    return figure


def _style(way: Way) -> tuple[str, dict[str, Any]]:
    """Its name in the legend, and its line."""
    if way.prior:
        return "hand-picked", {"color": theme.BASELINE.light, "width": 3, "dash": "dash"}
    if way.optimum:
        return "optimum", {"color": theme.OPTIMUM.light, "width": 3}
    return "climbed", {"color": theme.MUTED.light, "width": 1.5}


def _hover(rungs: Sequence[str], way: Way, at: tuple[int, float]) -> str:
    rung, value = at
    return f"{plain(rungs[rung])}: {value:.5g}<br>{words(way.params)}"


PANEL = Panel(id="climb", title="From rung to rung", caption=climb_caption, data=climb_data, draw=draw_climb)
