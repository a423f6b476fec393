"""Which rows a trial trains on and is judged by, for each kind of evaluation, and what a cheaper fidelity leaves."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import model_selection

from hpo.data import Dataset, Rows
from hpo.errors import DataError, DefinitionError, HpoWarning, UsageError
from hpo.search.row_splits import cut, load, redraw
from hpo.study import (
    Evaluation,
    Fidelity,
    Float,
    GroupHoldout,
    Holdout,
    KFold,
    OwnSplits,
    Space,
    StudyDefinition,
    TimeSeriesSplit,
)

ROWS, GROUPS = 120, 12
RANDOM = np.random.default_rng(0)
GROUP = np.arange(ROWS) % GROUPS  # ten rows each
TABLE = Rows(
    x=np.arange(ROWS)[:, None],
    y=(RANDOM.random(ROWS) < 0.3).astype(int),
    sample_weight=np.arange(ROWS) / 10,
    groups=np.array([f"patient {number}" for number in GROUP]),
)
OWN = Fidelity(name="f", epochs=1)


def definition(evaluation: Any, **more: Any) -> StudyDefinition:
    def data() -> Dataset:
        return Dataset(name="d", development=TABLE.take(np.arange(100)), test=TABLE.take(np.arange(100, ROWS)))

    given: dict[str, Any] = {
        "name": "d",
        "title": "d",
        "data": data,
        "build": lambda params: pytest.fail("no model is needed"),
        "metric": "accuracy",
        "direction": "maximize",
        "spaces": (Space(name="s", params={"x": Float(low=0, high=1)}),),
        "evaluation": evaluation,
        "fidelities": (OWN,),
    }
    return StudyDefinition(**{**given, **more})


def numbers(rows: Rows) -> list[int]:
    found: list[int] = rows.x[:, 0].tolist()
    assert rows.sample_weight is not None
    np.testing.assert_allclose(rows.sample_weight, np.array(found) / 10, rtol=1e-6)  # they go with their rows
    return found


def splits(evaluation: Any, seed: int = 1, **fidelity: Any) -> list[tuple[list[int], list[int]]]:
    found = cut(definition(evaluation), Fidelity(name="f", epochs=1, **fidelity), TABLE, seed=seed)
    return [(numbers(split.train), numbers(split.validation)) for split in found]


@pytest.mark.parametrize("evaluation", [GroupHoldout(groups=3), KFold(folds=4, grouped=True, stratified=True)])
def test_no_group_is_in_both_training_and_validation_rows(evaluation: Evaluation) -> None:
    for train, validation in splits(evaluation):
        assert len(train) + len(validation) == ROWS
        assert not set(GROUP[train]) & set(GROUP[validation])
    assert splits(evaluation) == splits(evaluation)
    assert splits(evaluation) != splits(evaluation, seed=2)


def test_fewer_rows_are_fewer_groups() -> None:
    for train, _ in splits(KFold(folds=3, grouped=True), rows=25):
        assert len(train) == 25
        assert len(set(GROUP[train])) == 3


@pytest.mark.parametrize("evaluation", [TimeSeriesSplit(folds=4, gap=2), Holdout(rows=20, last=True)])
def test_validation_rows_come_after_training_rows_in_time(evaluation: Evaluation) -> None:
    for seed in (1, 2):
        for train, validation in splits(evaluation, seed=seed):
            assert max(train) < min(validation)
    assert splits(evaluation)[-1][1][-1] == ROWS - 1


def test_fewer_training_rows_are_the_latest_ones() -> None:
    assert splits(Holdout(rows=20, last=True), rows=30) == [([*range(70, 100)], [*range(100, 120)])]
    first, *_, last = splits(TimeSeriesSplit(folds=5), rows=30)
    assert first == ([*range(20)], [*range(20, 40)])  # it has no more
    assert last == ([*range(70, 100)], [*range(100, 120)])
    with pytest.raises(UsageError, match="121 training rows of 120 development rows cannot be"):
        splits(TimeSeriesSplit(folds=5), rows=121)


def test_the_fidelity_limits_the_number_of_folds() -> None:
    assert len(splits(TimeSeriesSplit(folds=5), folds=3)) == 3
    assert len(splits(KFold(folds=5, repeats=2), folds=3)) == 6


def test_each_repeat_of_folds_uses_another_partition() -> None:
    once, again = splits(KFold(folds=5)), splits(KFold(folds=5, repeats=3))
    assert again[:5] == once
    for repeat in range(3):
        held = [row for _, validation in again[5 * repeat : 5 * repeat + 5] for row in validation]
        assert sorted(held) == [*range(ROWS)]
    assert len({str(again[5 * repeat]) for repeat in range(3)}) == 3
    assert (KFold(folds=5, repeats=3).trainings(), KFold(folds=5, repeats=3).trainings(4)) == (15, 12)


def by_tens(x: Any, y: Any, groups: Any) -> Iterator[tuple[Any, Any]]:
    """Two folds of one's own, one by numbers and one by a mask."""
    assert len(x) == len(y) == len(groups)
    yield np.arange(10, 50), range(10)
    yield np.arange(len(x)) >= 50, np.arange(len(x)) < 50


@pytest.mark.parametrize(
    ("splitter", "folds"),
    [
        (model_selection.LeaveOneGroupOut(), GROUPS),
        (model_selection.ShuffleSplit(3, test_size=10, random_state=0), None),
        (model_selection.TimeSeriesSplit(4), None),
    ],
)
def test_a_scikit_learn_splitter_gives_its_own_splits(splitter: Any, folds: int | None) -> None:
    evaluation = OwnSplits(splitter=splitter, folds=folds)
    expected = [*splitter.split(TABLE.x, TABLE.y, TABLE.groups)]
    assert splits(evaluation) == [(sorted(train), sorted(test)) for train, test in expected]
    assert len(expected) == evaluation.trainings()


def test_a_scikit_learn_splitter_may_be_given_directly() -> None:
    found = definition(model_selection.KFold(4)).evaluation
    assert (type(found), found.trainings()) == (OwnSplits, 4)
    same = definition(model_selection.KFold(4)).version
    assert same == definition(model_selection.KFold(4)).version  # of two objects, as in two processes
    assert same != definition(model_selection.KFold(4, shuffle=True, random_state=1)).version


def test_a_custom_splitting_function_gives_its_own_splits() -> None:
    first, second = splits(OwnSplits(splitter=by_tens, folds=2))
    assert first == ([*range(10, 50)], [*range(10)])
    assert second == ([*range(50, 120)], [*range(50)])
    assert len(splits(OwnSplits(splitter=by_tens, folds=2), rows=20)[0][0]) == 20


@pytest.mark.parametrize(
    ("splitter", "refusal"),
    [
        (lambda x, y, groups: [(range(5), range(5, 9))], "are 1 folds and not 2: give folds=1"),
        (lambda x, y, groups: [(range(5), range(4, 9))] * 2, "trains on row 4 and judges by it"),
        (lambda x, y, groups: [(range(5), range(5, 999))] * 2, "has rows 5 to 998, and there are those from 0 to 119"),
        (lambda x, y, groups: [(range(5), [])] * 2, "give whole numbers, one at least"),
        (lambda x, y, groups: [(range(5), [0.5])] * 2, "give whole numbers"),
        (lambda x, y, groups: [range(5)] * 2, "give a pair of row numbers"),
        (model_selection.ShuffleSplit(2), "are others each time they are asked for: give it a random_state"),
    ],
)
def test_invalid_custom_splits_are_refused(splitter: Any, refusal: str) -> None:
    with pytest.raises(DefinitionError, match=refusal) as refused:
        splits(OwnSplits(splitter=splitter, folds=2))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("declare", "refusal"),
    [
        (lambda: Holdout(rows=5, stratified=True, last=True), "last rows cannot be stratified too"),
        (lambda: GroupHoldout(groups=0), "groups must be 1 or more"),
        (lambda: KFold(repeats=0), "repeats must be 1 or more"),
        (lambda: TimeSeriesSplit(gap=-1), "gap must be 0 or more"),
        (lambda: OwnSplits(splitter=3), "splitter is 3: give what has split"),
        (lambda: OwnSplits(splitter=model_selection.KFold), "splitter is .*: give what has split"),
        (lambda: OwnSplits(splitter=by_tens), "is not known before .*: give OwnSplits"),
        (lambda: OwnSplits(splitter=model_selection.LeaveOneGroupOut()), "is not known before .*: give OwnSplits"),
        (lambda: definition("five folds"), "evaluation must be a Holdout, a GroupHoldout, a KFold"),
        (
            lambda: definition(model_selection.KFold(3), fidelities=(replace(OWN, folds=2),)),
            "fidelity 'f' asks for 2 folds, and splits of one's own are 3: leave folds out",
        ),
        *(
            (
                lambda evaluation=evaluation: definition(evaluation, fidelities=(replace(OWN, folds=3),)),
                f"fidelity 'f' asks for 3 folds, and its evaluation, a {type(evaluation).__name__}, has none: leave "
                r"folds out, or give evaluation=KFold\(folds=3\)",
            )
            for evaluation in (Holdout(rows=20), GroupHoldout(groups=2))
        ),
    ],
)
def test_contradictory_evaluation_options_are_refused_on_declaration(declare: Any, refusal: str) -> None:
    with pytest.raises(DefinitionError, match=refusal) as refused:
        declare()
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")
def test_measurements_draw_whole_groups_where_splits_are_by_group() -> None:
    for kind in ("share", "resampled"):
        train, test = redraw(definition(KFold(grouped=True)), kind, seed=3)  # type: ignore[arg-type]
        its = np.array(numbers(train))
        if kind == "resampled":
            assert not set(GROUP[its]) & set(GROUP[numbers(test)])
        else:
            left = [number for number in range(100) if number not in its]
            assert len(set(GROUP[left]) & set(GROUP[its])) == 0


@pytest.mark.parametrize("evaluation", [TimeSeriesSplit(), Holdout(rows=5, last=True), model_selection.KFold(3)])
def test_time_ordered_or_custom_splits_are_not_resampled(evaluation: Any) -> None:
    with pytest.raises(UsageError, match="test rows of d cannot be drawn anew"):
        redraw(definition(evaluation), "resampled", seed=0)
    train, _ = redraw(definition(evaluation), "share", seed=0)
    assert len(train) == 90


def test_groups_and_weights_an_evaluation_needs_are_checked_on_loading() -> None:
    def bare() -> Dataset:
        some = Rows(x=TABLE.x, y=TABLE.y)
        return Dataset(name="d", development=some.take(np.arange(100)), test=some.take(np.arange(100, ROWS)))

    with pytest.raises(DataError, match="the evaluation is by group, and the development rows have no groups"):
        load(definition(KFold(grouped=True), data=bare))
    with pytest.raises(DataError, match="the metric is weighted, and the development rows have no weights"):
        load(definition(KFold(), data=bare, weighted=True))
    with pytest.warns(HpoWarning, match="the evaluation does not keep them together"):
        load(definition(KFold()))
    with pytest.warns(HpoWarning, match="12 of 12 groups of the test rows are groups of development rows too"):
        load(definition(KFold(grouped=True)))


def test_new_evaluation_options_leave_earlier_versions_unchanged() -> None:
    assert repr(KFold(folds=4)) == "KFold(folds=4)"
    assert repr(Holdout(rows=4)) == "Holdout(rows=4, stratified=False)"
    assert repr(KFold(folds=4, repeats=2)) == "KFold(folds=4, repeats=2)"
    plain = definition(KFold())
    assert (
        len(
            {
                plain.version,
                replace(plain, evaluation=KFold(grouped=True)).version,
                replace(plain, weighted=True).version,
            }
        )
        == 3
    )
