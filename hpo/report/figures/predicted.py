"""Predicted against true values of the test rows, for both configurations."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, padded, slim, titled
from hpo.report.figures.panel import Panel

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "PredictedValues", "caption", "data", "draw", "near_and_far"]


@dataclass(frozen=True, kw_only=True)
class PredictedValues:
    """What one training of each configuration says of each test row."""

    unit: str
    truth: tuple[float, ...]  # (rows,)
    optimum: tuple[float, ...] | None  # (rows,)
    baseline: tuple[float, ...] | None
    near: int  # row its predictions (the optimum's, or the only ones) come closest to
    far: int  # and the row they miss by most


def data(findings: "Findings") -> PredictedValues | None:
    """The values; None where nothing was predicted, or classes were."""
    found = findings.predictions
    if found is None or found.kind != "values" or not len(found.truth):
        return None
    shown = found.optimum if found.optimum is not None else found.baseline
    if shown is None:
        return None
    near, far = near_and_far(found.truth, shown)
    return PredictedValues(
        unit=findings.definition.unit if findings.definition else "",
        truth=_floats(found.truth),
        optimum=None if found.optimum is None else _floats(found.optimum),
        baseline=None if found.baseline is None else _floats(found.baseline),
        near=near,
        far=far,
    )


def near_and_far(truth: "NDArray[Any]", predicted: "NDArray[Any]") -> tuple[int, int]:
    """Index of the row predicted best and of the row predicted worst; (rows,) each, the first of equals."""
    import numpy as np

    misses = np.abs(np.asarray(predicted, float).reshape(-1) - np.asarray(truth, float).reshape(-1))
    return int(misses.argmin()), int(misses.argmax())


def _floats(values: "NDArray[Any]") -> tuple[float, ...]:
    return tuple(float(value) for value in values.reshape(-1))


def caption(record: PredictedValues) -> str:
    """What is to be seen."""
    parts = [f"Each of the {len(record.truth)} test rows once for each configuration, from the first pair's trainings."]
    parts.append("On the diagonal a prediction is right; above it, too high.")
    for name, values in (("optimum", record.optimum), ("hand-picked", record.baseline)):
        if values is not None:
            error = sum(abs(a - b) for a, b in zip(values, record.truth, strict=True)) / len(values)
            parts.append(f"Mean absolute error of the {name}: {error:.3g}.")
    return " ".join(parts)


def draw(record: PredictedValues) -> "go.Figure":
    """Dots over a diagonal; the nearest and the farthest row are ringed and named."""
    every = [*record.truth, *(record.optimum or ()), *(record.baseline or ())]
    ends = slim(padded(every, share=0.04), 9)
    figure = canvas(
        height=460,
        x=axis(titled("true value", record.unit), range=ends, nticks=7),
        y=axis(titled("predicted", record.unit), range=ends, nticks=7),
    )
    line = {"color": theme.MUTED.light, "width": 1.5, "dash": "dash"}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=line, name="right", hoverinfo="skip")
    for name, values, colour, symbol in (
        ("hand-picked", record.baseline, theme.BASELINE, "diamond-open"),
        ("optimum", record.optimum, theme.OPTIMUM, "circle"),
    ):
        if values is not None:
            figure.add_scatter(
                x=slim(list(record.truth)),
                y=slim(list(values)),
                customdata=slim([a - b for a, b in zip(values, record.truth, strict=True)], 3),
                mode="markers",
                marker={"symbol": symbol, "size": 7, "color": colour.light, "opacity": 0.8},
                name=name,
                hovertemplate=f"row %{{pointNumber}}, {name}<br>true %{{x}}, predicted %{{y}} (%{{customdata:+.3~g}})"
                "<extra></extra>",
            )
    shown = record.optimum or record.baseline or ()
    figure.add_scatter(
        x=slim([record.truth[record.near], record.truth[record.far]]),
        y=slim([shown[record.near], shown[record.far]]),
        mode="markers",
        marker={"symbol": "circle-open", "size": 16, "color": theme.INK.light, "line": {"width": 2}},
        name="nearest and farthest",
        hoverinfo="skip",
    )
    for at, word in ((record.near, "nearest"), (record.far, "farthest")):
        figure.add_annotation(_callout(word, record.truth[at], shown[at]))
    return figure


def _callout(word: str, true: float, said: float) -> dict[str, Any]:
    """A word beside a dot, on the side of the diagonal where fewer dots are in its way."""
    above = said >= true
    return {
        "text": word,
        "x": slim(true),
        "y": slim(said),
        "ax": -45 if above else 45,
        "ay": -45 if above else 35,
        "standoff": 9,
        "arrowwidth": 1,
        "arrowhead": 0,
        "arrowcolor": theme.INK.light,
        "bgcolor": theme.PAPER.light,
        "font": {"size": 13, "color": theme.INK.light},
    }


PANEL = Panel(id="predicted", title="Predicted against true", caption=caption, data=data, draw=draw)
