"""One look at what a definition's `data()` gives, before anything is trained on it."""

import math
import warnings
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from hpo.data.dataset import Dataset, Rows
from hpo.data.splits import class_numbers
from hpo.errors import DataError, HpoWarning, UsageError

__all__ = ["checked"]

_LEAST = 0.01  # share of the test rows that is worth a word where it is among the development rows
_SIGMAS = 3.0  # by which it must exceed what rows that repeat themselves bring about by chance
_MOST_REPEATED = 0.5  # share of development rows with a twin from which repetitions are the data's nature


def checked(loaded: object, *, stratified: bool = False) -> Dataset:
    """The data set that a definition gave, if a network can be trained and judged on it.

    Args:
        loaded: a Dataset, or ((x, y) to develop on, (x, y) to test on) as Keras's own data sets come.
        stratified: whether splits keep the share of each class.

    Raises:
        DataError: it is no data set, a part of it is empty, its parts differ in shape, a number is missing or infinite,
            targets are texts, there are no classes to stratify by, or the test rows are development rows.

    """
    data = _dataset(loaded)
    parts = {"development": data.development, "test": data.test}
    for name, rows in parts.items():
        if not len(rows):
            raise DataError(f"there are no {name} rows: give some to each of development and test")
    _refuse_other_shapes(data)
    for name, rows in parts.items():
        if rows.y.dtype.kind in "US":
            raise DataError(
                f"y of the {name} rows holds texts such as {rows.y.flat[0]!s:.30}: number the classes from 0, for "
                "instance by numpy.unique(y, return_inverse=True), in one go for development and test"
            )
        if not data.may_miss:
            _refuse_missing(f"x of the {name} rows", rows.x, "or give Dataset(may_miss=True) to a model that does so")
        _refuse_missing(f"y of the {name} rows", rows.y, "or leave such rows out")
    if stratified:
        try:
            class_numbers(data.development.y)
        except UsageError as error:
            raise DataError(f"the evaluation is stratified, and {error}") from error
    _look_for_shared(data)
    return data


def _dataset(loaded: object) -> Dataset:
    if isinstance(loaded, Dataset):
        return loaded
    if isinstance(loaded, tuple) and len(loaded) == 2 and all(isinstance(p, tuple) and len(p) == 2 for p in loaded):
        (x, y), (x_test, y_test) = loaded
        return Dataset(name="data", development=Rows(x=x, y=y), test=Rows(x=x_test, y=y_test))
    what = f"a tuple of {len(loaded)}" if isinstance(loaded, tuple) else f"a {type(loaded).__name__}"
    raise DataError(
        f"data() gave {what}: return Dataset(name=..., development=Rows(x=..., y=...), test=Rows(x=..., y=...)), or "
        "((x, y), (x_test, y_test))"
    )


def _refuse_other_shapes(data: Dataset) -> None:
    for name in ("x", "y"):
        ours, theirs = getattr(data.development, name), getattr(data.test, name)
        if ours.shape[1:] != theirs.shape[1:]:
            raise DataError(
                f"a row of {name} has shape {ours.shape[1:]} in the development rows and {theirs.shape[1:]} in the "
                "test rows: prepare both alike"
            )
        if (ours.dtype.kind in "US") != (theirs.dtype.kind in "US"):
            raise DataError(f"{name} holds texts in one of development and test and numbers in the other")


def _refuse_missing(what: str, array: NDArray[np.generic], otherwise: str) -> None:
    """Refuse NaN and infinities: after one of them in a batch no weight is a number any more, often unnoticed."""
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(array, dtype=np.float64)):
            return
    missing = ~np.isfinite(array)
    count = int(missing.sum())
    if not count:
        return  # finite numbers whose sum is not
    first = tuple(int(index) for index in np.argwhere(missing)[0])
    place = f"row {first[0]}" + (f", column {', '.join(map(str, first[1:]))}" if first[1:] else "")
    cells = "1 cell" if count == 1 else f"{count:,} cells"
    raise DataError(
        f"{cells} of {array.size:,} in {what} {'is' if count == 1 else 'are'} missing or infinite, the first "
        f"({array[first]}) in {place}: fill it in data(), {otherwise}"
    )


def _look_for_shared(data: Dataset) -> None:
    """Refuse test rows that are development rows; of some that are, say how many.

    In many tables rows repeat themselves. What counts is how many more of the test rows are among the development rows
    than development rows have a twin among themselves.
    """
    ours, theirs = Counter(_hashes(data.development)), _hashes(data.test)
    repeated = sum(count for count in ours.values() if count > 1) / len(data.development)
    shared = sum(row in ours for row in theirs)
    share = shared / len(data.test)
    told = f"{shared:,} of {len(data.test):,} test rows are development rows too"
    if shared == len(data.test) and repeated < _MOST_REPEATED:
        raise DataError(f"{told}: a test on them says nothing; split the rows once, and give each to one part")
    by_chance = _SIGMAS * math.sqrt(repeated * (1 - repeated) / len(data.test))
    if share - repeated > max(_LEAST, by_chance):
        warnings.warn(
            f"{told}, inputs and target alike, so that a score on test is too good by what was learnt of them by heart",
            HpoWarning,
            stacklevel=2,
        )


def _hashes(rows: Rows) -> list[int]:
    """A number for each row, of its inputs and its target, which no two rows that differ share but by a miracle."""
    x, y = (np.ascontiguousarray(array.reshape(len(rows), -1)) for array in (rows.x, rows.y))
    return [hash((a.tobytes(), b.tobytes())) for a, b in zip(x, y, strict=True)]
