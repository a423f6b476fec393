"""Losses and metrics of one batch, as the compiled epoch needs them: with row weights, and one value a row."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.src.losses.loss import squeeze_or_expand_to_same_rank

from hpo.errors import DefinitionError

__all__ = ["batch_loss", "higher_is_better", "row_metric"]

Scorer = Callable[[Any, Any], Any]


def batch_loss(loss: Any) -> Callable[[Any, Any, Any], Any]:
    """The loss of a batch as a function of (targets, outputs, weights).

    `weights` is None, or shape (rows,) with 1 for a row that counts and 0 for one that only fills the batch up; the
    loss is then exactly that of the rows that count.

    Args:
        loss: a Keras loss, its name, or a function of targets and outputs with one value a row.

    Raises:
        DefinitionError: no Keras loss has that name.

    """
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError as error:
            raise DefinitionError(f"loss {loss!r} is unknown: give a Keras loss or its name, such as mse") from error

    def of_object(y: Any, outputs: Any, weights: Any) -> Any:
        if weights is None:
            return loss(y, outputs)
        value = loss(y, outputs, sample_weight=weights)
        if loss.reduction == "sum":
            return value
        # Keras divides by all rows of the batch; those that only fill it up do not count.
        return value * (tf.cast(tf.size(weights), value.dtype) / tf.reduce_sum(weights))

    def of_function(y: Any, outputs: Any, weights: Any) -> Any:
        # As Keras does around every loss: targets (rows,) against outputs (rows, 1) would broadcast to (rows, rows).
        values = _one_a_row(loss(*squeeze_or_expand_to_same_rank(tf.cast(y, outputs.dtype), outputs)))
        if weights is None:
            return tf.reduce_mean(values)
        return tf.reduce_sum(values * weights) / tf.reduce_sum(weights)

    return of_object if isinstance(loss, keras.losses.Loss) else of_function


def row_metric(name: str) -> Scorer:
    """The metric of that name as a function of (targets, outputs) with one value a row, shape (rows,).

    `accuracy` is, as in Keras, that of labels, one-hot targets or a single probability, by the shapes.

    Raises:
        DefinitionError: no Keras metric has that name, or it is no mean over rows.

    """
    if name in ("accuracy", "acc"):
        return _accuracy
    try:
        metric = keras.metrics.get(name)
    except ValueError:
        metric = None
    if not isinstance(metric, keras.metrics.MeanMetricWrapper):
        problem = "is unknown" if metric is None else "is no mean over rows"
        raise DefinitionError(f"metric {name!r} {problem}: use accuracy, or a Keras metric such as mae")
    function, options = metric._fn, metric._fn_kwargs
    return lambda y, outputs: _one_a_row(function(*squeeze_or_expand_to_same_rank(y, outputs), **options))


def higher_is_better(name: str) -> bool:
    """Whether a metric is one to be raised, as Keras has it: an accuracy is, an error is not."""
    return name in ("accuracy", "acc") or getattr(keras.metrics.get(name), "_direction", None) == "up"


def _accuracy(y: Any, outputs: Any) -> Any:
    if outputs.shape[-1] == 1:
        function = keras.metrics.binary_accuracy
    elif y.shape.rank == outputs.shape.rank and y.shape[-1] == outputs.shape[-1]:
        function = keras.metrics.categorical_accuracy
    else:
        function = keras.metrics.sparse_categorical_accuracy
    return _one_a_row(function(y, outputs))


def _one_a_row(values: Any) -> Any:
    """The mean over everything but the rows, as float32."""
    values = tf.cast(values, tf.float32)
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank))) if values.shape.rank > 1 else values
