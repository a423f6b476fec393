"""Sections on what both configurations learn and say of the test rows, with examples of these rows.

Which rows are shown is a rule, not a choice: the first of the test rows of each kind, or the nearest and the farthest.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.experiments.findings import CurvePair, Findings, Predictions
from hpo.report.document import Cell, Mark, Part, Picture, Pictures, Table, Text
from hpo.report.figures.canvas import Charts
from hpo.report.figures.prediction_charts import near_and_far
from hpo.report.formatting import MINUS, figure, signed

__all__ = [
    "curves",
    "near_and_far_rows",
    "predicted",
    "right_and_wrong",
]


def curves(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Learning curves, and where they end."""
    found = findings.curves
    if found is None:
        return ()
    sides = {"optimum": found.optimum, "hand-picked": found.baseline}
    rows = tuple((name, *_ends(pair)) for name, pair in sides.items() if pair is not None)
    ends = Table(
        caption=f"{found.metric.capitalize()} after the last epoch, at fidelity {found.fidelity}",
        headings=("configuration", "epochs", "train", "validation"),
        rows=rows,
        right=frozenset({1, 2, 3}),
        note="Train is the running mean of the last epoch, taken while its weights still changed.",
    )
    return (*charts.of("curves"), ends)


def _ends(pair: CurvePair) -> tuple[str, str, str]:
    step, value = pair.validation[-1]
    return str(step), figure(pair.train[-1][1]) if pair.train else "–", figure(value)


def predicted(findings: Findings, charts: Charts) -> Sequence[Part]:
    """The figures, then one right and one wrong picture, or a near and a far row, as the report shows them."""
    predictions = findings.predictions
    if predictions is None:
        return ()
    both = predictions.optimum is not None and predictions.baseline is not None
    said = "both configurations" if both else "one configuration"
    lead = Text(text=f"The first pair of the comparison kept what {said} said of each test row.", tone="lead")
    shown = right_and_wrong(findings) if predictions.kind == "labels" else near_and_far_rows(findings)
    return (lead, *charts.of("confusion", "predicted"), *shown)


_SCALE = 6
"""Screen pixels a side for each pixel of the data, so that 28 x 28 are seen and stay sharp in print."""

_FEATURES = 40  # of a row, shown; more is no table for a person


def right_and_wrong(findings: Findings) -> Sequence[Part]:
    """The first test row of each kind: right or wrong, by one configuration or both; as pictures where they are."""
    found = findings.predictions
    assert found is not None
    rows = _firsts(found)
    if not rows:
        return ()
    caption = "The first test row of each kind, in the order of the test rows."
    if all(_is_picture(found.x[row]) for _, row in rows):
        return (Pictures(caption=caption, pictures=tuple(_picture(found, kind, row) for kind, row in rows)),)
    said = {name: values for name, values in _sides(found).items() if values is not None}
    answers = {"true class": found.truth, **said}
    columns = [(kind, row) for kind, row in rows]
    cells = {name: [_label(found, values[row]) for _, row in columns] for name, values in answers.items()}
    return (_table(found, columns, cells, f"One right, one wrong. {caption}"),)


def near_and_far_rows(findings: Findings) -> Sequence[Part]:
    """The row each configuration predicts best and the one it predicts worst, with all their features."""
    found = findings.predictions
    assert found is not None
    columns = []
    for name, values in _sides(found).items():
        if values is not None:
            near, far = near_and_far(found.truth, values)
            columns += [(f"nearest, {name}", near), (f"farthest, {name}", far)]
    cells: dict[str, list[str | Cell]] = {"true value": [_number(found.truth[row]) for _, row in columns]}
    for name, values in _sides(found).items():
        if values is not None:
            cells[f"{name} says"] = [_number(values[row]) for _, row in columns]
            cells[f"{name} is off by"] = [
                Cell(text=signed(float(values[row] - found.truth[row])), mark=_side_mark(name)) for _, row in columns
            ]
    unit = findings.definition.unit if findings.definition else ""
    caption = f"One near, one far{f' ({unit})' if unit else ''}"
    return (_table(found, columns, cells, caption),)


def _sides(found: Predictions) -> dict[str, NDArray[Any] | None]:
    return {"optimum": found.optimum, "hand-picked": found.baseline}


def _side_mark(name: str) -> Mark:
    return "optimum" if name == "optimum" else "baseline"


def _firsts(found: Predictions) -> list[tuple[str, int]]:
    """(kind, row) of the first test row of each kind there is."""
    right = {name: values == found.truth for name, values in _sides(found).items() if values is not None}
    if len(right) == 1:
        one = next(iter(right.values()))
        kinds = {"Right": one, "Wrong": ~one}
    else:
        ours, theirs = right["optimum"], right["hand-picked"]
        kinds = {
            "Right by both": ours & theirs,
            "Right by the optimum alone": ours & ~theirs,
            "Right by the hand-picked alone": ~ours & theirs,
            "Wrong by both": ~ours & ~theirs,
        }
    return [(kind, int(np.argmax(which))) for kind, which in kinds.items() if which.any()]


def _picture(found: Predictions, kind: str, row: int) -> Picture:
    true = _label(found, found.truth[row])
    said = [f"{name}: {_label(found, values[row])}" for name, values in _sides(found).items() if values is not None]
    answers = found.optimum if found.optimum is not None else found.baseline
    assert answers is not None  # else there would be no kinds
    mark: Mark = "good" if answers[row] == found.truth[row] else "bad"
    return Picture(
        uri=_uri(found.x[row]),
        alt=f"Test row {row}, a picture of class {true}",
        heading=kind,
        lines=(f"In the data set: {true}", *said, f"test row {row}"),
        mark=mark,
    )


def _label(found: Predictions, label: Any) -> str:
    number = int(label)
    return found.label_names[number] if 0 <= number < len(found.label_names) else f"class {number}"


def _number(value: Any) -> str:
    return f"{float(value):.5g}".replace("-", MINUS)


def _table(
    found: Predictions,
    columns: Sequence[tuple[str, int]],
    answers: "dict[str, list[str | Cell]] | dict[str, list[str]]",
    caption: str,
) -> Table:
    """A row of the data a column: what was said of it, then its features."""
    x = np.asarray(found.x).reshape(len(found.x), -1)
    names = found.feature_names if len(found.feature_names) == x.shape[1] else ()
    shown = min(x.shape[1], _FEATURES)
    features = [
        (names[at] if names else f"feature {at + 1}", *(_number(x[row, at]) for _, row in columns))
        for at in range(shown)
    ]
    left = f" The first {shown} of {x.shape[1]} features are shown." if shown < x.shape[1] else ""
    return Table(
        caption=caption,
        headings=("", *(f"{kind} (test row {row})" for kind, row in columns)),
        rows=(*((name, *cells) for name, cells in answers.items()), *features),
        right=frozenset(range(1, len(columns) + 1)),
        note=f"Off by: predicted less true.{left}" if found.kind == "values" else left.strip(),
    )


def _is_picture(row: NDArray[Any]) -> bool:
    """Whether one row is a picture: (height, width), or that with 1 or 3 channels, at least 8 x 8."""
    channels = row.shape[2] if row.ndim == 3 else 1
    return row.ndim in (2, 3) and channels in (1, 3) and min(row.shape[:2]) >= 8


def _uri(row: NDArray[Any]) -> str:
    """A picture as a data URI of a PNG, every pixel a square: nothing is smoothed.

    Args:
        row: as `_is_picture` wants it; bytes as they are, other numbers from their smallest (black) to their largest.

    """
    from PIL import Image

    pixels = np.asarray(row)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8:
        low, high = float(np.nanmin(pixels)), float(np.nanmax(pixels))
        pixels = np.nan_to_num((pixels - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    pixels = pixels.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
