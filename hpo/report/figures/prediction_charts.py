"""What both configurations say of the test rows: the confusion matrix, and predicted against true values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, padded, plain, short, slim, titled

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from hpo.experiments.findings import Findings

__all__ = [
    "CONFUSION",
    "PREDICTED",
    "Confusion",
    "PredictedValues",
    "confusion_caption",
    "confusion_data",
    "confusion_matrix",
    "draw_confusion",
    "draw_predicted",
    "near_and_far",
    "predicted_caption",
    "predicted_data",
]


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often each true class was taken for each class, by one configuration or by one more than by the other."""

    id: str
    title: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]  # (true, predicted) test rows; of a difference: optimum minus hand-picked
    shares: tuple[tuple[float, ...], ...]  # the same as shares of the true class; 0 where it has no row
    rows: int  # test rows
    difference: bool


def confusion_data(findings: "Findings") -> tuple[Confusion, ...] | None:
    """The optimum's matrix (or the only one there is) and its difference to the other; None without labels."""
    found = findings.predictions
    if found is None or found.kind != "labels" or not len(found.truth):
        return None
    both = [labels for labels in (found.optimum, found.baseline) if labels is not None]
    if not both:
        return None
    highest = max(int(labels.max()) for labels in (found.truth, *both))
    names = tuple(found.label_names) or tuple(str(number) for number in range(highest + 1))
    total = max(len(names), highest + 1)
    classes = (*names, *(str(number) for number in range(len(names), total)))
    first = confusion_matrix(found.truth, both[0], total)
    of_class = first.sum(axis=1, keepdims=True).clip(min=1)
    whose = "the optimum" if found.optimum is not None else "the hand-picked configuration"
    plan = [("confusion", f"Confusion matrix of {whose}", first, False)]
    if len(both) == 2:
        change = first - confusion_matrix(found.truth, both[1], total)
        plan.append(("confusion-difference", "What the optimum changed", change, True))
    return tuple(
        Confusion(
            id=name,
            title=title,
            classes=classes,
            counts=tuple(tuple(int(n) for n in row) for row in matrix),
            shares=tuple(tuple(float(n) for n in row) for row in matrix / of_class),
            rows=len(found.truth),
            difference=difference,
        )
        for name, title, matrix, difference in plan
    )


def confusion_matrix(truth: "NDArray[Any]", labels: "NDArray[Any]", classes: int) -> "NDArray[Any]":
    """(classes, classes) rows of each true class by the class they were taken for. Labels: (rows,) class numbers."""
    import numpy as np

    flat = np.bincount(np.asarray(truth, int) * classes + np.asarray(labels, int), minlength=classes**2)
    return flat.reshape(classes, classes)


def confusion_caption(record: Confusion) -> str:
    """What is to be seen."""
    if record.difference:
        right = sum(record.counts[at][at] for at in range(len(record.classes)))
        return (
            "Percentage points by which the optimum chose a class more often (blue, +) or less often (orange, −) than "
            "the hand-picked configuration did. On the diagonal more is better. In all the optimum has "
            f"{abs(right)} of {record.rows:,} test rows {'more' if right >= 0 else 'fewer'} right."
        )
    wrong = _worst(record)
    text = f"Of each true class (a row), the percentage taken for each class; {record.rows:,} test rows, one training."
    if wrong is None:
        return f"{text} Nothing was confused."
    true, taken, share = wrong
    return f"{text} Most often confused: {record.classes[true]} taken for {record.classes[taken]}, {share:.1%}."


def _worst(record: Confusion) -> tuple[int, int, float] | None:
    size = range(len(record.classes))
    share, true, taken = max(((record.shares[a][b], a, b) for a in size for b in size if a != b), default=(0.0, 0, 0))
    return (true, taken, share) if share > 0 else None


def draw_confusion(record: Confusion) -> "go.Figure":
    """Cells with percentages in those that have half a percent or more; counts on hover."""
    size = len(record.classes)
    places = list(range(size))
    labels = [plain(short(name, 12)) for name in record.classes]
    ticks = {"tickvals": places, "ticktext": labels, "showgrid": False}
    figure = canvas(
        height=min(130 + 31 * size, 700),
        x=axis("taken for", **ticks, tickangle=-60 if size > 3 else 0),
        y=axis("true class", **ticks, autorange="reversed"),
    )
    scale: Sequence[theme.Colour] = theme.DIFFERENCE if record.difference else theme.SEQUENCE
    reach = max(max(abs(share) for share in row) for row in record.shares) or 1.0
    figure.add_heatmap(
        x=places,
        y=places,
        z=[slim([100 * share for share in row], 4) for row in record.shares],
        zmin=slim(-100 * reach) if record.difference else 0,
        zmax=slim(100 * reach) if record.difference else 100,
        colorscale=[[at / (len(scale) - 1), colour.light] for at, colour in enumerate(scale)],
        showscale=False,
        text=[[_cell(share, record.difference) for share in row] for row in record.shares],
        texttemplate="%{text}" if size <= 12 else None,
        textfont={"size": 11 if size > 6 else 13},
        customdata=[
            [[plain(true), plain(taken), count] for taken, count in zip(record.classes, row, strict=True)]
            for true, row in zip(record.classes, record.counts, strict=True)
        ],
        xgap=1,
        ygap=1,
        hovertemplate=(
            "%{customdata[0]} taken for %{customdata[1]}<br>"
            + (
                "%{customdata[2]:+d} rows, %{z:+.1f} points"
                if record.difference
                else "%{customdata[2]} rows, %{z:.1f} %"
            )
            + "<extra></extra>"
        ),
    )
    return figure


def _cell(share: float, difference: bool) -> str:
    percent = 100 * share
    if abs(percent) < 0.5:
        return ""
    return f"{percent:+.0f}".replace("-", "−") if difference else f"{percent:.0f}"


CONFUSION = Panel(
    id="confusion",
    title="Confusion matrix",
    caption=confusion_caption,
    data=confusion_data,
    draw=draw_confusion,
    many=True,
)


@dataclass(frozen=True, kw_only=True)
class PredictedValues:
    """What one training of each configuration says of each test row."""

    unit: str
    truth: tuple[float, ...]  # (rows,)
    optimum: tuple[float, ...] | None  # (rows,)
    baseline: tuple[float, ...] | None
    near: int  # row its predictions (the optimum's, or the only ones) come closest to
    far: int  # and the row they miss by most


def predicted_data(findings: "Findings") -> PredictedValues | None:
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


def predicted_caption(record: PredictedValues) -> str:
    """What is to be seen."""
    parts = [f"Each of the {len(record.truth)} test rows once for each configuration, from the first pair's trainings."]
    parts.append("On the diagonal a prediction is right; above it, too high.")
    for name, values in (("optimum", record.optimum), ("hand-picked", record.baseline)):
        if values is not None:
            error = sum(abs(a - b) for a, b in zip(values, record.truth, strict=True)) / len(values)
            parts.append(f"Mean absolute error of the {name}: {error:.3g}.")
    return " ".join(parts)


def draw_predicted(record: PredictedValues) -> "go.Figure":
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


PREDICTED = Panel(
    id="predicted", title="Predicted against true", caption=predicted_caption, data=predicted_data, draw=draw_predicted
)
