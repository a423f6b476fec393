"""The compiled epoch: forward and backward pass and optimizer step for every batch, in one call."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from hpo.training.augmentation import by_row
from hpo.training.batch_scores import batch_loss, batch_metric, product
from hpo.training.keras_internals import all_layers, clear_losses, dismantle, drawing_from
from hpo.training.recipe import Recipe
from hpo.training.row_tensors import RowTensors, optional, specs, taken
from hpo.training.schedules import StepSchedules
from hpo.training.step import Step

__all__ = [
    "CompiledLoop",
    "Sums",
    "all_finite",
    "compiled",
    "settled",
    "shuffled",
]

_COUNT = tf.TensorSpec((), tf.int32)
_SCHEDULES = StepSchedules(*(tf.TensorSpec((None,), dtype) for dtype in (tf.float32, tf.float64, tf.float32)))
_SEED = _SPAN = tf.TensorSpec((2,), tf.int32)
_BEFORE = (tf.TensorSpec((), tf.float32),) * 3
_AUGMENT = 1 << 30  # where the counter of augmentation's draws begins: the numbers of the epochs belong to the order


class Sums(NamedTuple):
    """What one epoch came to, or what it has come to so far, as scalars."""

    loss: Any  # sum over the rows of what was minimised
    metric: Any  # sum of the metric, and the number it is a sum over: rows, less what of them is masked; None: unknown
    counted: Any
    steps: Any  # made, from the beginning of the epoch
    finite: Any  # whether the loss of every step was
    sound: Any  # whether all numbers of the model are finite after them


class CompiledLoop:
    """One function for an epoch or a part of it, with the data, the schedules and the seed as arguments.

    With XLA (`jit`) shapes are fixed, so the data come filled up to whole batches and rows beyond `rows` weigh nothing;
    without it the last batch is smaller, as in Keras.
    """

    def __init__(self, recipe: Recipe, model: keras.Model, *, data: RowTensors, metric: str | None, jit: bool) -> None:
        self._jit = jit
        self._batch_size = recipe.batch_size
        self._model = model
        self._step = Step(recipe, model)
        self._weights = model.trainable_variables
        self._augment = recipe.augment and by_row(recipe.augment)
        self._loss = batch_loss(recipe.loss)
        self._metric = None if metric is None else batch_metric(metric)
        self._random = keras.random.SeedGenerator(0)  # of augmentation
        types = None if jit else [specs(data), _COUNT, _SPAN, _SCHEDULES, _SEED, _BEFORE]
        self.epoch = compiled(self._epoch, types, jit=jit)

    @property
    def variables(self) -> list[Any]:
        """What it keeps beside the model's own variables: put aside, and put back, when runs take turns."""
        return [*self._step.variables, self._random.state.value]

    @property
    def averages(self) -> list[tuple[Any, Any]]:
        """Each weight and the average of it that training ends with; empty where the optimizer keeps none."""
        return self._step.averages

    def fresh(self, recipe: Recipe, seed: int) -> list[Any]:
        """What the variables hold before the first step of a run, in their order."""
        return [*self._step.fresh(recipe), np.array([seed, _AUGMENT])]

    def dismantle(self) -> None:
        """Let the compiled functions go, with the memory their graphs hold; it cannot train any more."""
        dismantle(self.epoch)
        del self.epoch

    def _epoch(
        self, data: RowTensors, rows: Any, span: Any, schedules: StepSchedules, seed: Any, before: tuple[Any, Any, Any]
    ) -> Sums:
        """Train for some steps of one epoch.

        Args:
            data: the rows, `capacity` of them.
            rows: how many of them there are, the others filling batches up.
            span: int32, shape (2,): the first step, from 0, and the one after the last.
            schedules: of each step of the epoch; momenta are not looked at where the optimizer takes none.
            seed: int32, shape (2,): the run's seed and the epoch, for the order of the rows.
            before: what the steps before the first came to: loss, metric and counted of their `Sums`.

        """
        order = shuffled(tf.shape(data.x)[0], rows, seed)

        def body(step: Any, finite: Any, loss: Any, metric: Any, counted: Any) -> tuple[Any, ...]:  # noqa: ARG001
            index, there, count = self._batch(order, step, rows)
            rate, momentum, averaging = (values[step] for values in schedules)
            scheduled = StepSchedules(rate, momentum if self._step.cycles else None, averaging)
            batch = taken(data, index)
            batch = batch._replace(x=self._augmented(batch.x, index, seed[1]))
            value, (score, of) = self._trained(batch, there, scheduled)
            loss += value * tf.cast(count, tf.float32)
            return step + 1, tf.math.is_finite(value), loss, metric + score, counted + of

        with settled(self._model):
            made, finite, loss, metric, counted = tf.while_loop(
                lambda step, finite, *_: (step < span[1]) & finite,
                body,
                (span[0], tf.constant(True), *before),
                parallel_iterations=1,
            )
            if self._metric is None:
                metric = counted = None
            return Sums(loss, metric, counted, made, finite, all_finite(self._model.variables))

    def _batch(self, order: Any, step: Any, rows: Any) -> tuple[Any, Any, Any]:
        """The rows of a step: their index, whether each is of the batch (None: all are), how many of them are."""
        start = step * self._batch_size
        if not self._jit:
            index = order[start : tf.minimum(start + self._batch_size, rows)]
            return index, None, tf.size(index)
        place = start + tf.range(self._batch_size)
        there = tf.cast(place < rows, tf.float32)
        return tf.gather(order, place), there, tf.reduce_sum(there)

    def _augmented(self, x: Any, index: Any, epoch: Any) -> Any:
        """The rows of a batch, whose numbers are `index`, as they are trained on."""
        if self._augment is None:
            return x
        with drawing_from(self._random):
            return self._augment(x, index, epoch)

    def _trained(self, batch: RowTensors, there: Any, scheduled: StepSchedules) -> tuple[Any, tuple[Any, Any]]:
        """Make one step: the loss that was minimised, and the metric of the batch as `batch_metric` has it."""
        with tf.GradientTape() as tape:
            outputs = self._model(batch.x, training=True)
            loss = tf.cast(self._loss(batch.y, outputs, optional(batch.weights), there), tf.float32)
            for penalty in self._model.losses:
                loss += tf.reduce_sum(tf.cast(penalty, tf.float32))
            scaled = self._step.scaled(loss)
        gradients = tape.gradient(scaled, [weight.value for weight in self._weights])
        loss += self._step.apply(gradients, scheduled)
        if self._metric is None:
            return loss, (0.0, 0.0)
        return loss, self._metric(batch.y, outputs, product(optional(batch.counts), there))


def all_finite(variables: Sequence[Any]) -> Any:
    """Whether every number in the variables is finite: one sum a variable, once an epoch."""
    floats = [variable.value for variable in variables if tf.as_dtype(variable.dtype).is_floating]
    return tf.math.is_finite(tf.add_n([tf.reduce_sum(tf.cast(value, tf.float32)) for value in floats]))


def compiled(function: Any, arguments: Sequence[tf.TensorSpec] | None, *, jit: bool = False) -> Any:
    """A tf.function of arguments of these types, traced once; None: of each shape it meets. `jit`: XLA compiles it."""
    return tf.function(function, input_signature=arguments, autograph=False, jit_compile=jit or None)


@contextmanager
def settled(model: keras.Model) -> Iterator[None]:
    """Let Normalization read its variables in the graph traced here, where Keras takes their first values as constants.

    And nothing of the graph stays in the layers: it would never be freed.
    """
    normalizations = [one for one in all_layers(model) if isinstance(one, keras.layers.Normalization)]
    for layer in normalizations:
        layer.finalize_state()
    try:
        yield
    finally:
        clear_losses(model)
        with tf.init_scope():
            for layer in normalizations:
                layer.finalize_state()


def shuffled(capacity: Any, rows: Any, seed: Any) -> Any:
    """A permutation of 0 … rows-1, then the rest up to `capacity`, that depends on `seed` alone.

    Args:
        capacity: length of the result, an int32 scalar.
        rows: how many come first, in random order.
        seed: int32, shape (2,): the run's seed and the epoch.

    """
    # Philox whatever the device, so that a seed means the same order with and without XLA.
    keys = tf.random.stateless_uniform([capacity], seed=seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    keys = tf.where(tf.range(capacity) < rows, keys, keys.dtype.max)
    return tf.argsort(keys, stable=True)
