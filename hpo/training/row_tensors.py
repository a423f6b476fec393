"""Rows as the compiled functions take them: inputs, targets and weights, as one argument."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.data import Rows

__all__ = ["RowTensors", "optional", "specs", "taken", "tensor"]


class RowTensors(NamedTuple):
    """Some rows as tensors, filled up to whole batches where shapes are fixed.

    Where no weights are given there is no tensor of them, so that a training without is compiled without.
    """

    x: Any  # (capacity, ...) inputs
    y: Any  # (capacity, ...) targets
    weights: Any = ()  # (capacity,) float32, how much each row weighs in the loss; (): all alike
    counts: Any = ()  # (capacity,) float32, how much each row counts in the metric; (): all alike

    @classmethod
    def of(
        cls,
        rows: Rows,
        multiple: int,
        *,
        like: "RowTensors | None" = None,
        weights: NDArray[np.float32] | None = None,
        counted: bool = False,
    ) -> "RowTensors":
        """The rows as tensors.

        Args:
            rows: some rows, at least one.
            multiple: of how many rows there shall be a whole number.
            like: tensors whose types are taken; None: those of the rows, doubles as floats.
            weights: (rows,) in the loss; None: all weigh alike.
            counted: whether the rows count in the metric by their sample weights.

        """
        x_type, y_type = (None, None) if like is None else (like.x.dtype.as_numpy_dtype, like.y.dtype.as_numpy_dtype)
        return cls(
            tensor(rows.x, multiple, x_type),
            tensor(rows.y, multiple, y_type),
            () if weights is None else tensor(weights, multiple, np.float32),
            tensor(rows.sample_weight, multiple, np.float32) if counted and rows.sample_weight is not None else (),
        )

    @property
    def kind(self) -> tuple[object, ...]:
        """What is compiled in of them where their number is not: shapes of a row, types, which weights there are."""
        return (
            self.x.shape[1:],
            self.x.dtype,
            self.y.shape[1:],
            self.y.dtype,
            *(optional(each) is None for each in self[2:]),
        )


def tensor(array: NDArray[np.generic], multiple: int, dtype: Any = None) -> Any:
    """The array as a tensor, filled up with its first row to a multiple of `multiple` rows; doubles as floats."""
    missing = -len(array) % multiple
    if missing:
        array = np.concatenate([array, np.repeat(array[:1], missing, axis=0)])
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float64 else array.dtype
    return tf.constant(np.asarray(array, dtype=dtype))


def specs(rows: RowTensors) -> RowTensors:
    """What a compiled function is told of rows like these, however many."""
    found: RowTensors = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), rows)
    return found


def taken(rows: RowTensors, index: Any) -> RowTensors:
    """The rows at `index`, an int32 tensor."""
    found: RowTensors = tf.nest.map_structure(lambda array: tf.gather(array, index), rows)
    return found


def optional(weights: Any) -> Any:
    """Weights of `RowTensors` as a tensor; None where there are none."""
    return None if isinstance(weights, tuple) else weights
