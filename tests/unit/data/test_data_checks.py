"""One look at what `data()` gives: every fault is found, or does no harm."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data import Dataset, Rows, checked, digest
from hpo.errors import DataError, HpoWarning

random = np.random.default_rng(0)
X, Y = random.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 3


def dataset(x: Any = X, y: Any = Y, test: int = 10, **given: Any) -> Dataset:
    return Dataset(name="d", development=Rows(x=x[test:], y=y[test:]), test=Rows(x=x[:test], y=y[:test]), **given)


def test_sound_data_pass_unchanged() -> None:
    data = dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checked(data, stratified=True) is data


@given(
    st.sampled_from(["development", "test"]),
    st.sampled_from("xy"),
    st.integers(0, 9),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_a_missing_cell_is_found_in_any_position(part: str, which: str, row: int, value: float) -> None:
    data = dataset(y=Y.astype(np.float64))
    rows = getattr(data, part)
    array = getattr(rows, which).copy()
    array[row, ...] = value if array.ndim == 1 else np.where(np.arange(3) == 1, value, array[row])
    spoiled = replace(data, **{part: replace(rows, **{which: array})})
    place = f"row {row}" + (", column 1" if which == "x" else "")
    with pytest.raises(DataError, match=f"1 cell of .* in {which} of the {part} rows is missing.*in {place}:"):
        checked(spoiled)
    if which == "x":
        assert checked(replace(spoiled, may_miss=True)) is not None


def test_sums_beyond_the_largest_number_are_no_missing_cells() -> None:
    checked(dataset(x=np.full((40, 2), 1e308) * random.choice([1, 0.5], (40, 2))))


@pytest.mark.parametrize(
    ("loaded", "refusal"),
    [
        ((X, Y), r"data\(\) gave a tuple of 2: return Dataset"),
        (None, r"data\(\) gave a NoneType"),
        ({"x": X}, r"data\(\) gave a dict"),
        (dataset(test=0), "there are no test rows"),
        (dataset(test=40), "there are no development rows"),
        (
            replace(dataset(), test=Rows(x=X[:5, :2], y=Y[:5])),
            r"a row of x has shape \(3,\) in the development rows and \(2,\)",
        ),
        (replace(dataset(), test=Rows(x=X[:5].astype(str), y=Y[:5])), "x holds texts in one of"),
    ],
)
def test_an_invalid_data_set_is_refused_in_one_line(loaded: Any, refusal: str) -> None:
    with pytest.raises(DataError, match=refusal) as refused:
        checked(loaded)
    assert "\n" not in str(refused.value)


def test_a_part_of_a_data_set_that_is_no_rows_is_refused() -> None:
    with pytest.raises(DataError, match="data set 'd': test must be a Rows, not array"):
        replace(dataset(), test=X)


def test_two_pairs_of_arrays_make_a_data_set() -> None:
    data = checked(((X[10:], Y[10:]), (X[:10], Y[:10])))
    np.testing.assert_array_equal(data.test.x, X[:10])


@pytest.mark.parametrize(
    ("y", "refusal"),
    [
        (X[:, 0], "y holds .*, a number and no class"),
        (np.round(X) > 0, "is not one-hot"),
        (np.zeros((40, 3)), "is not one-hot"),
    ],
)
def test_only_classes_can_be_stratified(y: Any, refusal: str) -> None:
    checked(dataset(y=y))
    with pytest.raises(DataError, match=refusal):
        checked(dataset(y=y), stratified=True)


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(np.float32), np.eye(3)[Y], Y > 0])
def test_classes_in_every_form_are_accepted_for_stratification(y: Any) -> None:
    checked(dataset(y=y), stratified=True)


def test_test_rows_that_repeat_development_rows_are_refused_or_warned_of() -> None:
    rows = Rows(x=X, y=Y)
    some = np.arange(0, 40, 4)
    with pytest.raises(DataError, match="10 of 10 test rows are development rows too"):
        checked(Dataset(name="d", development=rows, test=rows.take(some)))
    mixed = Rows(x=np.concatenate([X[:3], X[20:] + 1]), y=np.concatenate([Y[:3], Y[20:]]))
    with pytest.warns(HpoWarning, match="3 of 23 test rows are development rows too"):
        checked(Dataset(name="d", development=rows, test=mixed))


def test_repeated_rows_within_a_part_are_no_leak() -> None:
    x = np.arange(4000).reshape(-1, 1) % 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked(dataset(x=x, y=(x[:, 0] > 3).astype(int), test=1000))


@given(st.sampled_from(["value", "order", "type", "split"]), st.integers(0, 28))
def test_other_rows_have_another_digest(change: str, row: int) -> None:
    data = dataset()
    x, y = X.copy(), Y.copy()
    if change == "value":
        x[10 + row, 0] = np.nextafter(x[10 + row, 0], np.float32(9))
    elif change == "order":
        x[[10 + row, 11 + row]], y[[10 + row, 11 + row]] = x[[11 + row, 10 + row]], y[[11 + row, 10 + row]]
    elif change == "type":
        x = x.astype(np.float64)
    other = dataset(x=x, y=y, test=11 if change == "split" else 10)
    assert digest(other) != digest(data)
    assert digest(dataset(x=X.copy(order="F"), y=Y.copy())) == digest(data)
