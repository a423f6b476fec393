"""How long a prediction takes."""

import statistics
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.errors import UsageError
from hpo.training.exclusive import exclusive
from hpo.training.graphs import dismantle

__all__ = ["latency"]

WARM_UP = 5  # calls that are not counted: compiling, first touch of memory


@exclusive
def latency(model: keras.Model, batch: int, *, repeats: int = 50) -> float:
    """Seconds of one compiled prediction of `batch` rows on this machine: the median of `repeats`, after a warm-up.

    The rows are random and lie in memory already; reading and scaling them outside the model are not part of it.

    Raises:
        UsageError: fewer than one row or repeat.

    """
    if batch < 1 or repeats < 1:
        raise UsageError(f"latency of {batch} rows over {repeats} repeats: give at least one of each")
    rows = _rows(model, batch)
    predict = tf.function(
        lambda x: model(x, training=False), input_signature=[tf.TensorSpec(rows.shape, rows.dtype)], autograph=False
    )
    try:
        return statistics.median([_seconds(predict, rows) for _ in range(WARM_UP + repeats)][WARM_UP:])
    finally:
        dismantle(predict)


def _rows(model: keras.Model, batch: int) -> Any:
    """Random rows of the model's input type: bytes where it takes bytes, else standard normal numbers."""
    spec = model.inputs[0]
    dtype = tf.as_dtype(spec.dtype)
    shape = (batch, *spec.shape[1:])
    random = np.random.default_rng(0)
    values = random.integers(0, 256, shape) if dtype.is_integer else random.normal(size=shape)
    return tf.constant(values.astype(dtype.as_numpy_dtype))


def _seconds(predict: Any, rows: Any) -> float:
    start = time.perf_counter()
    predict(rows).numpy()
    return time.perf_counter() - start
