"""Splits by class, group and time: which rows they are, scikit-learn says; it draws with the same generator here."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import model_selection

from hpo.data import (
    group_holdout,
    group_kfold,
    group_rows,
    group_share,
    stratified_group_kfold,
    stratified_kfold,
    time_series,
)
from hpo.data.splits import legacy
from hpo.errors import UsageError

seeds = st.integers(0, 2**31 - 1)
some = settings(max_examples=20, deadline=None)  # scikit-learn looks at all it is given


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """(labels, groups) of some rows, of two classes and three groups at least."""
    rows = draw(st.integers(12, 60))
    random = np.random.default_rng(draw(seeds))
    labels = random.integers(0, draw(st.integers(2, 4)), rows)
    groups = random.integers(0, draw(st.integers(3, 12)), rows)
    assume(len(set(labels)) > 1 and len(set(groups)) > 2)
    return labels, np.array([f"patient {number}" for number in groups])


def theirs(splitter: Any, labels: Any, groups: Any = None) -> list[tuple[list[int], list[int]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer rows than folds
        pairs = [*splitter.split(np.zeros(len(labels)), labels, groups)]
    return [(sorted(map(int, train)), sorted(map(int, test))) for train, test in pairs]


def ours(pairs: Any) -> list[tuple[list[int], list[int]]]:
    return [(train.tolist(), test.tolist()) for train, test in pairs]


@some
@given(tables(), seeds)
def test_folds_by_group_equal_scikit_learns(table: tuple[Any, Any], seed: int) -> None:
    labels, groups = table
    splitter = model_selection.GroupKFold(3, shuffle=True, random_state=legacy(seed))
    found = ours(group_kfold(groups, 3, seed))
    assert found == theirs(splitter, labels, groups)
    assert all(not set(groups[train]) & set(groups[test]) for train, test in found)


@some
@given(tables(), seeds)
def test_a_holdout_by_group_equals_scikit_learns(table: tuple[Any, Any], seed: int) -> None:
    labels, groups = table
    splitter = model_selection.GroupShuffleSplit(1, test_size=2, random_state=legacy(seed))
    assert ours([group_holdout(groups, 2, seed)]) == theirs(splitter, labels, groups)


@some
@given(tables(), seeds)
def test_folds_by_class_equal_scikit_learns(table: tuple[Any, Any], seed: int) -> None:
    labels, _ = table
    assume(np.bincount(labels).max() >= 4)
    splitter = model_selection.StratifiedKFold(4, shuffle=True, random_state=legacy(seed))
    assert ours(stratified_kfold(labels, 4, seed)) == theirs(splitter, labels)


@some
@given(tables(), seeds)
def test_folds_by_class_and_group_equal_scikit_learns(table: tuple[Any, Any], seed: int) -> None:
    labels, groups = table
    assume(np.bincount(labels).max() >= 3)
    splitter = model_selection.StratifiedGroupKFold(3, shuffle=True, random_state=legacy(seed))
    assert ours(stratified_group_kfold(labels, groups, 3, seed)) == theirs(splitter, labels, groups)


@some
@given(
    st.integers(20, 80), st.integers(2, 5), st.integers(0, 3), st.sampled_from([None, 1, 3]), st.sampled_from([None, 7])
)
def test_folds_in_order_of_time_equal_scikit_learns(
    rows: int, folds: int, gap: int, size: int | None, train: int | None
) -> None:
    splitter = model_selection.TimeSeriesSplit(folds, gap=gap, test_size=size, max_train_size=train)
    try:
        expected = theirs(splitter, np.zeros(rows))
    except ValueError:
        with pytest.raises(UsageError, match="folds in order of time need"):
            time_series(rows, folds, gap=gap, validation=size, train=train)
        return
    assert ours(time_series(rows, folds, gap=gap, validation=size, train=train)) == expected


@some
@given(tables(), seeds, st.integers(1, 12))
def test_a_subset_by_group_splits_at_most_one_group(table: tuple[Any, Any], seed: int, wanted: int) -> None:
    _, groups = table
    rows = group_rows(groups, wanted, seed)
    assert len(rows) == wanted
    assert (np.diff(rows) > 0).all()
    parts = [name for name in set(groups[rows]) if (groups == name).sum() > (groups[rows] == name).sum()]
    assert len(parts) <= 1


@some
@given(tables(), seeds, st.integers(1, 12))
def test_a_share_by_group_holds_out_whole_groups_of_about_the_wanted_size(
    table: tuple[Any, Any], seed: int, wanted: int
) -> None:
    _, groups = table
    train, held = group_share(groups, wanted, seed)
    assert sorted([*train, *held]) == [*range(len(groups))]
    assert not set(groups[train]) & set(groups[held])
    largest = max((groups == name).sum() for name in set(groups))
    assert len(train)
    assert abs(len(held) - wanted) <= largest


@pytest.mark.parametrize(
    ("split", "refusal"),
    [
        (lambda: group_kfold([1, 1, 2, 2], 3, 0), "3 folds of 2 groups cannot be; choose from 2 to 2"),
        (lambda: group_holdout([1, 1, 2, 2], 2, 0), "2 held-out groups of 2 groups cannot be; choose from 1 to 1"),
        (lambda: group_holdout([1, 1], 1, 0), "1 held-out groups of 1 groups cannot be; there are too few"),
        (lambda: group_share([1, 1], 1, 0), "all rows are of one group"),
        (lambda: stratified_kfold([0, 0, 1, 1], 3, 0), "3 folds of 2 rows of the largest class cannot be"),
        (lambda: stratified_kfold([0.5, 1], 2, 0), "y holds 0.5, a number and no class"),
        (lambda: time_series(10, 5, gap=6), "5 folds in order of time need 12 rows with a gap of 6"),
    ],
)
def test_impossible_splits_are_refused(split: Any, refusal: str) -> None:
    with pytest.raises(UsageError, match=refusal):
        split()
