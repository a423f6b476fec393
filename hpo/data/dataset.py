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
from hpo.data.structures import Arrays, are_several, joined, mapped, parts
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
    tensors, nested lists. Of a model with several inputs or outputs, x or y is a dict or a tuple of arrays.

    Raises:
        DataError: a field cannot be made an array of numbers or texts, they have different numbers of rows, or a weight
            is negative or no number.

    """

    x: Arrays  # (rows, ...) inputs as they are stored; the model itself normalizes
    y: Arrays  # (rows,) labels or numbers, or (rows, outputs)
    sample_weight: NDArray[np.float32] | None = None  # (rows,) what each weighs in the loss, as Keras's fit has it, and
    # in a metric that is weighted; None: all alike
    groups: NDArray[np.generic] | None = None  # (rows,) what each belongs to, such as a patient, for splits by group
    columns: tuple[str, ...] = ()  # names of the columns of x; where it is a frame, the frame's
    label_names: tuple[str, ...] = ()  # of the classes that y numbers; those of its data set, once it is in one

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns) or columns_of(self.x))
        object.__setattr__(self, "label_names", tuple(self.label_names))
        several = {"x": are_several(self.x, self.y), "y": are_several(self.y, self.x)}
        for name in _ARRAYS:
            given = getattr(self, name)
            if given is not None:
                made = mapped(as_array, given, name) if several.get(name) else as_array(given, name)
                object.__setattr__(self, name, made)
        (first, array), *others = [*parts(self.x, "x"), *parts(self.y, "y")]
        for name, other in others:
            if len(other) != len(array):
                raise DataError(f"{first} has {len(array)} rows and {name} {len(other)}: give a target for each row")
        self._check_by_row()

    def __len__(self) -> int:
        return len(parts(self.x, "x")[0][1])

    @property
    def of_one_array(self) -> bool:
        """Whether inputs are one array, and targets one."""
        return isinstance(self.x, np.ndarray) and isinstance(self.y, np.ndarray)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """The rows at `index`, in its order."""
        return self.of_each(lambda array: array[index])

    def of_each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> "Rows":
        """Rows whose arrays are `change` of each of these: by it some rows are taken, or put in another order."""
        there: dict[str, Any] = {name: array for name in _ARRAYS if (array := getattr(self, name)) is not None}
        return Rows(
            columns=self.columns,
            label_names=self.label_names,
            **{name: mapped(lambda each, _: change(each), array) for name, array in there.items()},
        )

    def joined(self, others: "Rows") -> "Rows":
        """These rows and then `others`; of weights and groups, those that both have."""
        pairs = {name: (getattr(self, name), getattr(others, name)) for name in _ARRAYS}
        there = {name: pair for name, pair in pairs.items() if all(array is not None for array in pair)}
        return Rows(
            columns=self.columns,
            label_names=self.label_names,
            **{name: joined(*pair) for name, pair in there.items()},
        )

    def _check_by_row(self) -> None:
        """Look at what says one thing of each row."""
        for name in ("sample_weight", "groups"):
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape == (len(self), 1):
                array = array[:, 0]
            if array.shape != (len(self),):
                raise DataError(f"{name} has shape {array.shape} and x {len(self)} rows: give one for each row")
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
        if all(isinstance(y, np.ndarray) and y.dtype.kind in _TEXTS for y in (self.development.y, self.test.y)):
            names, development, test = numbered(self.development.y, self.test.y, self.label_names)
            object.__setattr__(self, "label_names", names)
            object.__setattr__(self, "development", dataclasses.replace(self.development, y=development))
            object.__setattr__(self, "test", dataclasses.replace(self.test, y=test))
        if self.label_names:
            for part in ("development", "test"):
                rows = getattr(self, part)
                if rows.label_names != self.label_names:
                    object.__setattr__(self, part, dataclasses.replace(rows, label_names=self.label_names))


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
        several = [(name if len(name) > 1 else "", array) for name, array in (*parts(rows.x, "x"), *parts(rows.y, "y"))]
        arrays = (*several, ("weights ", rows.sample_weight), ("groups ", rows.groups))
        for what, array in arrays:
            if array is None:
                continue
            told.update(what.encode())
            told.update(f"{array.dtype.str} {array.shape} ".encode())
            told.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return told.hexdigest()[:_LENGTH]
