"""Splits that keep the rows of a group together: a patient, a user, a plant; what they mean is scikit-learn's.

No group is on both sides of a split. All are functions of a seed, and return row numbers in rising order.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpo.data.splits import Index, Seed, class_numbers, divide, legacy, refuse_beyond
from hpo.errors import UsageError

__all__ = ["group_holdout", "group_kfold", "group_rows", "group_share", "stratified_group_kfold"]


def group_holdout(groups: ArrayLike, number: int, seed: Seed) -> tuple[Index, Index]:
    """Hold the rows of `number` groups out: scikit-learn's GroupShuffleSplit.

    Args:
        groups: (n,) the group of each row.
        number: of groups to hold out, from 1 to all but one.
        seed: decides which.

    Returns:
        (train, validation): row numbers.

    Raises:
        UsageError: there are not that many groups.

    """
    its, count = _numbered(groups)
    refuse_beyond("held-out groups", number, low=1, high=count - 1, of=count, unit="groups")
    chosen = legacy(seed).permutation(count)[:number]
    return divide(len(its), np.flatnonzero(np.isin(its, chosen)))


def group_kfold(groups: ArrayLike, folds: int, seed: Seed) -> list[tuple[Index, Index]]:
    """Cut the groups into folds of as many groups each, to within one: scikit-learn's GroupKFold with shuffle.

    Args:
        groups: (n,) the group of each row.
        folds: how many, from 2 to the number of groups.
        seed: decides which group is in which fold.

    Returns:
        (train, validation) for each fold; every group is in exactly one validation.

    Raises:
        UsageError: fewer than two folds, or more folds than groups.

    """
    its, count = _numbered(groups)
    refuse_beyond("folds", folds, low=2, high=count, of=count, unit="groups")
    parts = np.array_split(legacy(seed).permutation(count), folds)
    return [divide(len(its), np.flatnonzero(np.isin(its, part))) for part in parts]


def stratified_group_kfold(labels: ArrayLike, groups: ArrayLike, folds: int, seed: Seed) -> list[tuple[Index, Index]]:
    """Cut the groups into folds with about the share of each class: scikit-learn's StratifiedGroupKFold with shuffle.

    Args:
        labels: (n,) class numbers, or as `class_numbers` takes them.
        groups: (n,) the group of each row.
        folds: how many, from 2 to the number of groups.
        seed: decides between groups with which it comes to the same.

    Returns:
        (train, validation) for each fold; every group is in exactly one validation.

    Raises:
        UsageError: fewer than two folds, more folds than groups, or than rows of each class; the labels are no classes.

    """
    classes = class_numbers(labels)
    its, count = _numbered(groups)
    refuse_beyond("folds", folds, low=2, high=count, of=count, unit="groups")
    sizes = np.bincount(classes)
    refuse_beyond("folds", folds, low=2, high=int(sizes.max()), of=int(sizes.max()), unit="rows of the largest class")
    table = np.zeros((count, len(sizes)))  # rows of each class in each group
    np.add.at(table, (its, classes), 1)
    order = np.arange(count)
    legacy(seed).shuffle(order)
    table = table[order]
    there = np.zeros((folds, len(sizes)))  # rows of each class in each fold so far
    fold_of = np.zeros(count, dtype=np.int64)
    for place in np.argsort(-table.std(axis=1), kind="stable"):  # groups of one class first: they decide most
        best = _best_fold(there, table[place], sizes)
        there[best] += table[place]
        fold_of[order[place]] = best
    return [divide(len(its), np.flatnonzero(fold_of[its] == fold)) for fold in range(folds)]


def _best_fold(there: NDArray[np.float64], group: NDArray[np.float64], sizes: NDArray[np.int64]) -> int:
    """The fold with which the classes are spread most evenly over the folds; of several the one with fewest rows."""
    best, least, fewest = 0, np.inf, np.inf
    for fold in range(len(there)):
        tried = there.copy()
        tried[fold] += group
        spread = float(np.mean(np.std(tried / sizes, axis=0)))
        rows = float(there[fold].sum())
        if spread < least or (np.isclose(spread, least) and rows < fewest):
            best, least, fewest = fold, spread, rows
    return best


def group_rows(groups: ArrayLike, rows: int, seed: Seed) -> Index:
    """`rows` rows of as few groups as a drawn order of them gives: whole groups, and a part of the last one.

    Args:
        groups: (n,) the group of each row.
        rows: how many, at least 1; of fewer rows that there are, all.
        seed: decides the order.

    """
    its, count = _numbered(groups)
    place = np.random.default_rng(seed).permutation(count)[its]  # of each row's group in the order
    return np.sort(np.argsort(place, kind="stable")[:rows]).astype(np.int64)


def group_share(groups: ArrayLike, rows: int, seed: Seed) -> tuple[Index, Index]:
    """Hold about `rows` rows out: whole groups, in a drawn order, as long as that comes closer to `rows`.

    Args:
        groups: (n,) the group of each row.
        rows: how many, about.
        seed: decides the order.

    Returns:
        (train, held out): row numbers, of one group at least each.

    Raises:
        UsageError: there is one group alone.

    """
    its, count = _numbered(groups)
    if count < 2:
        raise UsageError("all rows are of one group, so none can be held out: give groups= more than one")
    order = np.random.default_rng(seed).permutation(count)
    ends = np.cumsum(np.bincount(its)[order])
    held = int(np.abs(ends[:-1] - rows).argmin()) + 1
    return divide(len(its), np.flatnonzero(np.isin(its, order[:held])))


def _numbered(groups: ArrayLike) -> tuple[NDArray[np.int64], int]:
    """The number of each row's group, from 0, and how many groups there are."""
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    return numbers.astype(np.int64), len(names)
