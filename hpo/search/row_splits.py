"""The rows a training gets and is judged by: the splits of a search and the rows of a measurement, drawn by a seed."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.data import Dataset, Rows, checked, digest
from hpo.errors import DataError, HpoError, UsageError
from hpo.messages import one_line
from hpo.search.evaluation_splits import drawn, held_out, parts, thinned
from hpo.search.seeds import derive
from hpo.study import Evaluation, Fidelity, OwnSplits, StudyDefinition
from hpo.study.contained import contained
from hpo.training import FullTraining

__all__ = [
    "SHARE",
    "Split",
    "cut",
    "everything",
    "full_training",
    "labelled",
    "load",
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


class _Needs(NamedTuple):
    """What a definition's evaluation and metric ask of the rows."""

    stratified: bool
    grouped: bool | None  # None: the splits are somebody's own
    weighted: bool


@lru_cache(maxsize=2)
def _loaded(loader: Callable[[], Dataset], needs: _Needs) -> Dataset:
    """What the loader gives, looked at once and kept in this process."""
    return checked(contained(loader), **needs._asdict())


def load(definition: StudyDefinition) -> Dataset:
    """The definition's data, kept in this process for the next trial. Raises DataError, whatever the loader raises."""
    needs = _needs(definition)
    if isinstance(definition.data, Hashable):
        return _loaded(definition.data, needs)
    return checked(contained(definition.data), **needs._asdict())


def _needs(definition: StudyDefinition) -> _Needs:
    evaluation = definition.evaluation
    grouped = None if isinstance(evaluation, OwnSplits) else evaluation.grouped
    return _Needs(evaluation.stratified, grouped, definition.weighted)


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
    splits = []
    for train, validation in parts(evaluation, rows, folds=fidelity.folds, seed=seed):
        known = rows.take(thinned(evaluation, rows, train, fidelity.rows, seed))
        splits.append(
            Split(
                train=labelled(definition, known, seed=seed),
                validation=rows.take(validation),
                inputs=known.x,
                full=full_training(definition, fidelity, len(rows), of_split=len(train)),
            )
        )
    return tuple(splits)


def full_training(
    definition: StudyDefinition, fidelity: Fidelity, rows: int, *, of_split: int | None = None
) -> FullTraining | None:
    """What a training at that fidelity is a miniature of: one at the definition's highest; None where that is it.

    The highest is the one whose trainings have the most work: epochs times rows to train on.

    Args:
        definition: what is searched.
        fidelity: what the search uses.
        rows: how many development rows there are.
        of_split: how many of them its split trains on, which counts where splits differ in that; None: not known.

    """

    def work(one: Fidelity) -> int:
        return one.epochs * _training_rows(definition, one, rows, of_split)

    highest = max(definition.fidelities, key=work)
    if work(highest) <= work(fidelity):
        return None
    return FullTraining(epochs=highest.epochs, rows=_training_rows(definition, highest, rows, of_split))


def _training_rows(definition: StudyDefinition, fidelity: Fidelity, rows: int, of_split: int | None) -> int:
    """How many rows one training is given, of `rows` development rows."""
    left = definition.evaluation.trained(rows, fidelity.folds)
    if left is None:
        left = rows if of_split is None else of_split
    return min(number for number in (left, fidelity.rows, definition.labels) if number is not None)


def labelled(definition: StudyDefinition, rows: Rows, *, seed: int) -> Rows:
    """Those of the rows to train on whose targets the definition gives; a function of the seed.

    Raises:
        UsageError: `rows` are fewer.

    """
    if definition.labels is None or definition.labels == len(rows):
        return rows
    index = np.arange(len(rows), dtype=np.int64)
    return rows.take(drawn(definition.evaluation, rows, index, definition.labels, derive(seed, "labels")))


def redraw(
    definition: StudyDefinition, kind: Literal["development", "share", "resampled"], *, seed: int
) -> tuple[Rows, Rows]:
    """(train, test) rows of one measurement, a function of the seed; each class by its share where a search does so.

    development  all development rows, and the test rows
    share        `SHARE` of the development rows, and the test rows
    resampled    of all rows as many for testing as there are test rows, and the others for training

    Whole groups are drawn where the splits of a search are by group.

    Raises:
        UsageError: there are too few rows, or rows are not to be drawn anew, as those in order of time.
        DataError: the data cannot be had.

    """
    data, evaluation = load(definition), definition.evaluation
    if kind == "development":
        return data.development, data.test
    if kind == "share":
        left_out = len(data.development) - round(SHARE * len(data.development))
        train, _ = _divide(data.development, left_out, evaluation, derive(seed, "share"))
        return train, data.test
    if evaluation.fixed:
        raise UsageError(f"test rows of {definition.name} cannot be drawn anew: {evaluation.fixed}")
    return _divide(everything(definition), len(data.test), evaluation, derive(seed, "resampled"))


def _divide(rows: Rows, number: int, evaluation: Evaluation, seed: int) -> tuple[Rows, Rows]:
    train, test = held_out(evaluation, rows, number, seed)
    return rows.take(train), rows.take(test)


def everything(definition: StudyDefinition) -> Rows:
    """Development and test rows in one, made once in a process: 60,000 pictures are not copied for each job."""
    if isinstance(definition.data, Hashable):
        return _joined(definition.data, _needs(definition))
    return _join(load(definition))


@lru_cache(maxsize=1)
def _joined(loader: Callable[[], Dataset], needs: _Needs) -> Rows:
    return _join(_loaded(loader, needs))


def _join(data: Dataset) -> Rows:
    return data.development.joined(data.test)
