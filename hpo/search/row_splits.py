"""The rows a training gets and is judged by: the splits of a search and the rows of a measurement, drawn by a seed."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.data import Dataset, Rows, checked, digest, holdout, kfold, stratified_holdout, subset
from hpo.errors import DataError, HpoError
from hpo.messages import one_line
from hpo.search.seeds import derive
from hpo.study import Fidelity, Holdout, StudyDefinition
from hpo.study.contained import contained
from hpo.training import FullTraining

__all__ = [
    "SHARE",
    "Split",
    "cut",
    "everything",
    "full_training",
    "is_stratified",
    "labelled",
    "load",
    "loaded",
    "preload",
    "redraw",
]

SHARE = 0.9  # of the development rows, that a run on a share trains on


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows to train on and rows to judge by; never a test row."""

    train: Rows  # labelled, as many as the definition gives
    validation: Rows
    inputs: NDArray[np.generic]  # (rows, ...) of all rows to train on, those without a label too
    full: FullTraining | None  # what a training on it is a miniature of; None at the definition's highest fidelity


@lru_cache(maxsize=2)
def loaded(loader: Callable[[], Dataset], stratified: bool) -> Dataset:
    """What the loader gives, looked at once and kept in this process."""
    return checked(contained(loader), stratified=stratified)


def load(definition: StudyDefinition) -> Dataset:
    """The definition's data, kept in this process for the next trial. Raises DataError, whatever the loader raises."""
    stratified = is_stratified(definition)
    if isinstance(definition.data, Hashable):
        return loaded(definition.data, stratified)
    return checked(contained(definition.data), stratified=stratified)


def is_stratified(definition: StudyDefinition) -> bool:
    """Whether the rows of its evaluation keep the share of each class."""
    return isinstance(definition.evaluation, Holdout) and definition.evaluation.stratified


def preload(definition: StudyDefinition) -> str:
    """Load the definition's data now; which rows they are, as `hpo.data.digest` says. Raises DataError."""
    try:
        return digest(load(definition))
    except HpoError:
        raise
    except Exception as error:
        why = one_line(error)
        raise DataError(f"the data of definition {definition.name!r} cannot be loaded: {why}") from error


def cut(definition: StudyDefinition, fidelity: Fidelity, rows: Rows, *, seed: int) -> tuple[Split, ...]:
    """One split for a holdout, one a fold for a cross-validation; a function of the seed.

    Raises:
        UsageError: `rows` are too few for what the definition's evaluation or the fidelity asks.

    """
    evaluation = definition.evaluation
    if isinstance(evaluation, Holdout):
        parts = [_hold_out(rows, evaluation.rows, is_stratified(definition), seed)]
    else:
        parts = kfold(len(rows), fidelity.folds or evaluation.folds, seed)
    full = full_training(definition, fidelity, len(rows))
    splits = []
    for train, validation in parts:
        known = rows.take(_thin(rows, train, fidelity.rows, is_stratified(definition), seed))
        splits.append(
            Split(
                train=labelled(definition, known, seed=seed),
                validation=rows.take(validation),
                inputs=known.x,
                full=full,
            )
        )
    return tuple(splits)


def full_training(definition: StudyDefinition, fidelity: Fidelity, rows: int) -> FullTraining | None:
    """What a training at that fidelity is a miniature of: one at the definition's highest; None where that is it.

    The highest is the one whose trainings have the most work: epochs times rows to train on.

    Args:
        definition: what is searched.
        fidelity: what the search uses.
        rows: how many development rows there are.

    """

    def work(one: Fidelity) -> int:
        return one.epochs * _training_rows(definition, one, rows)

    highest = max(definition.fidelities, key=work)
    if work(highest) <= work(fidelity):
        return None
    return FullTraining(epochs=highest.epochs, rows=_training_rows(definition, highest, rows))


def _training_rows(definition: StudyDefinition, fidelity: Fidelity, rows: int) -> int:
    """How many rows one training is given, of `rows` development rows; of folds that differ by a row, the most."""
    evaluation = definition.evaluation
    if isinstance(evaluation, Holdout):
        left = rows - evaluation.rows
    else:
        left = rows - rows // (fidelity.folds or evaluation.folds)
    return min(number for number in (left, fidelity.rows, definition.labels) if number is not None)


def labelled(definition: StudyDefinition, rows: Rows, *, seed: int) -> Rows:
    """Those of the rows to train on whose targets the definition gives; a function of the seed.

    Raises:
        UsageError: `rows` are fewer.

    """
    index = np.arange(len(rows), dtype=np.int64)
    drawn = _thin(rows, index, definition.labels, is_stratified(definition), derive(seed, "labels"))
    return rows if drawn is index else rows.take(drawn)


def _thin(rows: Rows, index: NDArray[np.int64], wanted: int | None, stratified: bool, seed: int) -> NDArray[np.int64]:
    """`wanted` of the rows at `index`, each class by its share where the split is stratified; all for None."""
    if wanted is None or wanted == len(index):
        return index
    if stratified:
        return index[subset(rows.y[index], wanted, seed)]
    return index[holdout(len(index), wanted, seed)[1]]


def redraw(
    definition: StudyDefinition, kind: Literal["development", "share", "resampled"], *, seed: int
) -> tuple[Rows, Rows]:
    """(train, test) rows of one measurement, a function of the seed; each class by its share where a search does so.

    development  all development rows, and the test rows
    share        `SHARE` of the development rows, and the test rows
    resampled    of all rows as many for testing as there are test rows, and the others for training

    Raises:
        UsageError: there are too few rows.
        DataError: the data cannot be had.

    """
    data = load(definition)
    stratified = is_stratified(definition)
    if kind == "development":
        return data.development, data.test
    if kind == "share":
        left_out = len(data.development) - round(SHARE * len(data.development))
        train, _ = _divide(data.development, left_out, stratified, derive(seed, "share"))
        return train, data.test
    return _divide(everything(definition), len(data.test), stratified, derive(seed, "resampled"))


def _divide(rows: Rows, held_out: int, stratified: bool, seed: int) -> tuple[Rows, Rows]:
    train, test = _hold_out(rows, held_out, stratified, seed)
    return rows.take(train), rows.take(test)


def _hold_out(rows: Rows, number: int, stratified: bool, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return stratified_holdout(rows.y, number, seed) if stratified else holdout(len(rows), number, seed)


def everything(definition: StudyDefinition) -> Rows:
    """Development and test rows in one, made once in a process: 60,000 pictures are not copied for each job."""
    if isinstance(definition.data, Hashable):
        return _joined(definition.data, is_stratified(definition))
    return _join(load(definition))


@lru_cache(maxsize=1)
def _joined(loader: Callable[[], Dataset], stratified: bool) -> Rows:
    return _join(loaded(loader, stratified))


def _join(data: Dataset) -> Rows:
    parts = (data.development, data.test)
    return Rows(x=np.concatenate([rows.x for rows in parts]), y=np.concatenate([rows.y for rows in parts]))
