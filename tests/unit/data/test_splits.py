from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data import holdout, kfold, stratified_holdout, subset
from hpo.errors import UsageError

labels = st.lists(st.integers(min_value=0, max_value=4), min_size=2, max_size=80).map(np.array)
seeds = st.integers(min_value=0, max_value=2**32)


def within_one_row(all_labels: np.ndarray, drawn: np.ndarray) -> bool:
    share = Fraction(len(drawn), len(all_labels))
    return all(
        abs(int((all_labels[drawn] == number).sum()) - share * int((all_labels == number).sum())) < 1
        for number in np.unique(all_labels)
    )


@given(labels, seeds, st.data())
def test_stratified_holdout_divides_all_rows_and_keeps_each_class_share(labels, seed, data):
    rows = data.draw(st.integers(min_value=1, max_value=len(labels) - 1))
    train, validation = stratified_holdout(labels, rows, seed)
    assert len(validation) == rows
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert within_one_row(labels, validation)
    assert within_one_row(labels, train)


@given(labels, seeds, st.data())
def test_subset_keeps_each_class_share(labels, seed, data):
    rows = data.draw(st.integers(min_value=1, max_value=len(labels)))
    index = subset(labels, rows, seed)
    assert len(index) == rows
    assert len(set(index.tolist())) == rows
    assert within_one_row(labels, index)
    assert index.dtype == np.int64


@given(st.integers(min_value=2, max_value=200), seeds, st.data())
def test_kfold_validates_each_row_once_on_folds_of_one_size(rows, seed, data):
    folds = data.draw(st.integers(min_value=2, max_value=min(rows, 12)))
    splits = kfold(rows, folds, seed)
    sizes = [len(validation) for _, validation in splits]
    assert len(splits) == folds
    assert max(sizes) - min(sizes) <= 1
    assert sorted(row for _, validation in splits for row in validation) == list(range(rows))
    for train, validation in splits:
        assert sorted([*train, *validation]) == list(range(rows))


@given(labels, seeds)
def test_splits_are_functions_of_their_seed(labels, seed):
    same = [(stratified_holdout(labels, 1, seed), kfold(len(labels), 2, seed), subset(labels, 1, seed)) for _ in "ab"]
    for one, other in zip(*(np.concatenate([np.ravel(part) for part in flat(run)]) for run in same), strict=True):
        assert one == other


def flat(thing):
    return [thing] if isinstance(thing, np.ndarray) else [leaf for part in thing for leaf in flat(part)]


def test_another_seed_is_another_split():
    many = np.arange(1000) % 10
    assert not np.array_equal(stratified_holdout(many, 100, 0)[1], stratified_holdout(many, 100, 1)[1])
    assert not np.array_equal(kfold(1000, 5, 0)[0][1], kfold(1000, 5, 1)[0][1])
    assert not np.array_equal(subset(many, 100, 0), subset(many, 100, 1))
    assert not np.array_equal(holdout(1000, 100, 0)[1], holdout(1000, 100, 1)[1])


def test_one_hot_labels_mean_the_same_as_class_numbers():
    numbers = np.arange(60) % 3
    one_hot = np.eye(3, dtype=np.float32)[numbers]
    np.testing.assert_array_equal(subset(one_hot, 12, 7), subset(numbers, 12, 7))


def test_equal_classes_are_held_out_exactly_equally():
    _, validation = stratified_holdout(np.repeat(np.arange(10), 600), 1000, 3)
    np.testing.assert_array_equal(np.bincount(validation // 600), np.full(10, 100))


def test_a_seed_sequence_is_accepted_as_seed():
    spawned = np.random.SeedSequence(5).spawn(1)[0]
    again = np.random.SeedSequence(5).spawn(1)[0]
    np.testing.assert_array_equal(kfold(50, 5, spawned)[2][1], kfold(50, 5, again)[2][1])


def test_a_holdout_without_classes_divides_all_rows():
    train, validation = holdout(17, 5, 0)
    assert len(validation) == 5
    assert sorted([*train, *validation]) == list(range(17))


@pytest.mark.parametrize(
    ("split", "limit"),
    [
        (lambda: stratified_holdout(np.zeros(10), 10, 0), "from 1 to 9"),
        (lambda: stratified_holdout(np.zeros(10), 0, 0), "from 1 to 9"),
        (lambda: stratified_holdout(np.zeros(1), 1, 0), "too few rows"),
        (lambda: holdout(10, -1, 0), "from 1 to 9"),
        (lambda: kfold(10, 1, 0), "from 2 to 10"),
        (lambda: kfold(10, 11, 0), "from 2 to 10"),
        (lambda: kfold(1, 2, 0), "too few rows"),
        (lambda: subset(np.zeros(10), 11, 0), "from 1 to 10"),
        (lambda: subset(np.zeros(10), 0, 0), "from 1 to 10"),
    ],
)
def test_impossible_numbers_are_refused_with_the_limit(split, limit):
    with pytest.raises(UsageError, match=limit) as refused:
        split()
    assert "\n" not in str(refused.value)
