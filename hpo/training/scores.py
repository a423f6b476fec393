"""Losses and metrics by their names: Keras's, or one's own; which are means over rows, and which way is better."""

import functools
import numbers
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.errors import DefinitionError, Infeasible
from hpo.messages import one_line
from hpo.study.contained import contained
from hpo.study.direction import MAXIMIZE
from hpo.study.objectives import DIRECTIONS, spelled, unknown
from hpo.study.own_metric import Metric, OwnMetric
from hpo.training import keras_internals

__all__ = [
    "ACCURACIES",
    "CROSSENTROPIES",
    "fresh",
    "higher_is_better",
    "is_mean_over_rows",
    "keras_metric",
    "loss_object",
    "metric_function",
    "score_of_all",
]

ACCURACIES = ("accuracy", "acc")
"""Names of metrics whose meaning is in the shapes of targets and outputs; Keras takes them in any letter case."""

CROSSENTROPIES = ("crossentropy", "ce")
"""Names of losses of which the same holds."""


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
    found = fresh(keras_metric(metric), outputs.shape[-1])
    try:
        found.update_state(y.reshape(outputs.shape) if y.size == outputs.size else y, outputs, sample_weight=weights)
    except Exception as error:  # whatever TensorFlow makes of it
        raise Infeasible(
            f"metric {metric!r} cannot be computed of targets of shape {y.shape[1:]} and outputs of shape "
            f"{outputs.shape[1:]}: {one_line(error)}"
        ) from error
    return float(np.mean(keras.ops.convert_to_numpy(found.result())))


def fresh(metric: keras.metrics.Metric, last: int | None) -> keras.metrics.Metric:
    """The metric with nothing counted yet, for outputs whose last axis has that size."""
    config = metric.get_config()
    # An F-score takes the largest output for the class, and the largest of one is that one, whatever it says.
    if isinstance(metric, keras.metrics.FBetaScore) and last == 1 and metric.threshold is None:
        config["threshold"] = 0.5
    return type(metric).from_config(config)


def higher_is_better(metric: Metric) -> bool:
    """Whether a metric is one to be raised, as Keras has it: an accuracy is, an error is not."""
    if isinstance(metric, OwnMetric):
        return metric.direction == MAXIMIZE
    known = DIRECTIONS.get(metric)
    return keras_internals.is_raised(keras.metrics.get(metric)) if known is None else known == MAXIMIZE
