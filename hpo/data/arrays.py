"""Arrays of what values come in: arrays, tensors, frames, series, nested lists; what no network takes is refused."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

__all__ = ["as_array", "columns_of"]

_KINDS = "biufUS"  # truth values, whole numbers, floats, texts
_REMEDIES = {
    "c": "complex numbers: give real and imaginary parts as columns",
    "M": "dates: give them as numbers, such as days since the first",
    "m": "spans of time: give them as numbers, such as seconds",
    "V": "records: give their fields as columns of one type",
}


_PADDED = "pad them, such as by keras.utils.pad_sequences, for a layer that masks; or give batches in hpo.data.Streams"


def as_array(values: Any, what: str) -> NDArray[np.generic]:
    """`values` as a NumPy array of numbers or texts; an index or labels of rows that a frame has play no part.

    Args:
        values: an array, a tensor, a frame or series of pandas or polars, or nested lists.
        what: how to call it in an error: x, y.

    Raises:
        DataError: they are sparse, masked, of varying length, of several types, or of one that no network takes.

    """
    _refuse_categories(values, what)
    array = _array(values, what)
    if not array.ndim:
        raise DataError(f"{what} is one {type(values).__name__}, not rows: give an array of shape (rows, ...)")
    if array.dtype.kind == "O":
        array = _of_objects(array, what, columns_of(values))
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
        if "inhomogeneous" in str(error):
            raise DataError(f"{what} has rows of varying length: {_PADDED}") from error
        raise DataError(f"{what} is no array ({error}): give rows of one length and type") from error
    remedy = _PADDED if hasattr(values, "row_splits") else "give an array of shape (rows, ...)"  # of a RaggedTensor
    raise DataError(f"{what} is a {type(values).__name__}: {remedy}")


def columns_of(values: Any) -> tuple[str, ...]:
    """The names of a frame's columns; empty where there are none."""
    names = getattr(values, "columns", None)
    return () if names is None or not hasattr(values, "to_numpy") else tuple(str(name) for name in names)


def _refuse_categories(values: Any, what: str) -> None:
    """Refuse a column of categories: their numbers, if they have some, are names and no quantities."""
    names = columns_of(values)
    for name, kind in zip(names, getattr(values, "dtypes", ()) if names else (), strict=False):
        if str(kind).partition("(")[0].lower() in ("category", "categorical", "enum"):
            raise DataError(f"column {name!r} of {what} is categorical: {_in_columns(name, what)}")


def _in_columns(name: str, what: str) -> str:
    return f"make columns of 0 and 1 of it, such as with pandas.get_dummies({what}, columns=[{name!r}], dtype=float)"


def _of_objects(array: NDArray[Any], what: str, columns: tuple[str, ...]) -> NDArray[np.generic]:
    """An array of Python's objects as one of their own type; None and what else is missing becomes NaN."""
    cells = array.flatten()  # a copy: the rows are not ours to change
    if all(isinstance(cell, str) for cell in cells):
        return array.astype(np.str_)
    if all(isinstance(cell, int | np.integer | np.bool_) for cell in cells):
        return _cast(array, np.int64, what)
    missing = [place for place, cell in enumerate(cells) if _missing(cell)]
    if missing and not columns and any(isinstance(cell, str) for cell in cells):
        raise DataError(f"{what}[{_where(array, missing[0])}] is missing: fill it, or leave such rows out")
    cells[missing] = np.nan
    for place, cell in enumerate(cells):
        if isinstance(cell, list | tuple | np.ndarray):
            raise DataError(f"{what} has rows of varying length, such as {_where(array, place)}: {_PADDED}")
        if not isinstance(cell, int | float | np.number | np.bool_):
            raise DataError(_no_number(cell, place, array, what, columns))
    return _cast(cells, np.float64, what).reshape(array.shape)


def _no_number(cell: object, place: int, array: NDArray[Any], what: str, columns: tuple[str, ...]) -> str:
    """Why a cell among numbers is refused; where columns have names, for the column as a whole."""
    kind = type(cell).__name__
    if not columns:
        return f"{what}[{_where(array, place)}] is {cell!r:.40}, a {kind}: give numbers, or texts throughout"
    name = columns[place % array.shape[1]]
    if isinstance(cell, str):
        return f"column {name!r} of {what} holds texts such as {cell!r:.40}: {_in_columns(name, what)}"
    remedy = (
        "give dates as numbers, such as days since the first" if "Time" in kind or "date" in kind else "give numbers"
    )
    return f"column {name!r} of {what} holds {cell!s:.40}, a {kind}: {remedy}"


def _where(array: NDArray[Any], place: int) -> str:
    return ", ".join(str(int(index)) for index in np.unravel_index(place, array.shape))


def _cast(array: NDArray[Any], kind: type, what: str) -> NDArray[np.generic]:
    try:
        return array.astype(kind)
    except OverflowError:
        raise DataError(f"{what} holds a whole number beyond {kind.__name__}: give numbers of fewer digits") from None


def _missing(cell: object) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)
