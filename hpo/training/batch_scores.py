"""Losses and metrics of one batch as Keras computes them, masks included; rows that only fill it up weigh nothing."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.study.objectives import spelled
from hpo.study.own_metric import Metric
from hpo.training.keras_internals import (
    CompileLoss,
    apply_mask,
    get_keras_mask,
    is_binary_or_sparse_categorical,
    reduce_to_samplewise_values,
)
from hpo.training.scores import ACCURACIES, is_mean_over_rows, loss_object, metric_function, score_of_all

__all__ = ["batch_loss", "batch_metric", "product", "score"]

Loss = Callable[..., Any]
BatchMetric = Callable[[Any, Any, Any], tuple[Any, Any]]


def batch_loss(loss: Any) -> Loss:
    """The loss of a batch as a function of (targets, outputs, weights, there), exactly that of `keras.Model.compile`.

    `weights` is None, or shape (rows,), what the rows weigh: sums are of weighted values, and means are by the number
    of rows, as in Keras. `there` is None, or shape (rows,) with 1 for a row of the batch and 0 for one that only fills
    it up; the loss is then exactly that of the batch. The outputs' mask and `there` do not go together.

    Args:
        loss: a Keras loss, its name, or a function of targets and outputs with one value a row.

    Raises:
        DefinitionError: no Keras loss has that name.

    """
    reduction = getattr(loss_object(loss), "reduction", None)
    compiled = CompileLoss(loss)

    def of_batch(y: Any, outputs: Any, weights: Any = None, there: Any = None) -> Any:
        each = product(weights, there)
        if each is None:
            return compiled(y, outputs)
        each = tf.reshape(each, [-1, *[1] * (outputs.shape.rank - 2)])  # a row weighs alike in all its places
        value = compiled(y, outputs, each)
        if there is None or reduction == "sum":
            return value
        # Keras divides by all rows of the batch; those that only fill it up do not count.
        return value * (tf.cast(tf.size(there), value.dtype) / tf.reduce_sum(there))

    return of_batch


def product(weights: Any, there: Any) -> Any:
    """What rows weigh, those that only fill a batch up nothing; None where all are of the batch and weigh alike."""
    if weights is None or there is None:
        return there if weights is None else weights
    return weights * there


def batch_metric(name: str) -> BatchMetric:
    """The metric of that name as a function of (targets, outputs, weights): its sum, and the number it is a sum over.

    `weights` is None, or shape (rows,), how much each row counts. What the outputs' mask leaves out is in neither. Sums
    of batches add up, as in Keras' own metrics, and the quotient is the metric: rows count by their weights, or alike,
    and of those that are partly masked, in proportion.

    Raises:
        DefinitionError: no Keras metric has that name, or it is no mean over rows.

    """
    score = _accuracy if spelled(name) in ACCURACIES else metric_function(name)

    def of_batch(y: Any, outputs: Any, weights: Any) -> tuple[Any, Any]:
        if len(y.shape) == 1 and outputs.shape[1:] == (1,):  # a crossentropy takes them as they are
            y = tf.expand_dims(y, -1)
        values = score(y, outputs)
        mask = get_keras_mask(outputs)
        if weights is not None and mask is not None:  # a row counts alike in all its places
            weights = tf.reshape(weights, [-1, *[1] * (mask.shape.rank - 1)])
        counted = apply_mask(weights, mask, dtype="float32", reduction="sum")
        values, counted = reduce_to_samplewise_values(values, counted, reduce_fn=keras.ops.mean, dtype="float32")
        rows = tf.cast(tf.size(values), tf.float32) if counted is None else tf.reduce_sum(counted)
        return tf.reduce_sum(values), rows

    return of_batch


def score(
    metric: Metric, y: NDArray[np.generic], outputs: NDArray[np.generic], weights: NDArray[np.float32] | None = None
) -> float:
    """A metric of all rows, whatever its kind: as `score_of_all`."""
    if not is_mean_over_rows(metric):
        return score_of_all(metric, y, outputs, weights)
    assert isinstance(metric, str)
    given = None if weights is None else tf.constant(weights)
    total, counted = batch_metric(metric)(tf.constant(y), tf.constant(outputs), given)
    return float(total) / float(counted)


def _accuracy(y: Any, outputs: Any) -> Any:
    """That of one probability, of class numbers or of one-hot targets."""
    binary, sparse = is_binary_or_sparse_categorical(y, outputs)
    if binary:
        return keras.metrics.binary_accuracy(y, outputs)
    return (keras.metrics.sparse_categorical_accuracy if sparse else keras.metrics.categorical_accuracy)(y, outputs)
