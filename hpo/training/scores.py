"""Losses and metrics of one batch as Keras computes them, masks included; rows that only fill it up weigh nothing."""

import functools
import numbers
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.errors import DefinitionError, Infeasible
from hpo.messages import one_line
from hpo.study.contained import contained
from hpo.study.direction import MAXIMIZE
from hpo.study.objectives import DIRECTIONS, spelled, unknown
from hpo.study.own_metric import Metric, OwnMetric
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
    "is_mean_over_rows",
    "keras_metric",
    "loss_object",
    "metric_function",
    "product",
    "score",
    "score_of_all",
]

ACCURACIES = ("accuracy", "acc")
"""Names of metrics whose meaning is in the shapes of targets and outputs; Keras takes them in any letter case."""

CROSSENTROPIES = ("crossentropy", "ce")
"""Names of losses of which the same holds."""

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


@functools.lru_cache
def keras_metric(name: str) -> keras.metrics.Metric:
    """Keras' metric of that name.

    Raises:
        DefinitionError: no Keras metric has that name, or it cannot be made without being told more.

    """
    try:
        metric = keras.metrics.get(name)
    except ValueError:
        metric = None
    except TypeError as error:  # such as that of MeanIoU, which has to know how many classes there are
        raise DefinitionError(
            f"metric {name!r} cannot be made by its name alone ({one_line(error)}): give the definition score=, a "
            "function of targets and outputs, and a name of your own"
        ) from error
    if metric is None:
        raise DefinitionError(unknown(name))
    if not isinstance(metric, keras.metrics.Metric):
        return keras.metrics.MeanMetricWrapper(metric)  # a loss, which Keras takes for a metric too
    return metric


def is_mean_over_rows(metric: Metric) -> bool:
    """Whether a metric is a mean of one value a row, so that sums over batches add up to it. Raises DefinitionError."""
    if isinstance(metric, OwnMetric):
        return False
    return spelled(metric) in ACCURACIES or isinstance(keras_metric(metric), keras.metrics.MeanMetricWrapper)


@functools.lru_cache
def metric_function(name: str) -> functools.partial[Any]:
    """The function of Keras' metric of that name, one value a row.

    Raises:
        DefinitionError: no Keras metric has that name, or it is no mean over rows.

    """
    metric = keras_metric(name)
    if not isinstance(metric, keras.metrics.MeanMetricWrapper):
        raise DefinitionError(f"metric {name!r} is no mean over rows, and a batch alone has no value of it")
    return keras_internals.metric_function(metric)


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


def score_of_all(
    metric: Metric, y: NDArray[np.generic], outputs: NDArray[np.generic], weights: NDArray[np.float32] | None = None
) -> float:
    """A metric that is no mean over rows, of all of them at once.

    Of a metric that has a value for each class, the mean of these: the macro average.

    Args:
        metric: one's own, or the name of Keras's.
        y: targets, (rows, ...).
        outputs: of the model, (rows, ...).
        weights: (rows,) how much each row counts; None: all alike. One's own metric is given them as its third.

    Raises:
        Infeasible: Keras cannot compute it of these; the message says why.
        DefinitionError: one's own gives no number.
        Exception: whatever one's own raises.

    """
    if isinstance(metric, OwnMetric):
        given = (y, outputs) if weights is None else (y, outputs, weights)
        value = contained(lambda: metric.function(*given))
        if not isinstance(value, numbers.Real):
            raise DefinitionError(f"metric {metric.name!r} must be a number, not {value!r:.60}")
        return float(value)
    found = _fresh(keras_metric(metric), outputs)
    try:
        found.update_state(y.reshape(outputs.shape) if y.size == outputs.size else y, outputs, sample_weight=weights)
    except Exception as error:  # whatever TensorFlow makes of it
        raise Infeasible(
            f"metric {metric!r} cannot be computed of targets of shape {y.shape[1:]} and outputs of shape "
            f"{outputs.shape[1:]}: {one_line(error)}"
        ) from error
    return float(np.mean(keras.ops.convert_to_numpy(found.result())))


def _fresh(metric: keras.metrics.Metric, outputs: NDArray[np.generic]) -> keras.metrics.Metric:
    """The metric with nothing counted yet, for outputs of that shape."""
    config = metric.get_config()
    # An F-score takes the largest output for the class, and the largest of one is that one, whatever it says.
    if isinstance(metric, keras.metrics.FBetaScore) and outputs.shape[-1] == 1 and metric.threshold is None:
        config["threshold"] = 0.5
    return type(metric).from_config(config)


def higher_is_better(metric: Metric) -> bool:
    """Whether a metric is one to be raised, as Keras has it: an accuracy is, an error is not."""
    if isinstance(metric, OwnMetric):
        return metric.direction == MAXIMIZE
    known = DIRECTIONS.get(metric)
    return keras_internals.is_raised(keras.metrics.get(metric)) if known is None else known == MAXIMIZE


def _accuracy(y: Any, outputs: Any) -> Any:
    """That of one probability, of class numbers or of one-hot targets."""
    binary, sparse = is_binary_or_sparse_categorical(y, outputs)
    if binary:
        return keras.metrics.binary_accuracy(y, outputs)
    return (keras.metrics.sparse_categorical_accuracy if sparse else keras.metrics.categorical_accuracy)(y, outputs)
