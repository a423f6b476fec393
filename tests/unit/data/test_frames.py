"""Tables as people have them: frames and series of pandas, labels that are texts, weights and groups of rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpo.data import Dataset, Rows, checked, digest
from hpo.errors import DataError

TABLE = pd.DataFrame({"age": [31.0, 47.0, 52.0, 28.0], "smokes": [True, False, True, False]}, index=[9, 7, 5, 3])
LABELS = pd.Series(["well", "ill", "ill", "well"], index=TABLE.index)


def dataset(x: Any = TABLE, y: Any = LABELS, x_test: Any = None, y_test: Any = None, **more: Any) -> Dataset:
    test = Rows(x=TABLE + 1 if x_test is None else x_test, y=y if y_test is None else y_test)
    return Dataset(name="d", development=Rows(x=x, y=y), test=test, **more)


def test_a_frame_keeps_the_names_of_its_columns_and_rows_go_by_position() -> None:
    data = checked(dataset())
    assert data.feature_names == ("age", "smokes")
    np.testing.assert_array_equal(data.development.x, [[31, 1], [47, 0], [52, 1], [28, 0]])
    assert data.development.take(np.array([2, 0])).columns == ("age", "smokes")
    assert dataset(feature_names=("years", "smokes")).feature_names == ("years", "smokes")


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.astype("category"),
        LABELS.astype(object),
        LABELS.to_frame(),
        LABELS.to_list(),
        LABELS.to_numpy("S4"),
    ],
    ids=["texts", "categories", "objects", "a frame", "a list", "bytes"],
)
def test_labels_that_are_texts_are_numbered_and_keep_their_names(y: Any) -> None:
    data = checked(dataset(y=y))
    assert data.label_names == ("ill", "well")
    for rows in (data.development, data.test):
        assert rows.y.tolist() == [1, 0, 0, 1]
    assert dataset(y=y, label_names=("well", "ill", "unknown")).development.y.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("y", [[-1, 1, 1, -1], [True, False, False, True], [2, 0, 0, 2]])
def test_numeric_labels_are_not_renumbered(y: list[Any]) -> None:
    data = checked(dataset(y=y))
    assert data.development.y.tolist() == y
    assert data.label_names == ()


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (
            lambda: dataset(x=TABLE.assign(city=["Rome", "Oslo", "Rome", None])),
            "column 'city' of x holds texts such as 'Rome'",
        ),
        (
            lambda: dataset(x=TABLE.assign(kind=pd.Categorical([1, 2, 1, 2]))),
            "column 'kind' of x is categorical: make col",
        ),
        (
            lambda: dataset(x=TABLE.assign(day=pd.date_range("2020", periods=4))),
            "column 'day' of x holds .*, a Timestamp: give dates as numbers",
        ),
        (
            lambda: dataset(x_test=TABLE[["smokes", "age"]]),
            "column 0 of x of the test rows is 'smokes', and in dev.* 'age'",
        ),
        (lambda: dataset(x_test=TABLE[["age"]]), "x of the test rows has no column 'smokes'"),
        (lambda: dataset(x_test=TABLE.assign(more=1)), "x of the test rows has a column 'more'"),
        (lambda: checked(dataset(x=TABLE.replace(47.0, np.nan))), r"in row 1, column 0 \('age'\): fill it"),
        (lambda: dataset(y=LABELS.replace("ill", None)), r"y\[1\] is missing: fill it, or leave such rows out"),
        (lambda: dataset(y=["1.5", "2", "7", "1"]), "y holds numbers as texts, such as 1: give numbers"),
        (
            lambda: dataset(y_test=["well", "ill", "ill", "dead"]),
            "label 'dead' of the test rows is that of no development",
        ),
        (lambda: dataset(label_names=("well",)), "label 'ill' of the development rows is none of label_names"),
        (lambda: dataset(y=np.array([["a", "b"]] * 4)), r"a row of y has \(2,\) texts: give one label a row"),
        (lambda: checked(dataset(y_test=[1, 0, 0, 1])), "y holds texts in one of development and test and numbers in"),
    ],
)
def test_columns_no_network_can_take_are_refused_by_name(make: Callable[[], object], refusal: str) -> None:
    with pytest.raises(DataError, match=refusal) as refused:
        make()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"sample_weight": [1, 2, -1, 3]}, "sample_weight of row 2 is -1: give 0 or more"),
        ({"sample_weight": [1, 2, np.inf, 3]}, "sample_weight of row 2 is inf"),
        ({"sample_weight": [1, 2, 3]}, r"sample_weight has shape \(3,\) and x 4 rows"),
        ({"sample_weight": np.ones((4, 2))}, r"sample_weight has shape \(4, 2\)"),
        ({"sample_weight": ["a"] * 4}, "sample_weight holds values of type"),
        ({"groups": [1, 2]}, r"groups has shape \(2,\) and x 4 rows"),
        ({"groups": ["a", None, "b", "b"]}, r"groups\[1\] is missing"),
    ],
)
def test_each_row_needs_one_weight_and_one_group(fields: dict[str, Any], refusal: str) -> None:
    with pytest.raises(DataError, match=refusal):
        Rows(x=TABLE, y=LABELS, **fields)


def test_weights_and_groups_go_with_their_rows_and_count_in_the_digest() -> None:
    rows = Rows(x=TABLE, y=LABELS, sample_weight=pd.Series([1, 2, 3, 4]), groups=LABELS.to_frame())
    some = rows.take(np.array([3, 1]))
    assert some.sample_weight is not None
    assert some.groups is not None
    assert (some.sample_weight.tolist(), some.groups.tolist()) == ([4, 2], ["well", "ill"])
    both = rows.joined(rows)
    assert both.groups is not None
    assert len(both.groups) == 8
    assert rows.joined(Rows(x=TABLE, y=LABELS)).groups is None
    kept = [Rows(x=TABLE, y=LABELS), rows, Rows(x=TABLE, y=LABELS, sample_weight=[1, 2, 3, 4])]
    assert len({digest(Dataset(name="d", development=each, test=each)) for each in kept}) == 3
