"""Confusion matrix: which classes are taken for which, and what the optimum changed there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, plain, short, slim
from hpo.report.figures.panel import Panel

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "Confusion", "caption", "confusion_matrix", "data", "draw"]


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


def data(findings: "Findings") -> tuple[Confusion, ...] | None:
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


def caption(record: Confusion) -> str:
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


def draw(record: Confusion) -> "go.Figure":
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


PANEL = Panel(id="confusion", title="Confusion matrix", caption=caption, data=data, draw=draw, many=True)
