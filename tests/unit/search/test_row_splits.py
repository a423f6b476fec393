import numpy as np
import pytest

from hpo.data import Dataset, Rows
from hpo.errors import UsageError
from hpo.search.row_splits import cut, load
from hpo.study import Evaluation, Fidelity, Float, Holdout, KFold, Space, StudyDefinition

LABELS = np.repeat(np.arange(4), [40, 30, 20, 10])
TARGETS = np.linspace(0, 1, 100)


def rows(y: np.ndarray) -> Rows:
    return Rows(x=np.arange(100)[:, None], y=y)


def definition(evaluation: Evaluation, y: np.ndarray) -> StudyDefinition:
    loads: list[int] = []

    def data() -> Dataset:
        loads.append(1)
        assert len(loads) == 1
        return Dataset(name="d", development=rows(y), test=Rows(x=np.arange(100, 103)[:, None], y=y[:3]))

    return StudyDefinition(
        name="d",
        title="d",
        data=data,
        build=lambda params: pytest.fail("no model is needed"),
        metric="mae",
        direction="minimize",
        spaces=(Space(name="s", params={"x": Float(low=0, high=1)}),),
        evaluation=evaluation,
        fidelities=(Fidelity(name="f", epochs=1),),
    )


def numbers(part: Rows) -> list[int]:
    return sorted(part.x[:, 0].tolist())


def test_a_stratified_holdout_keeps_the_share_of_each_class_thinned_or_not() -> None:
    held = definition(Holdout(rows=20, stratified=True), LABELS)
    for wanted in (None, 40):
        (split,) = cut(held, Fidelity(name="f", epochs=1, rows=wanted), rows(LABELS), seed=1)
        assert np.bincount(split.validation.y).tolist() == [8, 6, 4, 2]
        assert np.bincount(split.train.y).tolist() == ([32, 24, 16, 8] if wanted is None else [16, 12, 8, 4])
        assert not set(numbers(split.train)) & set(numbers(split.validation))


def test_the_validation_rows_do_not_depend_on_the_fidelity() -> None:
    held = definition(Holdout(rows=20, stratified=True), LABELS)
    (few,) = cut(held, Fidelity(name="f", epochs=1, rows=10), rows(LABELS), seed=1)
    (all_,) = cut(held, Fidelity(name="f", epochs=1), rows(LABELS), seed=1)
    assert numbers(few.validation) == numbers(all_.validation)


@pytest.mark.parametrize("evaluation", [Holdout(rows=20), KFold(folds=4)])
def test_thinned_regression_rows_are_drawn_from_the_whole_range(evaluation: Evaluation) -> None:
    for split in cut(definition(evaluation, TARGETS), Fidelity(name="f", epochs=1, rows=40), rows(TARGETS), seed=1):
        assert len(split.train) == 40
        assert 0.35 < float(np.mean(split.train.y)) < 0.65
        assert not set(numbers(split.train)) & set(numbers(split.validation))


def test_folds_validate_every_row_once_and_the_fidelity_decides_how_many() -> None:
    five = definition(KFold(folds=5), TARGETS)
    for wanted, count in ((None, 5), (3, 3)):
        splits = cut(five, Fidelity(name="f", epochs=1, folds=wanted), rows(TARGETS), seed=1)
        assert len(splits) == count
        assert sorted(row for split in splits for row in numbers(split.validation)) == list(range(100))
        assert all(len(split.train) + len(split.validation) == 100 for split in splits)


def test_a_split_is_a_function_of_its_seed() -> None:
    five = definition(KFold(folds=5), TARGETS)
    fidelity = five.fidelities[0]

    def first(seed: int) -> list[int]:
        return numbers(cut(five, fidelity, rows(TARGETS), seed=seed)[0].validation)

    assert first(1) == first(1) != first(2)


@pytest.mark.parametrize(
    ("evaluation", "fidelity"),
    [
        (Holdout(rows=100), Fidelity(name="f", epochs=1)),
        (Holdout(rows=20, stratified=True), Fidelity(name="f", epochs=1, rows=81)),
        (KFold(folds=101), Fidelity(name="f", epochs=1)),
        (KFold(folds=5), Fidelity(name="f", epochs=1, rows=81)),
    ],
)
def test_more_training_rows_than_exist_are_refused_in_one_line(evaluation: Evaluation, fidelity: Fidelity) -> None:
    with pytest.raises(UsageError) as caught:
        cut(definition(evaluation, LABELS), fidelity, rows(LABELS), seed=1)
    assert "\n" not in str(caught.value)


def test_the_data_of_a_definition_are_loaded_once() -> None:
    five = definition(KFold(folds=5), TARGETS)  # its loader fails the second time
    assert load(five) is load(five)
