"""Whatever rows come in, made an array: by position, with nothing guessed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

__all__ = ["as_array"]

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
