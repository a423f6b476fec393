"""Metrics by name: which way they are better, without Keras, and what a name that nobody knows was meant to be."""

import pytest

from hpo.study.objectives import DIRECTIONS, closest, spelled


@pytest.mark.parametrize(
    ("metric", "taken"),
    [
        ("Accuracy", "accuracy"),
        ("ACCURACY", "accuracy"),
        ("accuracy", "accuracy"),
        ("Acc", "acc"),
        ("acc", "acc"),
        ("MSE", "MSE"),
        ("my_Own", "my_Own"),
    ],
)
def test_accuracy_in_any_letter_case_is_the_one_by_the_shapes(metric: str, taken: str) -> None:
    assert spelled(metric) == taken


@pytest.mark.parametrize(
    ("metric", "meant"),
    [
        ("acuracy", "accuracy"),
        ("val_accuracy", "accuracy"),
        ("Mae", "mae"),
        ("mean-squared-error", "mean_squared_error"),
        ("MeanAbsoluteErr", "mean_absolute_error"),
        ("crossentropy", "binary_crossentropy"),
        ("profit", None),
        ("", None),
    ],
)
def test_the_closest_metric_to_an_unknown_name_is_suggested(metric: str, meant: str | None) -> None:
    found = closest(metric)
    assert found == meant
    assert found is None or found in DIRECTIONS
