"""Data as arrays: rows to develop on and rows to test on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset", "Rows"]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows: inputs and targets, in the same order."""

    x: NDArray[np.generic]  # (rows, ...) inputs as they are stored; the model itself normalizes
    y: NDArray[np.generic]  # (rows,) labels or numbers, or (rows, outputs)

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} rows and y {len(self.y)}")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """The rows at `index`, in its order."""
        return Rows(x=self.x[index], y=self.y[index])


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set, split once and for all: a search sees `development` alone; `test` scores finished configurations."""

    name: str
    development: Rows
    test: Rows
    feature_names: tuple[str, ...] = ()  # of the columns of x, where they have names
    label_names: tuple[str, ...] = ()  # of the classes, where y holds labels
