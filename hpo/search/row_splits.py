"""The rows a training gets and is judged by: the splits of a search and the rows of a measurement, drawn by a seed."""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from hpo.data import Dataset, Rows, Stream, Streams, checked, digest
from hpo.data.structures import Arrays
from hpo.errors import DataError, HpoError, UsageError
from hpo.messages import one_line
from hpo.search.evaluation_splits import drawn, held_out, parts, thinned
from hpo.search.seeds import derive
from hpo.study import Evaluation, Fidelity, OwnSplits, StudyDefinition, ValidationData
from hpo.study.contained import contained
from hpo.training import FullTraining

__all__ = [
    "SHARE",
    "Split",
    "cut",
    "everything",
    "full_streams",
    "full_training",
    "in_rows",
    "labelled",
    "load",
    "preload",
    "redraw",
    "splits",
]

T = TypeVar("T", Rows, Rows | Stream)

SHARE = 0.9  # of the development rows, that a run on a share trains on


@dataclass(frozen=True, kw_only=True)
class Split:
    """What to train on and what to judge by: rows, or streams; never a test row."""

    train: Rows | Stream  # labelled, as many as the definition gives
    validation: Rows | Stream
    inputs: Arrays | None  # (rows, ...) of all rows to train on, those without a label too; None: they are streamed
    full: FullTraining | None  # what a training on it is a miniature of; None at the definition's highest fidelity


class _Needs(NamedTuple):
    """What a definition's evaluation and metric ask of the rows."""

    stratified: bool
    grouped: bool | None  # None: the splits are somebody's own
    weighted: bool


@lru_cache(maxsize=2)
def _loaded(loader: Callable[[], Dataset | Streams], needs: _Needs) -> Dataset | Streams:
    """What the loader gives, looked at once and kept in this process."""
    return checked(contained(loader), **needs._asdict())


def load(definition: StudyDefinition) -> Dataset | Streams:
    """The definition's data, kept in this process for the next trial.

    Raises:
        DataError: they are streams and the evaluation is one of rows, or the other way round.
        Exception: whatever the loader raises.

    """
    needs = _needs(definition)
    if isinstance(definition.data, Hashable):
        data = _loaded(definition.data, needs)
    else:
        data = checked(contained(definition.data), **needs._asdict())
    if isinstance(data, Streams) != isinstance(definition.evaluation, ValidationData):
        gave = ("streams", "give ValidationData()") if isinstance(data, Streams) else ("rows", "give Holdout(rows=...)")
        raise DataError(
            f"data() gave {gave[0]}, and the evaluation is a {type(definition.evaluation).__name__}: {gave[1]}"
        )
    return data


def in_rows(definition: StudyDefinition) -> Dataset:
    """The data of a definition whose evaluation is one of rows. Raises as `load`."""
    data = load(definition)
    assert isinstance(data, Dataset)
    return data


def _needs(definition: StudyDefinition) -> _Needs:
    evaluation = definition.evaluation
    grouped = None if isinstance(evaluation, OwnSplits) else evaluation.grouped
    return _Needs(evaluation.stratified, grouped, definition.weighted)


def preload(definition: StudyDefinition) -> str:
    """Load the definition's data now; which rows they are, as `hpo.data.digest` says. Raises DataError."""
    try:
        data = load(definition)
        return data.digest if isinstance(data, Streams) else digest(data)
    except HpoError:
        raise
    except Exception as error:
        why = one_line(error)
        raise DataError(f"the data of definition {definition.name!r} cannot be loaded: {why}") from error


def splits(definition: StudyDefinition, fidelity: Fidelity, *, seed: int) -> tuple[Split, ...]:
    """What the trainings of one evaluation get and are judged by; a function of the seed.

    Raises:
        UsageError: the rows are too few for what the definition's evaluation or the fidelity asks.
        DataError: the data cannot be had.

    """
    data = load(definition)
    if isinstance(data, Dataset):
        return cut(definition, fidelity, data.development, seed=seed)
    train = data.training.first(fidelity.steps)
    full = full_streams(definition, fidelity)
    return (Split(train=train, validation=data.judged("validation"), inputs=None, full=full),)


def full_streams(definition: StudyDefinition, fidelity: Fidelity) -> FullTraining | None:
    """As `full_training`, where data are streamed: work is epochs times batches.

    Args:
        definition: what is searched.
        fidelity: what is trained at.

    """

    def work(one: Fidelity) -> tuple[float, int]:
        return one.epochs * (math.inf if one.steps is None else one.steps), one.epochs

    highest = max(definition.fidelities, key=work)
    return None if work(highest) <= work(fidelity) else FullTraining(epochs=highest.epochs, steps=highest.steps)


def cut(definition: StudyDefinition, fidelity: Fidelity, rows: Rows, *, seed: int) -> tuple[Split, ...]:
    """One split for a holdout, one a fold for a cross-validation; a function of the seed.

    Raises:
        UsageError: `rows` are too few for what the definition's evaluation or the fidelity asks.

    """
    evaluation = definition.evaluation
    found = []
    for train, validation in parts(evaluation, rows, folds=fidelity.folds, seed=seed):
        known = rows.take(thinned(evaluation, rows, train, fidelity.rows, seed))
        found.append(
            Split(
                train=labelled(definition, known, seed=seed),
                validation=rows.take(validation),
                inputs=known.x,
                full=full_training(definition, fidelity, len(rows), of_split=len(train)),
            )
        )
    return tuple(found)


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


def labelled(definition: StudyDefinition, rows: T, *, seed: int) -> T:
    """Those of the rows to train on whose targets the definition gives; a function of the seed. A stream as it is.

    Raises:
        UsageError: `rows` are fewer.

    """
    if isinstance(rows, Stream) or definition.labels is None or definition.labels == len(rows):
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
    data, evaluation = in_rows(definition), definition.evaluation
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
    return _join(in_rows(definition))


@lru_cache(maxsize=1)
def _joined(loader: Callable[[], Dataset | Streams], needs: _Needs) -> Rows:
    data = _loaded(loader, needs)
    assert isinstance(data, Dataset)
    return _join(data)


def _join(data: Dataset) -> Rows:
    return data.development.joined(data.test)
