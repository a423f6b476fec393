"""Rows in every form users have them in: the same array, or one line."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from hpo.data import Dataset, Rows, Streams, checked, digest
from hpo.data.arrays import as_array
from hpo.errors import DataError

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "form",
    [
        lambda a: a.tolist(),
        lambda a: tuple(map(tuple, a)) if a.ndim > 1 else tuple(a),
        lambda a: pd.DataFrame(a, index=range(100, 106)) if a.ndim > 1 else pd.Series(a, index=range(100, 106)),
        lambda a: a.astype(object),
        lambda a: np.asfortranarray(a),
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.ma.masked_array(a),
        lambda a: memoryview(a),
        lambda a: __import__("tensorflow").constant(a),
    ],
    ids=["lists", "tuples", "pandas", "objects", "columns first", "other bytes", "masked nowhere", "buffer", "tensor"],
)
def test_arrays_frames_lists_and_tensors_give_the_same_rows(form: Any) -> None:
    if isinstance(form(X), memoryview):
        with pytest.raises(DataError, match="x is a memoryview"):
            as_array(form(X), "x")
        return
    rows = Rows(x=form(X), y=form(Y))
    np.testing.assert_array_equal(rows.x.astype(np.float32), X)
    np.testing.assert_array_equal(rows.y.astype(np.int64), Y)
    assert rows.x.dtype.isnative


@given(st.permutations(range(6)))
def test_rows_of_a_frame_are_taken_by_position(order: list[int]) -> None:
    """A shuffled frame keeps its labels; targets taken by them would belong to other inputs."""
    frame = pd.DataFrame({"a": X[:, 0], "label": Y}).iloc[order]
    rows = Rows(x=frame[["a"]].to_numpy(), y=frame["label"])
    index = np.array([4, 0, 5])
    np.testing.assert_array_equal(rows.take(index).y, Y[np.array(order)[index]])
    np.testing.assert_array_equal(rows.take(index).x[:, 0], X[np.array(order)[index], 0])


class Ragged:
    """As TensorFlow's ragged tensors are: no array, and no rows of one length."""

    row_splits = (0, 2, 3)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        (scipy.sparse.csr_matrix(X), "x is a sparse matrix: give x.toarray"),
        (np.ma.masked_array(X, mask=X > 3), "x has 8 masked cells"),
        (X.astype(np.complex64), "complex numbers"),
        (X.astype("datetime64[s]"), "dates"),
        (X.astype("timedelta64[s]"), "spans of time"),
        (np.zeros(6, dtype=[("a", "f4"), ("b", "f4")]), "records"),
        ({}, "x is a dict with nothing in it: name arrays"),
        ({1: X}, "x is a dict with a key 1: name arrays"),
        ({"a": X, "b": ["ant", None] * 3}, r"x\['b'\]\[1\] is missing: fill it"),
        ([[1.0, 2.0], [3.0]], "x has rows of varying length: pad them, such as by keras.utils.pad_sequences"),
        (pd.Series([[1, 2], [3]]), "x has rows of varying length, such as 0: pad them"),
        (Ragged(), "x is a Ragged: pad them"),
        (
            pd.DataFrame({"a": [1.0] * 6, "b": ["ant"] * 6}),
            "column 'b' of x holds texts such as 'ant'",
        ),
        (3.5, "x is a float"),
        (np.float32(3), "x is one float32, not rows"),
        (iter([1, 2]), "x is a list_iterator"),
    ],
)
def test_values_that_make_no_array_are_refused_in_one_line(values: Any, refusal: str) -> None:
    with pytest.raises(DataError, match=refusal) as refused:
        Rows(x=values, y=Y)
    assert "\n" not in str(refused.value)


def test_a_list_of_arrays_is_distinguished_from_a_list_of_rows() -> None:
    np.testing.assert_array_equal(Rows(x=list(X), y=Y).x, X)
    (first, second) = Rows(x=[X, X + 1], y=Y).x
    np.testing.assert_array_equal(second, first + 1)
    with pytest.raises(DataError, match="x has 6 rows and y 5: give a target for each row"):
        Rows(x=X, y=Y[:5])


def test_several_inputs_and_targets_are_one_row_each() -> None:
    rows = Rows(x={"a": X, "b": pd.Series(range(6))}, y=(Y, Y + 1))
    assert len(rows) == 6
    some = rows.take(np.array([4, 1]))
    np.testing.assert_array_equal(some.x["b"], [4, 1])
    np.testing.assert_array_equal(some.y[1], Y[[4, 1]] + 1)
    assert not rows.of_one_array
    with pytest.raises(DataError, match=r"x\['a'\] has 6 rows and x\['b'\] 5"):
        Rows(x={"a": X, "b": X[:5]}, y=Y)
    assert isinstance(Rows(x=(X[:2], X[2:4]), y=(Y[:2], Y[2:4])).x, tuple)  # what may be both
    assert isinstance(Rows(x=[X[0], X[1]], y=[Y[:2], Y[2:4]]).x, np.ndarray)
    both = [Dataset(name="d", development=Rows(x=x, y=Y), test=rows_of_one) for x in ({"a": X}, {"b": X})]
    assert digest(both[0]) != digest(both[1])


rows_of_one = Rows(x=X, y=Y)


def test_development_and_test_rows_must_have_the_same_inputs() -> None:
    for test in ({"b": X + 9}, X + 9, {"a": X[:, :1]}):
        with pytest.raises(DataError, match="prepare both alike"):
            checked(Dataset(name="d", development=Rows(x={"a": X}, y=Y), test=Rows(x=test, y=Y)))
    missing = {"a": np.where(X[2, 1] == X, np.nan, X)}
    with pytest.raises(DataError, match=r"1 cell of .* in x\['a'\] of the development rows is missing"):
        checked(Dataset(name="d", development=Rows(x=missing, y=Y), test=Rows(x={"a": X + 9}, y=Y)))
    shared = Dataset(name="d", development=Rows(x={"a": X}, y=Y), test=Rows(x={"a": X}, y=Y))
    with pytest.raises(DataError, match="6 of 6 test rows are development rows too"):
        checked(shared)


def test_a_stream_must_be_given_as_a_function() -> None:
    with pytest.raises(DataError, match="train is a list: give a function that makes it, train=lambda seed"):
        Streams(name="s", train=[1], validation=lambda: 1, test=lambda: 1)  # type: ignore[arg-type]
    given = Streams(name="s", train=lambda seed: seed, validation=lambda: 7, test=lambda: 8)
    assert checked(given) is given
    assert (given.training.make(3), given.judged("validation").make(3), given.judged("test").make(3)) == (3, 7, 8)


def test_missing_values_become_nan() -> None:
    objects = np.array([1.0, None, 3], dtype=object)
    np.testing.assert_array_equal(as_array(objects, "x"), [1, np.nan, 3])
    np.testing.assert_array_equal(as_array(pd.Series([1, None, 3], dtype="Int64"), "x"), [1, np.nan, 3])
    assert objects[1] is None  # the rows are not ours to change


@pytest.mark.parametrize("kind", ["uint16", "uint32", "uint64"])
def test_unsigned_numbers_become_signed_but_for_bytes(kind: str) -> None:
    assert as_array(Y.astype(kind), "y").dtype == np.int64
    assert as_array(Y.astype("uint8"), "y").dtype == np.uint8
