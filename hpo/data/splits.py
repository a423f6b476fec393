"""Splits of rows, each a function of a seed: holdout, folds, subsets. All return row numbers in rising order.

By group: `group_splits`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpo.errors import UsageError

__all__ = [
    "Index",
    "Seed",
    "class_numbers",
    "class_values",
    "divide",
    "holdout",
    "kfold",
    "legacy",
    "refuse_beyond",
    "stratified_holdout",
    "stratified_kfold",
    "subset",
    "time_series",
]

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
    refuse_beyond("held-out rows", rows, low=1, high=len(classes) - 1, of=len(classes))
    return divide(len(classes), _draw(classes, rows, np.random.default_rng(seed)))


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
    refuse_beyond("held-out rows", rows, low=1, high=total - 1, of=total)
    return divide(total, np.random.default_rng(seed).permutation(total)[:rows].astype(np.int64))


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
    refuse_beyond("folds", folds, low=2, high=rows, of=rows)
    order = np.random.default_rng(seed).permutation(rows).astype(np.int64)
    return [divide(rows, fold) for fold in np.array_split(order, folds)]


def stratified_kfold(labels: ArrayLike, folds: int, seed: Seed) -> list[tuple[Index, Index]]:
    """Cut the rows into folds with the share of each class, to within a row: scikit-learn's StratifiedKFold, shuffled.

    Args:
        labels: as `class_values` takes them.
        folds: how many, from 2 to the rows of the largest class.
        seed: decides which row is in which fold.

    Returns:
        (train, validation) for each fold; every row is in exactly one validation.

    Raises:
        UsageError: fewer than two folds, more folds than rows of each class, or the labels are no classes.

    """
    classes = class_numbers(labels)
    _, first = np.unique(classes, return_index=True)
    classes = np.argsort(np.argsort(first))[classes]  # numbered as they appear
    sizes = np.bincount(classes)
    refuse_beyond("folds", folds, low=2, high=int(sizes.max()), of=int(sizes.max()), unit="rows of the largest class")
    random, ordered = legacy(seed), np.sort(classes)
    fold_of = np.empty(len(classes), dtype=np.int64)
    dealt = np.array([np.bincount(ordered[fold::folds], minlength=len(sizes)) for fold in range(folds)])
    for number in range(len(sizes)):
        its = np.arange(folds).repeat(dealt[:, number])
        random.shuffle(its)
        fold_of[classes == number] = its
    return [divide(len(classes), np.flatnonzero(fold_of == fold)) for fold in range(folds)]


def time_series(
    rows: int, folds: int, *, gap: int = 0, validation: int | None = None, train: int | None = None
) -> list[tuple[Index, Index]]:
    """Folds of rows in order of time, each judged on later rows than it is trained on: scikit-learn's TimeSeriesSplit.

    Args:
        rows: how many rows there are, the earliest first.
        folds: how many, at least 1.
        gap: rows left out between those to train on and those to judge by.
        validation: rows to judge by, of each fold; None: rows // (folds + 1).
        train: rows to train on, of each fold, the latest at the most; None: all before.

    Returns:
        (train, validation) for each fold, the earliest first.

    Raises:
        UsageError: there are too few rows.

    """
    size = rows // (folds + 1) if validation is None else validation
    least = folds * max(size, 1) + gap + 1
    if least > rows:
        raise UsageError(
            f"{folds} folds in order of time need {least:,} rows with a gap of {gap:,} and {max(size, 1):,} rows to "
            f"judge each by, and there are {rows:,}; take fewer"
        )
    numbers = np.arange(rows, dtype=np.int64)
    found = []
    for start in range(rows - folds * size, rows, size):
        end = start - gap
        found.append((numbers[0 if train is None else max(0, end - train) : end], numbers[start : start + size]))
    return found


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
    refuse_beyond("rows", rows, low=1, high=len(classes), of=len(classes))
    return np.sort(_draw(classes, rows, np.random.default_rng(seed)))


def class_numbers(labels: ArrayLike) -> NDArray[np.int64]:
    """(n,) the class of each row, those that there are numbered from 0.

    Args:
        labels: as `class_values` takes them.

    Raises:
        UsageError: they are no classes.

    """
    classes: NDArray[np.int64] = np.unique(class_values(labels), return_inverse=True)[1].astype(np.int64)
    return classes


def class_values(
    labels: ArrayLike, why: str = "only classes have shares to keep", remedy: str = "leave stratified=True out"
) -> NDArray[np.generic]:
    """(n,) the class of each row as it is called: its number or name; of one-hot rows, the place of the 1.

    Args:
        labels: (n,) or (n, 1) class numbers or names, or (n, classes) one-hot.
        why: what needs classes, for the refusal.
        remedy: what to do where there are none.

    Raises:
        UsageError: they are no classes: numbers that are not whole, or rows with none or several of the classes.

    """
    array = np.asarray(labels)
    if array.ndim > 2:
        raise UsageError(f"a row of y has shape {array.shape[1:]}, more than one class, and {why}; {remedy}")
    array = array.reshape(len(array), -1)
    if array.shape[1] > 1:
        numbers = array.argmax(axis=1)
        if not np.array_equal(array, np.eye(array.shape[1])[numbers]):
            raise UsageError(
                f"y of shape {np.shape(labels)} is not one-hot, so a row is not of one class, and {why}; {remedy}"
            )
        array = numbers[:, np.newaxis]
    flat = array[:, 0]
    if flat.dtype.kind == "f" and not np.array_equal(flat, np.floor(flat)):
        other = flat[flat != np.floor(flat)][0]
        raise UsageError(f"y holds {other:g}, a number and no class: {why}; {remedy}")
    return flat


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


def legacy(seed: Seed) -> np.random.RandomState:
    """The generator whose draws, number for number, are those that scikit-learn makes with it."""
    return np.random.RandomState(np.random.MT19937(seed))


def divide(total: int, chosen: Index) -> tuple[Index, Index]:
    """(the others, the chosen ones) of `total` rows, rising."""
    mask = np.zeros(total, dtype=bool)
    mask[chosen] = True
    return np.flatnonzero(~mask).astype(np.int64), np.flatnonzero(mask).astype(np.int64)


def refuse_beyond(what: str, number: int, *, low: int, high: int, of: int, unit: str = "rows") -> None:
    """Refuse a number of something that a split of so many rows, or other units, cannot have. Raises UsageError."""
    if not low <= number <= high:
        choice = f"choose from {low} to {high}" if high >= low else f"there are too few {unit}"
        raise UsageError(f"{number} {what} of {of} {unit} cannot be; {choice}")
