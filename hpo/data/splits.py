"""Splits of rows, each a function of a seed: holdout, folds, subsets. All return row numbers in rising order."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpo.errors import UsageError

__all__ = ["Seed", "class_numbers", "holdout", "kfold", "stratified_holdout", "subset"]

Seed = int | np.random.SeedSequence
Index = NDArray[np.int64]  # (n,) row numbers, rising


def stratified_holdout(labels: ArrayLike, rows: int, seed: Seed) -> tuple[Index, Index]:
    """Hold `rows` rows out, each class by its share, to within one row (largest remainder, ties drawn).

    Args:
        labels: (n,) or (n, 1) class numbers, or (n, classes) one-hot.
        rows: how many to hold out, from 1 to n - 1.
        seed: decides which.

    Returns:
        (train, validation): row numbers, n - rows and rows of them; together they are all rows, once.

    Raises:
        UsageError: there are not that many rows, or the labels are no classes.

    """
    classes = class_numbers(labels)
    _refuse_beyond("held-out rows", rows, low=1, high=len(classes) - 1, of=len(classes))
    return _divide(len(classes), _draw(classes, rows, np.random.default_rng(seed)))


def holdout(total: int, rows: int, seed: Seed) -> tuple[Index, Index]:
    """Hold `rows` of `total` rows out, whatever their classes.

    Args:
        total: how many rows there are.
        rows: how many to hold out, from 1 to total - 1.
        seed: decides which.

    Returns:
        (train, validation): row numbers, total - rows and rows of them.

    Raises:
        UsageError: there are not that many rows.

    """
    _refuse_beyond("held-out rows", rows, low=1, high=total - 1, of=total)
    return _divide(total, np.random.default_rng(seed).permutation(total)[:rows].astype(np.int64))


def kfold(rows: int, folds: int, seed: Seed) -> list[tuple[Index, Index]]:
    """Cut `rows` rows into `folds` folds whose sizes differ by one at the most, the larger ones first.

    Args:
        rows: how many rows there are.
        folds: how many folds, from 2 to `rows`.
        seed: decides which row is in which fold.

    Returns:
        (train, validation) for each fold; every row is in exactly one validation.

    Raises:
        UsageError: fewer than two folds, or more folds than rows.

    """
    _refuse_beyond("folds", folds, low=2, high=rows, of=rows)
    order = np.random.default_rng(seed).permutation(rows).astype(np.int64)
    return [_divide(rows, fold) for fold in np.array_split(order, folds)]


def subset(labels: ArrayLike, rows: int, seed: Seed) -> Index:
    """Draw `rows` rows, each class by its share, to within one row.

    Args:
        labels: (n,) or (n, 1) class numbers, or (n, classes) one-hot.
        rows: how many, from 1 to n.
        seed: decides which.

    Returns:
        (rows,) row numbers.

    Raises:
        UsageError: there are not that many rows, or the labels are no classes.

    """
    classes = class_numbers(labels)
    _refuse_beyond("rows", rows, low=1, high=len(classes), of=len(classes))
    return np.sort(_draw(classes, rows, np.random.default_rng(seed)))


def class_numbers(labels: ArrayLike) -> NDArray[np.int64]:
    """(n,) the class of each row, numbered from 0.

    Args:
        labels: (n,) or (n, 1) class numbers or names, or (n, classes) one-hot.

    Raises:
        UsageError: they are no classes: numbers that are not whole, or rows with none or several of the classes.

    """
    array = np.asarray(labels)
    array = array.reshape(len(array), -1)
    if array.shape[1] > 1:
        numbers = array.argmax(axis=1)
        if not np.array_equal(array, np.eye(array.shape[1])[numbers]):
            raise UsageError(
                f"y of shape {np.shape(labels)} is not one-hot: to keep the share of each class a row must be of one "
                "class; leave stratified=True out"
            )
        array = numbers[:, np.newaxis]
    flat = array[:, 0]
    if flat.dtype.kind == "f" and not np.array_equal(flat, np.floor(flat)):
        other = flat[flat != np.floor(flat)][0]
        raise UsageError(
            f"y holds {other:g}, a number and no class: only classes have shares to keep; leave stratified=True out"
        )
    _, classes = np.unique(flat, return_inverse=True)
    return classes.astype(np.int64)


def _draw(classes: NDArray[np.int64], rows: int, random: np.random.Generator) -> Index:
    counts = np.bincount(classes)
    # Whole numbers throughout: a quota of exactly 3 must never become 2.999….
    quotas, remainders = np.divmod(counts * rows, len(classes))
    missing = rows - int(quotas.sum())
    if missing:  # of classes with the same remainder none goes short for its number
        order = random.permutation(len(counts))
        quotas[order[np.argsort(-remainders[order], kind="stable")[:missing]]] += 1
    drawn = [random.permutation(np.flatnonzero(classes == number))[:quota] for number, quota in enumerate(quotas)]
    return np.concatenate(drawn).astype(np.int64)


def _divide(total: int, chosen: Index) -> tuple[Index, Index]:
    mask = np.zeros(total, dtype=bool)
    mask[chosen] = True
    return np.flatnonzero(~mask).astype(np.int64), np.flatnonzero(mask).astype(np.int64)


def _refuse_beyond(what: str, number: int, *, low: int, high: int, of: int) -> None:
    if not low <= number <= high:
        choice = f"choose from {low} to {high}" if high >= low else "there are too few rows"
        raise UsageError(f"{number} {what} of {of} rows cannot be; {choice}")
