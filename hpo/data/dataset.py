"""Data as arrays: rows to develop on and rows to test on, made of whatever they come in, and which rows they are."""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.arrays import as_array, columns_of
from hpo.data.labels import numbered
from hpo.errors import DataError
from hpo.study.checked_records import Name, check

__all__ = [
    "Dataset",
    "Rows",
    "digest",
]

_ARRAYS = ("x", "y", "sample_weight", "groups")
_TEXTS = "US"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows: inputs and targets, in the same order.

    What is no array is made one: frames and series of pandas or polars (by position: their index plays no part),
    tensors, nested lists.

    Raises:
        DataError: a field cannot be made an array of numbers or texts, they have different numbers of rows, or a weight
            is negative or no number.

    """

    x: NDArray[np.generic]  # (rows, ...) inputs as they are stored; the model itself normalizes
    y: NDArray[np.generic]  # (rows,) labels or numbers, or (rows, outputs)
    sample_weight: NDArray[np.float32] | None = None  # (rows,) what each weighs in the loss, as Keras's fit has it, and
    # in a metric that is weighted; None: all alike
    groups: NDArray[np.generic] | None = None  # (rows,) what each belongs to, such as a patient, for splits by group
    columns: tuple[str, ...] = ()  # names of the columns of x; where it is a frame, the frame's

    def __post_init__(self) -> None:
        self._refuse_several_inputs()
        object.__setattr__(self, "columns", tuple(self.columns) or columns_of(self.x))
        for name in ("x", "y", "sample_weight", "groups"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, as_array(getattr(self, name), name))
        if len(self.x) != len(self.y):
            raise DataError(f"x has {len(self.x)} rows and y {len(self.y)}: give a target for each row")
        self._check_by_row()

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """The rows at `index`, in its order."""
        return self.of_each(lambda array: array[index])

    def of_each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> "Rows":
        """Rows whose arrays are `change` of each of these: by it some rows are taken, or put in another order."""
        there: dict[str, Any] = {name: array for name in _ARRAYS if (array := getattr(self, name)) is not None}
        return Rows(columns=self.columns, **{name: change(array) for name, array in there.items()})

    def joined(self, others: "Rows") -> "Rows":
        """These rows and then `others`; of weights and groups, those that both have."""
        pairs = {name: (getattr(self, name), getattr(others, name)) for name in _ARRAYS}
        there = {name: pair for name, pair in pairs.items() if all(array is not None for array in pair)}
        return Rows(columns=self.columns, **{name: np.concatenate(pair) for name, pair in there.items()})

    def _check_by_row(self) -> None:
        """Look at what says one thing of each row."""
        for name in ("sample_weight", "groups"):
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape == (len(self.x), 1):
                array = array[:, 0]
            if array.shape != (len(self.x),):
                raise DataError(f"{name} has shape {array.shape} and x {len(self.x)} rows: give one for each row")
            object.__setattr__(self, name, array)
        weights = self.sample_weight
        if weights is None:
            return
        if weights.dtype.kind not in "biuf":
            raise DataError(f"sample_weight holds values of type {weights.dtype}: give a number for each row")
        refused = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(refused):
            raise DataError(
                f"sample_weight of row {refused[0]} is {weights[refused[0]]:g}: give 0 or more, a finite number"
            )
        object.__setattr__(self, "sample_weight", weights.astype(np.float32))

    def _refuse_several_inputs(self) -> None:
        x = self.x
        if isinstance(x, list | tuple) and x and len(x) != len(self.y):
            lengths = {len(part) if hasattr(part, "__len__") else None for part in x}
            if lengths == {len(self.y)}:
                raise DataError(
                    f"x is a {type(x).__name__} of {len(x)} arrays of {len(self.y)} rows: a model has one input here, "
                    "so give one array, such as numpy.concatenate(x, axis=1)"
                )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set, split once and for all: a search sees `development` alone; `test` scores finished configurations.

    Targets that are texts are numbered from 0, in the order of `label_names`, or sorted where there are none.

    Raises:
        DataError: a field is not of its kind, the columns of the test rows are others than those of the development
            rows, or targets are texts that cannot be numbered as classes.

    """

    name: Name  # for a person, in messages and reports
    development: Rows  # what searches train and judge on
    test: Rows  # what finished configurations are scored on, and nothing else
    feature_names: tuple[str, ...] = ()  # of the columns of x; where it is a frame, the frame's unless given
    label_names: tuple[str, ...] = ()  # of the classes, where y holds labels; of texts, themselves unless given
    may_miss: bool = False  # whether NaN may stand in x for a missing cell, which the model itself makes up for

    def __post_init__(self) -> None:
        check(self, kind="data set", error=DataError)
        _refuse_other_columns(self.development.columns, self.test.columns)
        if not self.feature_names:
            object.__setattr__(self, "feature_names", self.development.columns)
        if self.development.y.dtype.kind in _TEXTS and self.test.y.dtype.kind in _TEXTS:
            names, development, test = numbered(self.development.y, self.test.y, self.label_names)
            object.__setattr__(self, "label_names", names)
            object.__setattr__(self, "development", dataclasses.replace(self.development, y=development))
            object.__setattr__(self, "test", dataclasses.replace(self.test, y=test))


def _refuse_other_columns(ours: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    """Refuse test rows whose columns are not those of the development rows, where both have names."""
    if not ours or not theirs or ours == theirs:
        return
    remedy = "give x_test[x.columns] for x_test"
    where = "x of the test rows"
    for name in ours:
        if name not in theirs:
            raise DataError(f"{where} has no column {name!r}, and that of the development rows has: {remedy}")
    for name in theirs:
        if name not in ours:
            raise DataError(f"{where} has a column {name!r}, and that of the development rows none: {remedy}")
    place = next(number for number, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1])
    raise DataError(f"column {place} of {where} is {theirs[place]!r}, and in development {ours[place]!r}: {remedy}")


_LENGTH = 32  # hexadecimal digits


def digest(data: Dataset) -> str:
    """One word for the rows of a data set, 32 hexadecimal digits: their numbers, types and order, and what is for test.

    Names of columns and classes play no part. It is by the bit: a column computed on two kinds of machine may differ in
    its last digits, and is another one then; round it, or let the model compute it.

    Args:
        data: the data set, checked or not.

    """
    told = hashlib.sha256()
    for rows in (data.development, data.test):
        arrays = (("", rows.x), ("", rows.y), ("weights ", rows.sample_weight), ("groups ", rows.groups))
        for what, array in arrays:
            if array is None:
                continue
            told.update(what.encode())
            told.update(f"{array.dtype.str} {array.shape} ".encode())
            told.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return told.hexdigest()[:_LENGTH]
