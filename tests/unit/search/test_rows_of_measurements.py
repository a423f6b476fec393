"""Which rows a measurement trains on and is scored on."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.data import Dataset, Rows
from hpo.errors import UsageError
from hpo.search.row_splits import everything, redraw
from hpo.study import Evaluation, Fidelity, Float, Holdout, KFold, Space, StudyDefinition

CLASSES = np.repeat(np.arange(4), [48, 36, 24, 12])  # of 120 rows: each class divides by ten parts and by six


def dataset(development: int = 100, test: int = 20) -> Dataset:
    """Rows whose x is their number, development first."""
    everything = Rows(x=np.arange(120)[:, None], y=np.random.default_rng(0).permutation(CLASSES))
    return Dataset(
        name="d",
        development=everything.take(np.arange(development)),
        test=everything.take(np.arange(development, development + test)),
    )


def definition(evaluation: Evaluation, data: Callable[[], Dataset] = dataset) -> StudyDefinition:
    return StudyDefinition(
        name="d",
        title="d",
        data=data,
        build=lambda params: pytest.fail("no model is needed"),
        metric="accuracy",
        direction="maximize",
        spaces=(Space(name="s", params={"x": Float(low=0, high=1)}),),
        evaluation=evaluation,
        fidelities=(Fidelity(name="f", epochs=1),),
    )


STRATIFIED, FOLDED = definition(Holdout(rows=20, stratified=True)), definition(KFold(folds=5))


def numbers(rows: Rows) -> list[int]:
    return rows.x[:, 0].tolist()


def test_development_rows_are_the_split_as_given() -> None:
    train, test = redraw(STRATIFIED, "development", seed=7)
    assert (numbers(train), numbers(test)) == (list(range(100)), list(range(100, 120)))


@pytest.mark.parametrize("which", [STRATIFIED, FOLDED], ids=["stratified", "plain"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_share_is_nine_tenths_of_the_development_rows_and_the_test_rows_stay(
    which: StudyDefinition, seed: int
) -> None:
    train, test = redraw(which, "share", seed=seed)
    assert len(set(numbers(train))) == len(train) == 90
    assert set(numbers(train)) < set(range(100))
    assert numbers(test) == list(range(100, 120))


@pytest.mark.parametrize("which", [STRATIFIED, FOLDED], ids=["stratified", "plain"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_resampled_rows_partition_all_rows_at_random(which: StudyDefinition, seed: int) -> None:
    train, test = redraw(which, "resampled", seed=seed)
    assert (len(train), len(test)) == (100, 20)
    assert sorted(numbers(train) + numbers(test)) == list(range(120))


def test_resampled_rows_are_stratified_where_the_search_is() -> None:
    assert np.bincount(redraw(STRATIFIED, "resampled", seed=1)[1].y).tolist() == [8, 6, 4, 2]
    counts = {tuple(np.bincount(redraw(FOLDED, "resampled", seed=seed)[1].y, minlength=4)) for seed in range(9)}
    assert len(counts) > 1


@pytest.mark.parametrize("kind", ["share", "resampled"])
def test_the_seed_determines_the_rows_of_a_measurement(kind: str) -> None:
    drawn = [numbers(redraw(FOLDED, kind, seed=seed)[0]) for seed in (1, 1, 2)]  # type: ignore[arg-type]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_share_and_a_split_of_the_same_seed_are_independent() -> None:
    left_out = set(range(100)) - set(numbers(redraw(FOLDED, "share", seed=1)[0]))
    assert left_out != set(numbers(redraw(FOLDED, "resampled", seed=1)[1])) & set(range(100))


def test_the_joined_rows_are_cached_per_process() -> None:
    loads: list[int] = []

    def data() -> Dataset:
        loads.append(1)
        return dataset()

    fresh = definition(KFold(folds=5), data)
    assert everything(fresh) is everything(fresh)
    for seed in range(3):
        redraw(fresh, "resampled", seed=seed)
    assert loads == [1]


def test_too_few_rows_are_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="0 held-out rows of 4 rows cannot be"):
        redraw(definition(KFold(folds=2), lambda: dataset(4, 2)), "share", seed=0)
