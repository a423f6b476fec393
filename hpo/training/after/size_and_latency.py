"""What a model costs: its size, how many of its weights are as good as zero, how long a prediction takes."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.errors import UsageError
from hpo.study.checked_records import Count, check
from hpo.training.keras_internals import dismantle
from hpo.training.model_graph import copied
from hpo.training.runtime import exclusive

__all__ = [
    "ModelSize",
    "latencies",
    "latency",
    "pruned",
    "size",
    "sparsity",
]


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """What a model's weights come to."""

    parameters: Count  # numbers kept for prediction: weights and moving averages; no random states, no dropout rates
    zeros: Count  # of them exactly 0
    bytes: Count  # of all of them as they are stored

    def __post_init__(self) -> None:
        check(self)


def sparsity(model: keras.Model, threshold: float) -> float:
    """Share of the kernels' weights with |w| <= threshold, from 0 to 1; biases are few and no part of it.

    Raises:
        UsageError: the threshold is negative, or the model has no kernels.

    """
    kernels = [variable.numpy() for variable in _kernels(model, threshold)]
    return float(sum(np.count_nonzero(np.abs(k) <= threshold) for k in kernels) / sum(k.size for k in kernels))


def pruned(model: keras.Model, threshold: float) -> keras.Model:
    """A copy of the model in which the kernels' weights with |w| <= threshold are 0.

    Raises:
        UsageError: the threshold is negative, or the model has no kernels.
        DefinitionError: the model is a class of somebody's own.

    """
    _kernels(model, threshold)
    copy = copied(model)
    for kernel in _kernels(copy, threshold):
        values = kernel.numpy()
        kernel.assign(np.where(np.abs(values) <= threshold, 0, values))
    return copy


def size(model: keras.Model) -> ModelSize:
    """How large the model is."""
    kept = [v for v in model.weights if v.shape != ()]
    return ModelSize(
        parameters=sum(int(np.prod(v.shape)) for v in kept),
        zeros=sum(int(np.count_nonzero(v.numpy() == 0)) for v in kept),
        bytes=sum(v.numpy().nbytes for v in kept),
    )


def _kernels(model: keras.Model, threshold: float) -> list[Any]:
    if not threshold >= 0:
        raise UsageError(f"threshold {threshold}: give a size of weights, at least 0")
    kernels = [variable for variable in model.trainable_variables if variable.name.endswith("kernel")]
    if not kernels:
        raise UsageError("the model has no kernels to look for zeros in")
    return kernels


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
