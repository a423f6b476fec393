"""How long a prediction takes."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.errors import UsageError
from hpo.training.exclusive import exclusive
from hpo.training.keras_internals import dismantle

__all__ = ["latencies", "latency"]

WARM_UP = 5  # calls that are not counted: compiling, first touch of memory


def latency(model: keras.Model, batch: int, *, repeats: int = 50) -> float:
    """Seconds of one compiled prediction of `batch` rows: `latencies` of one model alone."""
    return latencies([model], batch, repeats=repeats)[0]


@exclusive
def latencies(models: Sequence[keras.Model], batch: int, *, repeats: int = 50) -> list[float]:
    """Seconds of one compiled prediction of `batch` rows on this machine, for each model: medians after a warm-up.

    The models take turns, one call each, so that whatever else the machine does meanwhile meets them alike. The rows
    are random and lie in memory already; reading them is not part of it.

    Args:
        models: of one input each.
        batch: rows of a call.
        repeats: calls of each model that count.

    Raises:
        UsageError: fewer than one row or repeat.

    """
    if batch < 1 or repeats < 1:
        raise UsageError(f"latency of {batch} rows over {repeats} repeats: give at least one of each")
    calls = [(_compiled(model, rows), rows) for model in models for rows in [_rows(model, batch)]]
    try:
        rounds = [[_seconds(predict, rows) for predict, rows in calls] for _ in range(WARM_UP + repeats)]
    finally:
        for predict, _ in calls:
            dismantle(predict)
    return [statistics.median(times) for times in zip(*rounds[WARM_UP:], strict=True)]


def _compiled(model: keras.Model, rows: Any) -> Any:
    signature = [tf.TensorSpec(rows.shape, rows.dtype)]
    return tf.function(lambda x: model(x, training=False), input_signature=signature, autograph=False)


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
