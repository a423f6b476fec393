"""One look at what a definition's `data()` gives, before anything is trained on it."""

import math
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.data.dataset import Dataset, Rows
from hpo.data.mapped import is_mapped, look_at_memory
from hpo.data.splits import class_numbers
from hpo.data.streams import Streams
from hpo.data.structures import parts
from hpo.errors import DataError, HpoWarning, UsageError

__all__ = ["checked"]

_LEAST = 0.01  # share of the test rows that is worth a word where it is among the development rows
_SIGMAS = 3.0  # by which it must exceed what rows that repeat themselves bring about by chance
_MOST_REPEATED = 0.5  # share of development rows with a twin from which repetitions are the data's nature


def checked(
    loaded: object, *, stratified: bool = False, grouped: bool | None = None, weighted: bool = False
) -> Dataset | Streams:
    """The data set that a definition gave, if a network can be trained and judged on it.

    Args:
        loaded: a Dataset; ((x, y) to develop on, (x, y) to test on), as Keras's own data sets come; or Streams, which
            are looked at when they are trained on.
        stratified: whether splits keep the share of each class.
        grouped: whether splits keep the rows of a group together; None: who splits knows, and groups may be there.
        weighted: whether rows count in the metric by their weights.

    Raises:
        DataError: it is no data set, a part of it is empty, its parts differ in shape, no memory holds it, a number is
            missing or infinite, there are no classes to stratify by, no groups or weights where these are asked for, or
            the test rows are development rows.

    """
    if isinstance(loaded, Streams):
        return loaded
    data = _dataset(loaded)
    both = {"development": data.development, "test": data.test}
    for name, rows in both.items():
        if not len(rows):
            raise DataError(f"there are no {name} rows: give some to each of development and test")
    _refuse_other_shapes(data)
    for name, rows in both.items():
        _refuse_missing_in(name, rows, data)
        _refuse_lacking(name, rows, grouped=grouped, weighted=weighted)
    if stratified:
        _refuse_unclassed(data.development)
    _look_for_shared(data)
    _look_at_groups(data, grouped)
    return data


def _refuse_missing_in(name: str, rows: Rows, data: Dataset) -> None:
    """Refuse what is missing in any array, and inputs that no memory holds."""
    for x, array in parts(rows.x, "x"):
        if is_mapped(array):
            import psutil

            look_at_memory(array, psutil.virtual_memory().total)
        if not data.may_miss:
            otherwise = "or give Dataset(may_miss=True) to a model that does so"
            _refuse_missing(f"{x} of the {name} rows", array, otherwise, data.feature_names)
    for y, array in parts(rows.y, "y"):
        _refuse_missing(f"{y} of the {name} rows", array, "or leave such rows out")


def _refuse_unclassed(rows: Rows) -> None:
    if not isinstance(rows.y, np.ndarray):
        raise DataError("the evaluation is stratified, and y is several arrays: give Holdout(stratified=False)")
    try:
        class_numbers(rows.y)
    except UsageError as error:
        raise DataError(f"the evaluation is stratified, and {error}") from error


def _refuse_lacking(name: str, rows: Rows, *, grouped: bool | None, weighted: bool) -> None:
    """Refuse rows without what is asked of each of them."""
    if grouped and rows.groups is None:
        raise DataError(f"the evaluation is by group, and the {name} rows have no groups: give Rows(groups=...)")
    if weighted and rows.sample_weight is None:
        raise DataError(
            f"the metric is weighted, and the {name} rows have no weights: give Rows(sample_weight=...), or leave "
            "weighted=True out"
        )


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
    for whole in ("x", "y"):
        development, test = (dict(parts(getattr(rows, whole), whole)) for rows in (data.development, data.test))
        if development.keys() != test.keys():
            raise DataError(
                f"the development rows have {', '.join(development)} and the test rows {', '.join(test)}: prepare both "
                "alike"
            )
        _refuse_other_arrays(development, test)


def _refuse_other_arrays(development: dict[str, NDArray[np.generic]], test: dict[str, NDArray[np.generic]]) -> None:
    for name, ours in development.items():
        theirs = test[name]
        if ours.shape[1:] != theirs.shape[1:]:
            raise DataError(
                f"a row of {name} has shape {ours.shape[1:]} in the development rows and {theirs.shape[1:]} in the "
                "test rows: prepare both alike"
            )
        if (ours.dtype.kind in "US") != (theirs.dtype.kind in "US"):
            raise DataError(f"{name} holds texts in one of development and test and numbers in the other")


def _refuse_missing(what: str, array: NDArray[np.generic], otherwise: str, columns: Sequence[str] = ()) -> None:
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
    if len(first) == 2 and len(columns) == array.shape[1]:
        place += f" ({columns[first[1]]!r})"
    cells = "1 cell" if count == 1 else f"{count:,} cells"
    raise DataError(
        f"{cells} of {array.size:,} in {what} {'is' if count == 1 else 'are'} missing or infinite, the first "
        f"({array[first]}) in {place}: fill it in data(), {otherwise}"
    )


def _look_at_groups(data: Dataset, grouped: bool | None) -> None:
    """Say so where splits part groups, or where groups of the test rows are development rows' too."""
    if grouped is False and data.development.groups is not None:
        warnings.warn(
            "rows have groups, and the evaluation does not keep them together: KFold(grouped=True) and GroupHoldout do",
            HpoWarning,
            stacklevel=2,
        )
    if not grouped:
        return
    ours, theirs = (np.unique(rows.groups) for rows in (data.development, data.test))  # type: ignore[arg-type] # there
    shared = np.isin(theirs, ours).sum()
    if shared:
        warnings.warn(
            f"{shared:,} of {len(theirs):,} groups of the test rows are groups of development rows too: a score on "
            "test says less of new groups than the search's own, whose groups are kept apart",
            HpoWarning,
            stacklevel=2,
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
    arrays = [array for _, array in (*parts(rows.x, "x"), *parts(rows.y, "y"))]
    flat = [np.ascontiguousarray(array.reshape(len(rows), -1)) for array in arrays]
    return [hash(tuple(one.tobytes() for one in row)) for row in zip(*flat, strict=True)]
