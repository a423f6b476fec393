"""Labels that are texts, as class numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

__all__ = ["numbered"]


def numbered(
    development: NDArray[np.generic], test: NDArray[np.generic], names: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """(names of the classes, class numbers of the development rows, of the test rows).

    Args:
        development: (rows,) or (rows, 1) texts.
        test: of the same kind.
        names: of all classes, in the order they are to be numbered in; empty: the labels of the development rows,
            sorted.

    Raises:
        DataError: a row has several labels, a label has no name, or the texts are numbers.

    """
    ours, theirs = _labels(development), _labels(test)
    there = np.unique(ours)
    if len(there) and all(map(_is_number, there.tolist())):
        raise DataError(f"y holds numbers as texts, such as {there[0]!s:.30}: give numbers, such as y.astype(float)")
    known = names or tuple(there.tolist())
    numbers = {name: number for number, name in enumerate(known)}
    for what, labels in (("development", ours), ("test", theirs)):
        for label in np.unique(labels).tolist():
            if label not in numbers:
                why = "none of label_names" if names else "that of no development row"
                raise DataError(
                    f"label {label!r:.40} of the {what} rows is {why}: name all in label_names, or split anew"
                )
    first, second = (
        np.array([numbers[label] for label in labels.tolist()], dtype=np.int64) for labels in (ours, theirs)
    )
    return known, first, second


def _labels(y: NDArray[np.generic]) -> NDArray[np.str_]:
    """(rows,) texts."""
    if y.ndim != 1 and y.shape[1:] != (1,):
        raise DataError(f"a row of y has {y.shape[1:]} texts: give one label a row, or numbers")
    flat: NDArray[Any] = y.reshape(-1)
    return np.char.decode(flat) if y.dtype.kind == "S" else flat.astype(np.str_)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
