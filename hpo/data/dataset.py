"""Data as arrays: rows to develop on and rows to test on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.arrays import as_array
from hpo.errors import DataError
from hpo.study.checked_records import Name, check

__all__ = ["Dataset", "Rows"]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows: inputs and targets, in the same order.

    What is no array is made one: frames and series of pandas or polars (by position: their index plays no part),
    tensors, nested lists.

    Raises:
        DataError: x or y cannot be made an array of numbers or texts, or they have different numbers of rows.

    """

    x: NDArray[np.generic]  # (rows, ...) inputs as they are stored; the model itself normalizes
    y: NDArray[np.generic]  # (rows,) labels or numbers, or (rows, outputs)

    def __post_init__(self) -> None:
        self._refuse_several_inputs()
        for name in ("x", "y"):
            object.__setattr__(self, name, as_array(getattr(self, name), name))
        if len(self.x) != len(self.y):
            raise DataError(f"x has {len(self.x)} rows and y {len(self.y)}: give a target for each row")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """The rows at `index`, in its order."""
        return Rows(x=self.x[index], y=self.y[index])

    def _refuse_several_inputs(self) -> None:
        x = self.x
        if isinstance(x, list | tuple) and x and len(x) != len(self.y):
            lengths = {len(part) if hasattr(part, "__len__") else None for part in x}
            if lengths == {len(self.y)}:
                raise DataError(
                    f"x is a {type(x).__name__} of {len(x)} arrays of {len(self.y)} rows: a model has one input here, "
                    "so give one array, such as numpy.concatenate(x, axis=1)"
                )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set, split once and for all: a search sees `development` alone; `test` scores finished configurations.

    Raises:
        DataError: a field is not of its kind.

    """

    name: Name  # for a person, in messages and reports
    development: Rows  # what searches train and judge on
    test: Rows  # what finished configurations are scored on, and nothing else
    feature_names: tuple[str, ...] = ()  # of the columns of x, where they have names
    label_names: tuple[str, ...] = ()  # of the classes, where y holds labels
    may_miss: bool = False  # whether NaN may stand in x for a missing cell, which the model itself makes up for

    def __post_init__(self) -> None:
        check(self, kind="data set", error=DataError)
