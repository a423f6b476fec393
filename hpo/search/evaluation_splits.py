"""Which rows a definition's evaluation trains on and judges by, each kind of evaluation by its own rules."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import (
    Rows,
    group_holdout,
    group_kfold,
    group_rows,
    group_share,
    holdout,
    kfold,
    stratified_group_kfold,
    stratified_holdout,
    stratified_kfold,
    subset,
    time_series,
)
from hpo.errors import DefinitionError, UsageError
from hpo.search.seeds import derive
from hpo.study import Evaluation, GroupHoldout, Holdout, KFold, OwnSplits, TimeSeriesSplit, ValidationData
from hpo.study.contained import contained
from hpo.study.value_checks import shown

__all__ = ["drawn", "held_out", "parts", "thinned", "watched"]

Index = NDArray[np.int64]
Part = tuple[Index, Index]  # (train, validation): row numbers, rising


def parts(evaluation: Evaluation, rows: Rows, *, folds: int | None, seed: int) -> list[Part]:
    """(train, validation) of each training of one trial; of what is drawn, a function of the seed.

    Args:
        evaluation: a definition's.
        rows: its development rows.
        folds: as the fidelity says; None: as the evaluation does.
        seed: of the splits.

    Raises:
        UsageError: `rows` are too few.
        DefinitionError: splits of somebody's own are none.

    """
    match evaluation:
        case Holdout(last=True):
            return time_series(len(rows), 1, validation=evaluation.rows)
        case Holdout():
            return [_held_out(rows, evaluation.rows, evaluation.stratified, seed)]
        case GroupHoldout():
            return [group_holdout(_groups(rows), evaluation.groups, seed)]
        case TimeSeriesSplit():
            return time_series(
                len(rows),
                folds or evaluation.folds,
                gap=evaluation.gap,
                validation=evaluation.rows,
                train=evaluation.train_rows,
            )
        case OwnSplits():
            return _own(evaluation, rows)
        case ValidationData():
            raise UsageError("data that are streamed have no rows to split")
        case KFold():
            seeds = [seed, *(derive(seed, "repeat", number) for number in range(1, evaluation.repeats))]
            return [part for one in seeds for part in _folds(evaluation, rows, folds or evaluation.folds, one)]


def _folds(evaluation: KFold, rows: Rows, folds: int, seed: int) -> list[Part]:
    if evaluation.grouped and evaluation.stratified:
        return stratified_group_kfold(rows.y, _groups(rows), folds, seed)
    if evaluation.grouped:
        return group_kfold(_groups(rows), folds, seed)
    return stratified_kfold(rows.y, folds, seed) if evaluation.stratified else kfold(len(rows), folds, seed)


def _groups(rows: Rows) -> NDArray[np.generic]:
    if rows.groups is None:
        raise UsageError("the evaluation is by group, and the rows have no groups: give Rows(groups=...)")
    return rows.groups


def _own(evaluation: OwnSplits, rows: Rows) -> list[Part]:
    """What a splitter of somebody's own gives, looked at; it must give the same rows whenever it is asked."""
    first, again = (contained(lambda: [*_given(evaluation.splitter, rows)]) for _ in range(2))
    what = f"the splits of {shown(evaluation.splitter)}"
    found = [_looked_at(pair, len(rows), f"{what}: fold {number}") for number, pair in enumerate(first, start=1)]
    if len(found) != evaluation.folds:
        raise DefinitionError(f"{what} are {len(found)} folds and not {evaluation.folds}: give folds={len(found)}")
    repeated = [_looked_at(pair, len(rows), what) for pair in again]
    if [[*map(bytes, pair)] for pair in found] != [[*map(bytes, pair)] for pair in repeated]:
        raise DefinitionError(f"{what} are others each time they are asked for: give it a random_state, or seed it")
    return found


def _given(splitter: Any, rows: Rows) -> Iterable[Any]:
    split = getattr(splitter, "split", splitter)
    given: Iterable[Any] = split(rows.x, rows.y, rows.groups)
    return given


def _looked_at(pair: Any, rows: int, what: str) -> Part:
    try:
        train, validation = (np.asarray(numbers) for numbers in pair)
    except (TypeError, ValueError):
        raise DefinitionError(
            f"{what} is {shown(pair)}: give a pair of row numbers, to train on and to judge by"
        ) from None
    found: list[Index] = []
    for numbers in (train, validation):
        if numbers.dtype == bool and numbers.shape == (rows,):
            numbers = np.flatnonzero(numbers)
        if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iu":
            raise DefinitionError(f"{what} has {shown(numbers)} for row numbers: give whole numbers, one at least")
        if numbers.min() < 0 or numbers.max() >= rows:
            raise DefinitionError(
                f"{what} has rows {numbers.min()} to {numbers.max()}, and there are those from 0 to {rows - 1}"
            )
        found.append(np.sort(numbers).astype(np.int64))
    both = np.intersect1d(found[0], found[1])
    if both.size:
        raise DefinitionError(f"{what} trains on row {both[0]} and judges by it: let no row be on both sides")
    return found[0], found[1]


def thinned(evaluation: Evaluation, rows: Rows, train: Index, wanted: int | None, seed: int) -> Index:
    """`wanted` of the rows to train on, of which the fidelity takes so many; all for None.

    Whole groups where splits are by group, but for a part of the last one; the latest where rows are in order of time,
    or as many as a fold has; each class by its share where the splits are stratified.

    Raises:
        UsageError: there are not that many rows.

    """
    if wanted is None or wanted == len(train):
        return train
    if not (evaluation.grouped or evaluation.ordered):
        return drawn(evaluation, rows, train, wanted, seed)
    if wanted > len(rows):
        raise UsageError(f"{wanted:,} training rows of {len(rows):,} development rows cannot be; take fewer")
    if evaluation.ordered:
        return train[-wanted:]
    return train[group_rows(_groups(rows)[train], wanted, seed)]


def drawn(evaluation: Evaluation, rows: Rows, index: Index, wanted: int, seed: int) -> Index:
    """`wanted` of the rows at `index`, each class by its share where the splits are stratified."""
    if evaluation.stratified:
        return index[subset(rows.y[index], wanted, seed)]
    return index[holdout(len(index), wanted, seed)[1]]


def held_out(evaluation: Evaluation, rows: Rows, number: int, seed: int) -> Part:
    """(the others, `number` of the rows held out); whole groups where splits are by group, so about as many then.

    Raises:
        UsageError: there are too few rows, or too few groups.

    """
    if evaluation.grouped:
        return group_share(_groups(rows), number, seed)
    return _held_out(rows, number, evaluation.stratified, seed)


def watched(evaluation: Evaluation, rows: Rows, number: int, seed: int) -> Part:
    """(rows to train on, `number` of `rows` to watch meanwhile), apart as the evaluation keeps apart what it judges by.

    Whole groups where splits are by group, or are one's own and the rows have groups; the latest where rows are in
    order of time, behind the evaluation's gap; each class by its share where the splits are stratified. Splits of one's
    own are in order of time where each judges by later rows than it trains on.

    Raises:
        UsageError: there are too few rows, or too few groups.

    """
    gap = getattr(evaluation, "gap", 0) if evaluation.ordered else None
    if isinstance(evaluation, OwnSplits):
        gap = _gap(evaluation, rows)
    if gap is not None:
        return time_series(len(rows), 1, gap=gap, validation=number)[0]
    if isinstance(evaluation, OwnSplits) and rows.groups is not None:
        return group_share(rows.groups, number, seed)
    return held_out(evaluation, rows, number, seed)


def _gap(evaluation: OwnSplits, rows: Rows) -> int | None:
    """The fewest rows that its splits leave out in time; None: they are not in order of time, or these rows too few."""
    try:
        found = _own(evaluation, rows)
    except Exception:  # it is for all development rows, of which these may be some; a search has met what it raises
        return None
    gaps = [int(validation[0] - train[-1]) - 1 for train, validation in found]
    return min(gaps) if min(gaps) >= 0 else None


def _held_out(rows: Rows, number: int, stratified: bool, seed: int) -> Part:
    return stratified_holdout(rows.y, number, seed) if stratified else holdout(len(rows), number, seed)
