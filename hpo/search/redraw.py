"""The rows of a measurement: what it trains on and what it is scored on at the end, test rows included."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Literal

import numpy as np

from hpo.data import Dataset, Rows, holdout, stratified_holdout
from hpo.search.row_splits import is_stratified, load, loaded
from hpo.search.seeds import derive
from hpo.study import StudyDefinition

__all__ = ["SHARE", "everything", "redraw"]

SHARE = 0.9  # of the development rows, that a run on a share trains on


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
    parts = stratified_holdout(rows.y, held_out, seed) if stratified else holdout(len(rows), held_out, seed)
    return rows.take(parts[0]), rows.take(parts[1])


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
