"""The course of a search: the value of each trial, and the front of a search for several objectives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from hpo.analysis.methods import pareto
from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, log_ticks, note, plain, slim, titled, window, words
from hpo.storage.slots.slot import leading_values
from hpo.study.baseline import hand_picked
from hpo.study.direction import better_word, is_better
from hpo.study.direction import worst as worst_of
from hpo.study.objectives import wanted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings, TrialPoint

__all__ = [
    "FRONT",
    "HISTORY",
    "Front",
    "FrontMark",
    "History",
    "Mark",
    "Outcome",
    "draw_front",
    "draw_history",
    "front_caption",
    "front_data",
    "history_caption",
    "history_data",
]

Outcome = Literal["complete", "lower", "pruned", "infeasible", "failed"]
_IN_WORDS: dict[Outcome, str] = {
    "complete": "complete",
    "lower": "complete",  # and at which fidelity
    "pruned": "pruned",
    "infeasible": "infeasible",
    "failed": "failed",
}

_LOWER = ("circle", "diamond", "square")  # marks of the rungs below the highest fidelity, the lowest first


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One settled trial."""

    place: int  # from 1, in the order the trials settled
    number: int | None  # Optuna's
    outcome: Outcome  # lower: complete at a lower fidelity than the search's highest; infeasible: pruned without any
    # value, so never trained, or diverged at once
    value: float | None  # of a pruned one: its last report
    params: dict[str, Any]
    reason: str | None
    rung: str | None  # where the search climbs: the fidelity, or that it confirms


@dataclass(frozen=True, kw_only=True)
class History:
    """The trials of a search in the order they settled."""

    metric: str
    value_name: str  # of the metric, as the axis says it
    unit: str
    direction: str  # maximize or minimize
    marks: tuple[Mark, ...]
    best: tuple[tuple[int, float], ...]
    # (place, value) wherever the best so far changed: of complete trials of the highest fidelity, a mean once it was
    # trained again, which may be worse
    rungs: tuple[str, ...]  # names, the lowest first; empty where it does not climb
    baseline: float | None  # the hand-picked configuration's value in this search; None: it has none
    baseline_name: str | None
    passed: int | None  # place of the first trial better than the baseline; None: none is, or there is no baseline
    hand_rows: int | None  # rows of the report's tables: what somebody tried by hand; None: there are no such tables


def history_data(findings: "Findings") -> History | None:
    """The history; None where no trial has settled."""
    settled = [trial for trial in findings.trials if trial.state != "running"]
    if not settled:
        return None
    direction = findings.record.direction
    rungs = findings.record.rung_names if findings.record.rungs is not None else ()
    marks = tuple(_mark(place, trial, rungs) for place, trial in enumerate(settled, start=1))
    name, value = _baseline(findings)
    complete = [(mark.place, mark.value) for mark in marks if mark.outcome == "complete" and mark.value is not None]
    return History(
        metric=findings.record.metric,
        value_name=findings.record.value_name,
        unit=findings.definition.unit if findings.definition else "",
        direction=direction,
        marks=marks,
        best=_best_so_far(
            [(at, settled[at - 1].digest or at, value) for at, value in complete],
            direction,
            hand=next((trial.digest for trial in settled if trial.given), None),
        ),
        rungs=rungs,
        baseline=value,
        baseline_name=name,
        passed=None if value is None else next((at for at, v in complete if is_better(direction, v, value)), None),
        hand_rows=sum(len(sweep.rows) for sweep in findings.definition.tried_by_hand) or None
        if findings.definition
        else None,
    )


def _mark(place: int, trial: "TrialPoint", rungs: Sequence[str]) -> Mark:
    outcome: Outcome = "complete" if trial.state == "complete" else "failed" if trial.state == "failed" else "pruned"
    if outcome == "pruned" and trial.value is None:
        outcome = "infeasible"
    if outcome == "complete" and not trial.highest:
        outcome = "lower"
    return Mark(
        place=place,
        number=trial.number,
        outcome=outcome,
        value=trial.value if outcome in ("complete", "lower", "pruned") else None,
        params=dict(trial.params),
        reason=trial.reason,
        rung=rungs[trial.rung] if rungs else None,
    )


def _best_so_far(
    trainings: Sequence[tuple[int, object, float]], direction: str, *, hand: object
) -> tuple[tuple[int, float], ...]:
    """Wherever the incumbent's value changes; of each training its place, its configuration and its value."""
    values = leading_values([(configuration, value) for _, configuration, value in trainings], direction, hand=hand)
    steps: list[tuple[int, float]] = []
    for (place, *_), value in zip(trainings, values, strict=True):
        if not steps or value != steps[-1][1]:
            steps.append((place, value))
    return tuple(steps)


def _baseline(findings: "Findings") -> tuple[str | None, float | None]:
    """Its name and its value in the search: as the comparison has it, or from the trial with its configuration."""
    if findings.comparison is not None:
        return findings.comparison.baseline.name, findings.comparison.baseline.value
    record, definition = findings.record, findings.definition
    first = None if definition is None else hand_picked(definition.baselines, record.space, record.hand)
    if first is None:
        return None, None
    params = dict(first.params_in(record.space))
    its = [t for t in findings.trials if t.state == "complete" and t.highest and dict(t.params) == params]
    values = [trial.value for trial in its if trial.value is not None]
    return first.name, fmean(values) if values else None


def history_caption(record: History) -> str:
    """What is to be seen."""
    counts = Counter(_in_words(mark) for mark in record.marks)
    order = dict.fromkeys(["complete", *_groups(record), *_IN_WORDS.values()])
    said = ", ".join(f"{counts[kind]} {kind}" for kind in order if counts[kind])
    total = len(record.marks)
    better = better_word(record.direction).capitalize()
    parts = [f"{total} trial{'s' * (total != 1)} in the order they settled: {said}. {better} is better."]
    if record.baseline is not None:
        reached = f"The hand-picked configuration ({record.baseline_name}) reached {record.baseline:.4g} in this search"
        when = f"trial {record.passed} of them was the first to pass it" if record.passed else "no trial passed it"
        parts.append(f"{reached}; {when}.")
    if record.rungs:
        parts.append(
            "Values of different fidelities cannot be compared: the best so far goes by the highest one, and by the "
            "mean of what was trained again."
        )
    if record.hand_rows is not None:
        parts.append(f"The hand method tried {record.hand_rows} rows of tables: the vertical line.")
    low, high = _window(record)
    beyond = sum(mark.value is not None and not low <= mark.value <= high for mark in record.marks)
    if beyond:
        parts.append(f"{beyond} {'lies' if beyond == 1 else 'lie'} beyond the edge {_drawn_on(beyond)}.")
    return " ".join(parts)


def _drawn_on(count: int) -> str:
    return "it is drawn on" if count == 1 else "they are drawn on"


def draw_history(record: History) -> "go.Figure":
    """A mark for each trial; those without a value at the edge of the worst, those beyond the window at its edge."""
    total = len(record.marks)
    low, high = slim(list(_window(record)))  # as the marks are rounded: Plotly hides one a hair beyond the range
    last = max(total, record.hand_rows or 0)
    figure = canvas(
        height=400,
        x=axis("trials, in the order they settled", range=[0, last * 1.02 + 1], nticks=8),
        y=axis(titled(record.value_name, record.unit), range=[low, high]),
    )
    small = {"size": 7 if total <= 300 else 5}
    styles: dict[str, tuple[str, str, dict[str, Any]]] = {
        "pruned": (
            "pruned: its last report",
            theme.MUTED.light,
            {**small, "symbol": "x-thin-open", "line": {"width": 1.5}},
        ),
        **{
            kind: (kind, theme.MUTED.light, {**small, "symbol": f"{_LOWER[at % 3]}-open", "line": {"width": 1.5}})
            for at, kind in enumerate(_groups(record))
        },
        "complete": ("complete", theme.OPTIMUM.light, {**small, "symbol": "circle", "opacity": 0.75}),
        "infeasible": ("infeasible", theme.MUTED.light, {"size": 9, "symbol": "line-ns-open", "line": {"width": 1.5}}),
        "failed": ("failed", theme.BAD.light, {"size": 9, "symbol": "triangle-down-open", "line": {"width": 1.5}}),
    }
    worst = worst_of(record.direction, (low, high))
    for kind, (name, colour, marker) in styles.items():
        its = [mark for mark in record.marks if _in_words(mark) == kind]
        if its:
            figure.add_scatter(
                x=[mark.place for mark in its],
                y=slim([worst if mark.value is None else min(max(mark.value, low), high) for mark in its]),
                text=[_hover(mark) for mark in its],
                mode="markers",
                marker={**marker, "color": colour},
                cliponaxis=False,
                name=f"{name} ({len(its)})",
                hovertemplate="%{text}<extra></extra>",
            )
    if record.best:
        places, values = zip(*record.best, strict=True)
        figure.add_scatter(
            x=[*places, total],
            y=slim([*values, values[-1]]),
            mode="lines",
            line={"color": theme.INK.light, "width": 2, "shape": "hv"},
            name="best so far",
            hovertemplate="best so far: %{y}<extra></extra>",
        )
    if record.baseline is not None:
        figure.add_scatter(
            x=[0, last * 1.02 + 1],
            y=slim([record.baseline] * 2),
            mode="lines",
            line={"color": theme.BASELINE.light, "width": 2, "dash": "dash"},
            name=f"hand-picked: {record.baseline:.4g}",
            hovertemplate="hand-picked: %{y}<extra></extra>",
        )
    if record.hand_rows is not None:
        at = record.hand_rows
        line = {"color": theme.REPORTED.light, "width": 1.5, "dash": "dot"}
        figure.add_shape(type="line", x0=at, x1=at, yref="paper", y0=0, y1=1, line=line)
        side = "left" if at < last / 2 else "right"
        text = f"{at} rows tried by hand"
        figure.add_annotation(note(text, x=at, xanchor=side, yref="paper", y=1, yanchor="bottom", yshift=7))
    return figure


def _window(record: History) -> tuple[float, float]:
    """The complete trials, and at most as much room again on either side for the last reports of pruned ones."""
    complete = [m.value for m in record.marks if m.outcome in ("complete", "lower") and m.value is not None]
    every = [mark.value for mark in record.marks if mark.value is not None]
    keep = [value for _, value in record.best[-1:]] + ([record.baseline] if record.baseline is not None else [])
    low, high = window(complete or every, keep)
    span = high - low
    least, most = min(every, default=low) - 0.03 * span, max(every, default=high) + 0.03 * span
    return max(min(low, least), low - span), min(max(high, most), high + span)


def _hover(mark: Mark) -> str:
    head = f"trial {mark.number}" if mark.number is not None else "a trial"
    value = f": {mark.value:.5g}" if mark.value is not None else ""
    tail = f"<br>{plain(mark.reason)[:200]}" if mark.reason else ""
    where = f" at {mark.rung}" if mark.rung and mark.outcome != "lower" else ""
    return f"{head} {plain(_in_words(mark))}{plain(where)}{value}{tail}<br>{words(mark.params)}"


def _in_words(mark: Mark) -> str:
    return f"{_IN_WORDS[mark.outcome]} at {mark.rung}" if mark.outcome == "lower" else _IN_WORDS[mark.outcome]


def _groups(record: History) -> list[str]:
    """What is complete on the rungs below the highest fidelity, in words, a group a rung."""
    there = {mark.rung for mark in record.marks if mark.outcome == "lower"}
    return [f"{_IN_WORDS['lower']} at {name}" for name in record.rungs if name in there]


HISTORY = Panel(
    id="history", title="Optimization history", caption=history_caption, data=history_data, draw=draw_history
)


_UNITS = {"latency": "s"}  # of a cost's axis


@dataclass(frozen=True, kw_only=True)
class FrontMark:
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
    value_name: str  # of the metric, as the axis says it
    unit: str  # of the metric
    cost: str
    objectives: int  # of the search; with more than two the front's marks need not be a line here
    direction: str  # of the metric
    cost_direction: str = "minimize"
    marks: tuple[FrontMark, ...]


def front_data(findings: "Findings") -> tuple[Front, ...] | None:
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
            value_name=record.value_name,
            unit=findings.definition.unit if findings.definition else "",
            cost=cost,
            objectives=len(points[0]),
            direction=record.direction,
            cost_direction=record.directions[place],
            marks=tuple(
                FrontMark(
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


def front_caption(record: Front) -> str:
    """What is to be seen."""
    best = sum(mark.best for mark in record.marks)
    better = better_word(record.direction).capitalize()
    every = "both" if record.objectives == 2 else f"all {record.objectives}"
    against = wanted({record.cost: record.cost_direction})
    return (
        f"{len(record.marks)} complete trials, {best} of them on the front: no trial beats one of these in {every} "
        f"objectives. {better} {record.metric} is better, and {against}. Each is the best of many, so somewhat lucky."
    )


def draw_front(record: Front) -> "go.Figure":
    """A mark for each trial; those on the front are joined."""
    costs = [mark.cost for mark in record.marks]
    scale: dict[str, Any] = {"nticks": 6}
    if min(costs) > 0:
        ticks = log_ticks(min(costs), max(costs))
        scale = {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,.6g}" for tick in ticks]}
    figure = canvas(
        height=400,
        x=axis(titled(record.cost, _UNITS.get(record.cost, "")), **scale),
        y=axis(titled(record.value_name, record.unit)),
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
                text=[_front_hover(record, mark) for mark in its],
                mode=mode,
                line={"color": colour, "width": 2, "shape": "hv"},
                marker={"size": 8 if best else 6, "color": colour},
                name=f"{name} ({len(its)})",
                hovertemplate="%{text}<extra></extra>",
            )
    return figure


def _front_hover(record: Front, mark: FrontMark) -> str:
    head = f"trial {mark.number}" if mark.number is not None else "a trial"
    return f"{head}: {record.metric} {mark.value:.5g}, {record.cost} {mark.cost:.4g}<br>{words(mark.params)}"


FRONT = Panel(id="front", title="The front", caption=front_caption, data=front_data, draw=draw_front, many=True)
