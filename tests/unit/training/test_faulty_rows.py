"""Faults put into rows at random places: found, or without any effect; never a wrong number in silence."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.data import Dataset, Rows, checked, stratified_holdout
from hpo.errors import DataError, HpoWarning, TrialError
from hpo.training import Recipe, build, fit

random = np.random.default_rng(0)
N, TEST = 60, 20
X = random.normal(size=(N, 3)).astype(np.float32)
Y = np.digitize(X[:, 0], (-0.5, 0.5))

Table = tuple[Any, Any]  # inputs and targets of all rows; the first are for test
Fault = Callable[[Table, int, int], Table]  # the same with a fault in that row and column


def put(array: Any, place: Any, value: Any, kind: Any = None) -> Any:
    changed = np.array(array, dtype=kind)
    changed[place] = value
    return changed


def as_series(table: Table, row: int, column: int) -> Table:
    """A frame and a series, their labels in another order than their rows."""
    order = np.random.default_rng(row * 3 + column).permutation(N)
    return pd.DataFrame(table[0], index=order), pd.Series(table[1], index=order)


def hidden(table: Table, row: int, column: int) -> Table:
    mask = np.zeros((N, 3), bool)
    mask[row, column] = True
    return np.ma.masked_array(table[0], mask), table[1]


WRONG: dict[str, Fault] = {
    "a missing cell": lambda t, r, c: (put(t[0], (r, c), np.nan), t[1]),
    "an infinite cell": lambda t, r, c: (put(t[0], (r, c), -np.inf), t[1]),
    "None": lambda t, r, c: (put(t[0], (r, c), None, object), t[1]),
    "a text among numbers": lambda t, r, c: (put(t[0], (r, c), "n/a", object), t[1]),
    "a masked cell": hidden,
    "a missing target": lambda t, r, c: (t[0], put(t[1], r, np.nan, float)),
    "a class too high": lambda t, r, c: (t[0], put(t[1], r, 3 + c)),
    "a class below 0": lambda t, r, c: (t[0], put(t[1], r, -1 - c)),
    "half a class": lambda t, r, c: (t[0], put(t[1], r, c + 0.5, float)),
    "a class by its name": lambda t, r, c: (t[0], put(t[1], r, "ant", object)),
    "a row too few": lambda t, r, c: (np.delete(t[0], r, axis=0), t[1]),
    "a ragged row": lambda t, r, c: ([list(row)[: 2 if number == r else 3] for number, row in enumerate(t[0])], t[1]),
    "sparse": lambda t, r, c: (scipy.sparse.csr_matrix(t[0]), t[1]),
    "complex": lambda t, r, c: (put(t[0], (r, c), 1j, complex), t[1]),
    "one-hot for numbers": lambda t, r, c: (t[0], np.eye(3)[t[1]]),
    "test rows again": lambda t, r, c: (
        np.concatenate([t[0][TEST : 2 * TEST], t[0][TEST:]]),
        np.concatenate([t[1][TEST : 2 * TEST], t[1][TEST:]]),
    ),
    "a test row again": lambda t, r, c: tuple(put(part, r % TEST, part[TEST + r % TEST]) for part in t),
}
HARMLESS: dict[str, Fault] = {
    "nothing": lambda t, r, c: t,
    "labels of rows": as_series,
    "lists": lambda t, r, c: (t[0].tolist(), t[1].tolist()),
    "objects": lambda t, r, c: (t[0].astype(object), t[1].astype(object)),
    "doubles": lambda t, r, c: (t[0].astype(np.float64), t[1].astype(np.float64)),
    "bytes": lambda t, r, c: (t[0], t[1].astype(np.uint8)),
    "wide numbers without a sign": lambda t, r, c: (t[0], t[1].astype(np.uint32)),
    "a column of targets": lambda t, r, c: (t[0], t[1][:, None]),
    "other bytes": lambda t, r, c: (t[0].astype(">f4"), t[1]),
    "columns first": lambda t, r, c: (np.asfortranarray(t[0]), t[1]),
    "masked nowhere": lambda t, r, c: (np.ma.masked_array(t[0]), t[1]),
    "tensors": lambda t, r, c: (keras.ops.convert_to_tensor(t[0]), t[1]),
}


def recipe(_: None) -> Recipe:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(3, "softmax")])
    return Recipe(model=model, optimizer="adam", loss="sparse_categorical_crossentropy", batch_size=16)


def came_of(fault: Fault, row: int, column: int, stratified: bool) -> Any:
    """The trained weights and the score, or what was said in their place."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", HpoWarning)
        try:
            x, y = fault((X, Y), row, column)
            whole = Rows(x=x, y=y)
            parts = {"test": whole.take(np.arange(TEST)), "development": whole.take(np.arange(TEST, len(whole)))}
            data = checked(Dataset(name="d", **parts), stratified=stratified)
            train, held_out = (
                stratified_holdout(data.development.y, 10, 1) if stratified else (np.arange(30), np.arange(30, 40))
            )
            split = data.development.take(train), data.development.take(held_out)
            run = fit(build(recipe, None, 1), *split, epochs=2, metric="accuracy", seed=0)
            return [run.evaluate(data.test), *(weight.tolist() for weight in run.model().get_weights())]
        except (DataError, TrialError, HpoWarning) as said:
            return f"{said}"


@pytest.fixture(scope="module")
def clean() -> dict[bool, Any]:
    return {stratified: came_of(HARMLESS["nothing"], 0, 0, stratified) for stratified in (False, True)}


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(WRONG)), st.integers(0, N - 1), st.integers(0, 2), st.booleans())
def test_a_fault_is_found_wherever_it_is(fault: str, row: int, column: int, stratified: bool) -> None:
    said = came_of(WRONG[fault], row, column, stratified)
    assert isinstance(said, str), fault
    assert "\n" not in said


@pytest.mark.thorough
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(HARMLESS)), st.integers(0, N - 1), st.integers(0, 2), st.booleans())
def test_harmless_oddities_of_rows_change_no_result(
    clean: dict[bool, Any], form: str, row: int, column: int, stratified: bool
) -> None:
    assert came_of(HARMLESS[form], row, column, stratified) == clean[stratified]
