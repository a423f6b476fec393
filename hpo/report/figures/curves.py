"""Learning curves of both configurations: how they got where they are, and whether they overfit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, slim, titled, window
from hpo.study.direction import better_word

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import CurvePair, Findings

__all__ = ["PANEL", "LearningCurves", "Line", "caption", "data", "draw"]

_MOST = 400  # points of one line: a phone has fewer pixels, a screen not many more


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve."""

    optimum: bool  # else the hand-picked configuration's
    validation: bool  # else of the training rows
    steps: tuple[int, ...]  # epochs, rising
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class LearningCurves:
    """The curves there are, training before validation."""

    metric: str
    unit: str
    direction: str  # maximize or minimize
    fidelity: str
    lines: tuple[Line, ...]


def data(findings: "Findings") -> LearningCurves | None:
    """Up to four curves; None where there is none."""
    curves = findings.curves
    if curves is None:
        return None
    lines = (*_lines(curves.baseline, optimum=False), *_lines(curves.optimum, optimum=True))
    if not lines:
        return None
    return LearningCurves(
        metric=curves.metric,
        unit=findings.definition.unit if findings.definition else "",
        direction=findings.record.direction,
        fidelity=curves.fidelity,
        lines=lines,
    )


def _lines(pair: "CurvePair | None", *, optimum: bool) -> tuple[Line, ...]:
    if pair is None:
        return ()
    found = []
    for validation, curve in ((False, pair.train), (True, pair.validation)):
        thin = _thinned(curve)
        if thin:
            steps, values = zip(*thin, strict=True)
            found.append(Line(optimum=optimum, validation=validation, steps=steps, values=values))
    return tuple(found)


def _thinned(curve: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
    """Evenly fewer points where there are more than can be seen; first and last stay."""
    stride = -(-len(curve) // _MOST)
    if stride <= 1:
        return curve
    return (*curve[:-1:stride], curve[-1])


def caption(record: LearningCurves) -> str:
    """What is to be seen."""
    text = (
        f"The metric as training went on, the mean over the last heat of the race (fidelity {record.fidelity}). Solid: "
        "validation rows. Dotted: training rows, while they were trained on. A gap between the two is overfit."
    )
    return f"{text} {better_word(record.direction).capitalize()} is better."


def draw(record: LearningCurves) -> "go.Figure":
    """Colour tells the configuration, the dash which rows; a marker closes each curve."""
    low, high = window(_settled(record), [line.values[-1] for line in record.lines])
    figure = canvas(
        height=380,
        x=axis("epoch", nticks=8, range=[0, slim(1.03 * max(line.steps[-1] for line in record.lines))]),
        y=axis(titled(record.metric, record.unit), range=slim([low, high], 9)),
    )
    for line in record.lines:
        side = "optimum" if line.optimum else "hand-picked"
        rows = "validation" if line.validation else "training"
        colour = (theme.OPTIMUM if line.optimum else theme.BASELINE).light
        last = len(line.steps) - 1
        figure.add_scatter(
            x=list(line.steps),
            y=slim(list(line.values)),
            mode="lines+markers",
            line={
                "color": colour,
                "width": 2 if line.validation else 1.5,
                "dash": "solid" if line.validation else "dot",
            },
            marker={
                "symbol": "circle" if line.optimum else "diamond",
                "size": [0] * last + [8] if last > 30 else 6,
                "color": colour,
                "line": {"width": 0},
            },
            name=f"{side}, {rows}",
            hovertemplate=f"{side}, {rows}<br>epoch %{{x}}: %{{y}}<extra></extra>",
        )
    return figure


def _settled(record: LearningCurves) -> list[float]:
    """The values after the first tenth of the epochs: how a curve falls from the sky tells nothing."""
    pairs = [(step, value) for line in record.lines for step, value in zip(line.steps, line.values, strict=True)]
    last = max(step for step, _ in pairs)
    return [value for step, value in pairs if step >= last / 10]


PANEL = Panel(id="curves", title="Learning curves", caption=caption, data=data, draw=draw)
