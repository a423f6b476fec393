"""Figures of the two configurations: learning curves, confusion matrix, predicted against true."""

import math
from typing import Any

import numpy as np
import pytest
import told
from hypothesis import given
from hypothesis import strategies as st

from hpo.experiments.findings import CurvePair, Curves, Predictions
from hpo.report.figures import curves, prediction_charts


def learned(optimum: CurvePair | None, baseline: CurvePair | None) -> Curves:
    return Curves(optimum=optimum, baseline=baseline, fidelity="full", metric="accuracy")


def test_training_and_validation_curves_of_both_sides_are_drawn() -> None:
    ours = CurvePair(validation=((1, 0.5), (2, 0.7)), train=((1, 0.6), (2, 0.9)))
    theirs = CurvePair(validation=((1, 0.4), (2, 0.6)), train=())
    record = curves.data(told.findings(curves=learned(ours, theirs)))
    assert record is not None
    figure = curves.draw(record)
    assert {trace.name for trace in figure.data} == {
        "optimum, training",
        "optimum, validation",
        "hand-picked, validation",
    }
    line = told.by_name(figure, "optimum, validation")
    assert (list(line.x), list(line.y)) == ([1, 2], [0.5, 0.7])
    assert told.by_name(figure, "optimum, training").line.dash != line.line.dash
    assert told.by_name(figure, "hand-picked, validation").marker.symbol != line.marker.symbol


def test_a_long_curve_keeps_its_ends() -> None:
    long = tuple((step, math.sin(step / 50)) for step in range(1, 2001))
    record = curves.data(told.findings(curves=learned(CurvePair(validation=long, train=()), None)))
    assert record is not None
    (line,) = record.lines
    assert len(line.steps) <= 402
    assert (line.steps[0], line.steps[-1]) == (1, 2000)
    assert set(zip(line.steps, line.values, strict=True)) <= set(long)


def test_a_high_start_of_a_curve_does_not_hide_its_end() -> None:
    falling = tuple((step, 2.0 + 20 * math.exp(-step / 8)) for step in range(1, 101))
    record = curves.data(told.findings("minimize", curves=learned(CurvePair(validation=falling, train=()), None)))
    assert record is not None
    low, high = curves.draw(record).layout.yaxis.range
    assert low < 2.01 < 2.2 < high < 4.0


def test_findings_without_curves_have_no_curve_figure() -> None:
    assert curves.data(told.findings()) is None
    assert curves.data(told.findings(curves=learned(None, None))) is None
    assert curves.data(told.findings(curves=learned(CurvePair(validation=(), train=()), None))) is None


def said(kind: Any, truth: Any, optimum: Any, baseline: Any = None, names: tuple[str, ...] = ()) -> Predictions:
    arrays = {name: None if v is None else np.asarray(v) for name, v in (("optimum", optimum), ("baseline", baseline))}
    return Predictions(
        truth=np.asarray(truth), kind=kind, label_names=names, feature_names=(), x=np.zeros((len(truth), 1)), **arrays
    )


def test_the_confusion_matrix_counts_true_classes_by_row() -> None:
    labels = said("labels", [0, 0, 0, 1, 1], [0, 1, 1, 1, 1], [0, 0, 0, 0, 1], ("cat", "dog"))
    records = prediction_charts.confusion_data(told.findings(predictions=labels))
    assert records is not None
    first, change = records
    assert first.counts == ((1, 2), (0, 2))
    assert first.shares == ((pytest.approx(1 / 3), pytest.approx(2 / 3)), (0.0, 1.0))
    assert change.counts == ((-2, 2), (-1, 1))
    assert change.shares[0] == (pytest.approx(-2 / 3), pytest.approx(2 / 3))
    assert "cat taken for dog, 66.7%" in prediction_charts.confusion_caption(first)
    assert "1 of 5 test rows fewer right" in prediction_charts.confusion_caption(change)
    heat = prediction_charts.draw_confusion(first).data[0]
    assert [list(row) for row in heat.z] == [[pytest.approx(33.33), pytest.approx(66.67)], [0.0, 100.0]]
    assert [[cell[2] for cell in row] for row in heat.customdata] == [[1, 2], [0, 2]]
    assert [list(row) for row in heat.text] == [["33", "67"], ["", "100"]]
    difference = prediction_charts.draw_confusion(change).data[0]
    assert difference.zmin == -difference.zmax
    assert list(difference.text[0]) == ["−67", "+67"]
    assert prediction_charts.draw_confusion(first).layout.yaxis.ticktext == ("cat", "dog")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_the_confusion_matrix_counts_every_row_once(pairs: list[tuple[int, int]]) -> None:
    truth, labels = (np.array(side) for side in zip(*pairs, strict=True))
    matrix = prediction_charts.confusion_matrix(truth, labels, 5)
    assert matrix.sum() == len(pairs)
    assert np.trace(matrix) == sum(a == b for a, b in pairs)
    assert all(matrix[a, b] == pairs.count((a, b)) for a, b in set(pairs))


def test_unnamed_and_empty_classes_appear_in_the_confusion_matrix() -> None:
    records = prediction_charts.confusion_data(
        told.findings(predictions=said("labels", [0, 0], [0, 3], names=("zero",)))
    )
    assert records is not None
    assert len(records) == 1  # only one side predicted
    assert records[0].classes == ("zero", "1", "2", "3")
    assert records[0].shares[3] == (0.0, 0.0, 0.0, 0.0)


def test_the_confusion_matrix_of_the_baseline_alone_is_drawn() -> None:
    records = prediction_charts.confusion_data(told.findings(predictions=said("labels", [0, 1], None, [0, 1])))
    assert records is not None
    assert "hand-picked" in records[0].title
    assert "Nothing was confused" in prediction_charts.confusion_caption(records[0])


def test_findings_without_fitting_predictions_have_no_prediction_figure() -> None:
    values, labels = said("values", [1.0], [2.0]), said("labels", [1], [1])
    assert prediction_charts.confusion_data(told.findings(predictions=values)) is None
    assert prediction_charts.predicted_data(told.findings(predictions=labels)) is None
    for data in (prediction_charts.confusion_data, prediction_charts.predicted_data):
        assert data(told.findings()) is None
    assert prediction_charts.predicted_data(told.findings(predictions=said("values", [1.0], None))) is None
    assert prediction_charts.confusion_data(told.findings(predictions=said("labels", [1], None))) is None


def test_predicted_values_are_drawn_against_true_ones() -> None:
    values = said("values", [10.0, 20.0, 30.0], [11.0, 20.5, 25.0], [13.0, 20.0, 30.0])
    unit = told.definition("minimize", unit="thousand dollars")
    record = prediction_charts.predicted_data(told.findings("minimize", definition=unit, predictions=values))
    assert record is not None
    assert (record.near, record.far) == (1, 2)
    figure = prediction_charts.draw_predicted(record)
    ours, theirs = told.by_name(figure, "optimum"), told.by_name(figure, "hand-picked")
    assert (list(ours.x), list(ours.y)) == ([10, 20, 30], [11, 20.5, 25])
    assert list(theirs.y) == [13, 20, 30]
    assert ours.marker.symbol != theirs.marker.symbol
    ringed = told.by_name(figure, "nearest")
    assert (list(ringed.x), list(ringed.y)) == ([20, 30], [20.5, 25])
    assert [(word.text, word.x, word.y) for word in figure.layout.annotations] == [
        ("nearest", 20, 20.5),
        ("farthest", 30, 25),
    ]
    diagonal = told.by_name(figure, "right")
    assert list(diagonal.x) == list(diagonal.y)
    assert figure.layout.xaxis.title.text == "true value (thousand dollars)"
    assert "error of the optimum: 2.17" in prediction_charts.predicted_caption(record)
