"""Losses and metrics of one batch as Keras computes them, masks included; rows that only fill it up weigh nothing."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from hpo.errors import DefinitionError
from hpo.study.direction import MAXIMIZE
from hpo.study.objectives import DIRECTIONS, closest, spelled
from hpo.training import keras_internals
from hpo.training.keras_internals import (
    CompileLoss,
    apply_mask,
    get_keras_mask,
    is_binary_or_sparse_categorical,
    reduce_to_samplewise_values,
)

__all__ = [
    "ACCURACIES",
    "CROSSENTROPIES",
    "batch_loss",
    "batch_metric",
    "higher_is_better",
    "loss_object",
    "metric_function",
]

ACCURACIES = ("accuracy", "acc")
"""Names of metrics whose meaning is in the shapes of targets and outputs; Keras takes them in any letter case."""

CROSSENTROPIES = ("crossentropy", "ce")
"""Names of losses of which the same holds."""

Loss = Callable[[Any, Any, Any], Any]
Metric = Callable[[Any, Any, Any], tuple[Any, Any]]


def batch_loss(loss: Any) -> Loss:
    """The loss of a batch as a function of (targets, outputs, weights), exactly that of `keras.Model.compile`.

    `weights` is None, or shape (rows,) with 1 for a row that counts and 0 for one that only fills the batch up; the
    loss is then exactly that of the rows that count. The outputs' mask and weights do not go together.

    Args:
        loss: a Keras loss, its name, or a function of targets and outputs with one value a row.

    Raises:
        DefinitionError: no Keras loss has that name.

    """
    reduction = getattr(loss_object(loss), "reduction", None)
    compiled = CompileLoss(loss)

    def of_batch(y: Any, outputs: Any, weights: Any) -> Any:
        if weights is None:
            return compiled(y, outputs)
        each = tf.reshape(weights, [-1, *[1] * (outputs.shape.rank - 2)])  # a row weighs alike in all its places
        value = compiled(y, outputs, each)
        if reduction == "sum":
            return value
        # Keras divides by all rows of the batch; those that only fill it up do not count.
        return value * (tf.cast(tf.size(weights), value.dtype) / tf.reduce_sum(weights))

    return of_batch


def loss_object(loss: Any) -> Any:
    """Keras' loss of that name, an object or a function; a loss that is no name as it is.

    None for `CROSSENTROPIES`, of which the shapes say which is meant.

    Raises:
        DefinitionError: no Keras loss has that name.

    """
    if isinstance(loss, str) and loss.lower() in CROSSENTROPIES:
        return None
    try:
        return keras.losses.get(loss)
    except ValueError as error:
        raise DefinitionError(f"loss {loss!r} is unknown: give a Keras loss or its name, such as mse") from error


def batch_metric(name: str) -> Metric:
    """The metric of that name as a function of (targets, outputs, weights): its sum, and the number it is a sum over.

    `weights` as for `batch_loss`. What the outputs' mask leaves out is in neither. Sums of batches add up, as in Keras'
    own metrics, and the quotient is the metric: rows count alike, and of those that are partly masked, in proportion.

    Raises:
        DefinitionError: no Keras metric has that name, or it is no mean over rows.

    """
    score = _accuracy if spelled(name) in ACCURACIES else metric_function(name)

    def of_batch(y: Any, outputs: Any, weights: Any) -> tuple[Any, Any]:
        values = score(y, outputs)
        counted = apply_mask(weights, get_keras_mask(outputs), dtype="float32", reduction="sum")
        values, counted = reduce_to_samplewise_values(values, counted, reduce_fn=keras.ops.mean, dtype="float32")
        rows = tf.cast(tf.size(values), tf.float32) if counted is None else tf.reduce_sum(counted)
        return tf.reduce_sum(values), rows

    return of_batch


@functools.lru_cache
def metric_function(name: str) -> functools.partial[Any]:
    """The function of Keras' metric of that name, one value a row.

    Raises:
        DefinitionError: no Keras metric has that name, or it is no mean over rows.

    """
    try:
        metric = keras.metrics.get(name)
    except ValueError:
        metric = None
    if metric is None:
        near = closest(name)
        guess = f"did you mean {near}? " if near else ""
        raise DefinitionError(f"metric {name!r} is unknown: {guess}use accuracy, or a Keras metric such as mae")
    if not isinstance(metric, keras.metrics.Metric):
        metric = keras.metrics.MeanMetricWrapper(metric)  # a loss, which Keras takes for a metric too
    if not isinstance(metric, keras.metrics.MeanMetricWrapper):
        raise DefinitionError(
            f"metric {name!r} is no mean over rows: use accuracy, or a Keras metric such as mae that is one"
        )
    return keras_internals.metric_function(metric)


def higher_is_better(name: str) -> bool:
    """Whether a metric is one to be raised, as Keras has it: an accuracy is, an error is not."""
    known = DIRECTIONS.get(name)
    return keras_internals.is_raised(keras.metrics.get(name)) if known is None else known == MAXIMIZE


def _accuracy(y: Any, outputs: Any) -> Any:
    """That of one probability, of class numbers or of one-hot targets."""
    binary, sparse = is_binary_or_sparse_categorical(y, outputs)
    if binary:
        return keras.metrics.binary_accuracy(y, outputs)
    return (keras.metrics.sparse_categorical_accuracy if sparse else keras.metrics.categorical_accuracy)(y, outputs)
