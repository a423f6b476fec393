"""Data as arrays: rows to develop on and rows to test on, made of whatever they come in, and which rows they are."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError
from hpo.study.checked_records import Name, check

__all__ = [
    "Dataset",
    "Rows",
    "as_array",
    "digest",
]

_KINDS = "biufUS"  # truth values, whole numbers, floats, texts
_REMEDIES = {
    "c": "complex numbers: give real and imaginary parts as columns",
    "M": "dates: give them as numbers, such as days since the first",
    "m": "spans of time: give them as numbers, such as seconds",
    "V": "records: give their fields as columns of one type",
}


def as_array(values: Any, what: str) -> NDArray[np.generic]:
    """`values` as a NumPy array of numbers or texts; an index or labels of rows that a frame has play no part.

    Args:
        values: an array, a tensor, a frame or series of pandas or polars, or nested lists.
        what: how to call it in an error: x, y.

    Raises:
        DataError: they are sparse, masked, of varying length, of several types, or of one that no network takes.

    """
    array = _array(values, what)
    if not array.ndim:
        raise DataError(f"{what} is one {type(values).__name__}, not rows: give an array of shape (rows, ...)")
    if array.dtype.kind == "O":
        array = _of_objects(array, what)
    kind = array.dtype.kind
    if kind not in _KINDS:
        raise DataError(f"{what} holds {_REMEDIES.get(kind, f'values of type {array.dtype}')}")
    if array.dtype == np.longdouble or not array.dtype.isnative:
        array = array.astype(np.float64 if array.dtype == np.longdouble else array.dtype.newbyteorder("="))
    # TensorFlow's operations take few unsigned numbers but bytes.
    return array.astype(np.int64) if kind == "u" and array.itemsize > 1 else array


def _array(values: Any, what: str) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        hidden = int(np.ma.getmaskarray(values).sum())
        if hidden:
            raise DataError(f"{what} has {hidden} masked cells: fill them, such as with filled(), or leave rows out")
        return np.asarray(values.data)
    if isinstance(values, np.ndarray):
        return np.asarray(values)
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise DataError(f"{what} is a sparse matrix: give {what}.toarray(), or fewer columns where that is too large")
    if isinstance(values, Mapping):
        raise DataError(f"{what} is a {type(values).__name__}: give one array, its entries side by side as columns")
    try:
        if hasattr(values, "to_numpy"):
            return np.asarray(values.to_numpy())
        if isinstance(values, list | tuple | range) or hasattr(values, "__array__"):
            return np.asarray(values)
    except Exception as error:  # whatever another library's conversion raises
        raise DataError(f"{what} is no array ({error}): give rows of one length and type") from error
    raise DataError(f"{what} is a {type(values).__name__}: give an array of shape (rows, ...)")


def _of_objects(array: NDArray[Any], what: str) -> NDArray[np.generic]:
    """An array of Python's objects as one of their own type; None and what else is missing becomes NaN."""
    cells = array.flatten()  # a copy: the rows are not ours to change
    if all(isinstance(cell, str) for cell in cells):
        return array.astype(np.str_)
    if all(isinstance(cell, int | np.integer | np.bool_) for cell in cells):
        return _cast(array, np.int64, what)
    for place, cell in enumerate(cells):
        if _missing(cell):
            cells[place] = np.nan
        elif not isinstance(cell, int | float | np.number | np.bool_):
            where = ", ".join(str(int(index)) for index in np.unravel_index(place, array.shape))
            raise DataError(
                f"{what}[{where}] is {cell!r:.40}, a {type(cell).__name__}: give numbers, or texts throughout"
            )
    return _cast(cells, np.float64, what).reshape(array.shape)


def _cast(array: NDArray[Any], kind: type, what: str) -> NDArray[np.generic]:
    try:
        return array.astype(kind)
    except OverflowError:
        raise DataError(f"{what} holds a whole number beyond {kind.__name__}: give numbers of fewer digits") from None


def _missing(cell: object) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows: inputs and targets, in the same order.

    What is no array is made one: frames and series of pandas or polars (by position: their index plays no part),
    tensors, nested lists.

    Raises:
        DataError: x or y cannot be made an array of numbers or texts, or they have different numbers of rows.

    """

    x: NDArray[np.generic]  # (rows, ...) inputs as they are stored; the model itself normalizes
    y: NDArray[np.generic]  # (rows,) labels or numbers, or (rows, outputs)

    def __post_init__(self) -> None:
        self._refuse_several_inputs()
        for name in ("x", "y"):
            object.__setattr__(self, name, as_array(getattr(self, name), name))
        if len(self.x) != len(self.y):
            raise DataError(f"x has {len(self.x)} rows and y {len(self.y)}: give a target for each row")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """The rows at `index`, in its order."""
        return Rows(x=self.x[index], y=self.y[index])

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

    Raises:
        DataError: a field is not of its kind.

    """

    name: Name  # for a person, in messages and reports
    development: Rows  # what searches train and judge on
    test: Rows  # what finished configurations are scored on, and nothing else
    feature_names: tuple[str, ...] = ()  # of the columns of x, where they have names
    label_names: tuple[str, ...] = ()  # of the classes, where y holds labels
    may_miss: bool = False  # whether NaN may stand in x for a missing cell, which the model itself makes up for

    def __post_init__(self) -> None:
        check(self, kind="data set", error=DataError)


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
        for array in (rows.x, rows.y):
            told.update(f"{array.dtype.str} {array.shape} ".encode())
            told.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return told.hexdigest()[:_LENGTH]
