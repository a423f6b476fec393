"""The Pareto front: the metric against each cost it was weighed against, every complete trial a mark."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.analysis.methods import pareto
from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, log_ticks, slim, titled, words
from hpo.report.figures.panel import Panel
from hpo.study.direction import better_word
from hpo.study.objectives import less

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "Front", "Mark", "caption", "data", "draw"]

_UNITS = {"latency": "s"}  # of a cost's axis


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One complete trial."""

    number: int | None  # Optuna's
    value: float  # of the metric
    cost: float
    best: bool  # whether no trial beats it in all objectives
    params: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Front:
    """The metric against one cost."""

    id: str  # front-latency
    title: str
    metric: str
    unit: str  # of the metric
    cost: str
    objectives: int  # of the search; with more than two the front's marks need not be a line here
    direction: str  # of the metric
    marks: tuple[Mark, ...]


def data(findings: "Findings") -> tuple[Front, ...] | None:
    """A figure for each cost; None where the metric alone was searched for, or nothing is complete."""
    record = findings.record
    complete = [t for t in findings.trials if t.state == "complete" and len(t.further) == len(record.costs)]
    points = [(trial.value, *trial.further) for trial in complete if trial.value is not None]
    if not record.costs or not points:
        return None
    best = set(pareto.front(points, record.directions))
    return tuple(
        Front(
            id=f"front-{cost}",
            title=f"{record.metric} against {cost}",
            metric=record.metric,
            unit=findings.definition.unit if findings.definition else "",
            cost=cost,
            objectives=len(points[0]),
            direction=record.direction,
            marks=tuple(
                Mark(
                    number=trial.number,
                    value=point[0],
                    cost=point[place],
                    best=at in best,
                    params=dict(trial.params),
                )
                for at, (trial, point) in enumerate(zip(complete, points, strict=True))
            ),
        )
        for place, cost in enumerate(record.costs, start=1)
    )


def caption(record: Front) -> str:
    """What is to be seen."""
    best = sum(mark.best for mark in record.marks)
    better = better_word(record.direction).capitalize()
    every = "both" if record.objectives == 2 else f"all {record.objectives}"
    return (
        f"{len(record.marks)} complete trials, {best} of them on the front: no trial beats one of these in {every} "
        f"objectives. {better} {record.metric} is better, and {less([record.cost])}. The values are of validation rows "
        "and the best of many, so each is somewhat lucky."
    )


def draw(record: Front) -> "go.Figure":
    """A mark for each trial; those on the front are joined."""
    costs = [mark.cost for mark in record.marks]
    scale: dict[str, Any] = {"nticks": 6}
    if min(costs) > 0:
        ticks = log_ticks(min(costs), max(costs))
        scale = {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,.6g}" for tick in ticks]}
    figure = canvas(
        height=400,
        x=axis(titled(record.cost, _UNITS.get(record.cost, "")), **scale),
        y=axis(titled(f"validation {record.metric}", record.unit)),
    )
    for best, name, colour, mode in (
        (False, "other complete trials", theme.MUTED.light, "markers"),
        (True, "front", theme.OPTIMUM.light, "lines+markers" if record.objectives == 2 else "markers"),
    ):
        its = sorted((mark for mark in record.marks if mark.best is best), key=lambda mark: mark.cost)
        if its:
            figure.add_scatter(
                x=slim([mark.cost for mark in its]),
                y=slim([mark.value for mark in its]),
                text=[_hover(record, mark) for mark in its],
                mode=mode,
                line={"color": colour, "width": 2, "shape": "hv"},
                marker={"size": 8 if best else 6, "color": colour},
                name=f"{name} ({len(its)})",
                hovertemplate="%{text}<extra></extra>",
            )
    return figure


def _hover(record: Front, mark: Mark) -> str:
    head = f"trial {mark.number}" if mark.number is not None else "a trial"
    return f"{head}: {record.metric} {mark.value:.5g}, {record.cost} {mark.cost:.4g}<br>{words(mark.params)}"


PANEL = Panel(id="front", title="The front", caption=caption, data=data, draw=draw, many=True)
