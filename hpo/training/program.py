"""The compiled epoch: a model, an optimizer and three functions, shared by every run that has their shape."""

import itertools
import math
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from hpo.training import scores, updates
from hpo.training.graphs import dismantle
from hpo.training.order import shuffled
from hpo.training.recipe import Recipe
from hpo.training.signature import reusable

__all__ = ["Owner", "Program", "evaluation_batch"]


_COUNT = tf.TensorSpec((), tf.int32)
_RATES = tf.TensorSpec((None,), tf.float32)
_SEED = tf.TensorSpec((2,), tf.int32)
_AUGMENT = 1 << 30  # where the counter of augmentation's draws begins: the numbers of the epochs belong to the order


class Owner(Protocol):
    """Whose weights a program holds."""

    state: list[Any] | None  # kept here while another owner's weights are in the program


class Program:
    """One training loop as compiled functions, and the variables they work on.

    The functions take the data, the learning rates and the seed as arguments; weights are copied in and out. With XLA
    (`jit`) shapes are fixed, so the data come filled up to whole batches and rows beyond `rows` weigh nothing; without
    it the last batch is smaller, as in Keras.
    """

    def __init__(self, recipe: Recipe, *, x: Any, y: Any, metric: str, jit: bool) -> None:
        """`x` and `y` are the training rows as tensors: their types, and with XLA their shapes, are compiled in."""
        self.jit = jit
        self.batch_size = recipe.batch_size
        self.model = keras.models.clone_model(recipe.model) if reusable(recipe.model) else recipe.model
        self.optimizer, self.decay = _optimizer(recipe)
        self._augment = recipe.augment
        self._loss = scores.batch_loss(recipe.loss)
        self._metric = scores.row_metric(metric)
        self._normalizations = [
            layer for layer in self.model._flatten_layers() if isinstance(layer, keras.layers.Normalization)
        ]
        self._weights = self.model.trainable_variables
        self.optimizer.build(self._weights)
        self._decayed = [
            ours
            for ours, theirs in zip(self._weights, recipe.model.trainable_variables, strict=True)
            if self.decay is not None and recipe.optimizer._use_weight_decay(theirs)
        ]
        self._fused = updates.fused(self.optimizer)
        self._slots = updates.prepare(self.optimizer) if self._fused else []
        self._model_state = [v.value for v in self.model.variables]
        self._optimizer_state = _distinct(
            [v.value for v in self.optimizer.variables],
            itertools.chain.from_iterable(self._slots),
            _loose(self.optimizer),
        )
        self._fresh = [_compact(v.numpy()) for v in self._optimizer_state]
        self._random = keras.random.SeedGenerator(0)
        self._owner: weakref.ref[Owner] | None = None
        rows = None if jit else [tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in (x, y)]
        self.epoch = _compiled(self._epoch, rows and [*rows, _COUNT, _COUNT, _RATES, _SEED], jit)
        self.evaluate = _compiled(self._evaluate, rows and [*rows, _COUNT], jit)
        self.predict = _compiled(self._predict, [tf.TensorSpec((None, *x.shape[1:]), x.dtype)], False)

    # Whose weights

    def fresh(self, recipe: Recipe, seed: int) -> list[Any]:
        """The state a run of `recipe` begins with: its weights, an unused optimizer, and `seed` for the rest."""
        weights = [v.value.read_value() for v in recipe.model.variables]
        decay = [] if self.decay is None else [np.float32(recipe.optimizer.weight_decay)]
        return [*weights, *self._fresh, *decay, np.array([seed, _AUGMENT])]

    @property
    def idle(self) -> bool:
        """Whether no living run's weights are in it."""
        return self._owner is None or self._owner() is None

    def acquire(self, owner: Owner) -> None:
        """Put `owner`'s state into the variables, and keep that of whoever was there."""
        if self._owner is not None and self._owner() is owner:
            return
        self.release()
        if owner.state is None:
            raise RuntimeError("the run that takes over a program has no state")
        for variable, value in zip(self._state(), owner.state, strict=True):
            variable.assign(value if np.ndim(value) or not variable.shape.rank else tf.fill(variable.shape, value))
        owner.state = None
        self._owner = weakref.ref(owner)

    def release(self) -> None:
        """Hand the state in the variables back to its owner, if that still lives."""
        owner = self._owner() if self._owner is not None else None
        if owner is not None:
            owner.state = [variable.read_value() for variable in self._state()]
        self._owner = None

    def dismantle(self) -> None:
        """Take the compiled functions apart; the program is unusable afterwards."""
        for function in (self.epoch, self.evaluate, self.predict):
            dismantle(function)
        del self.epoch, self.evaluate, self.predict

    @property
    def nbytes(self) -> int:
        """Held by the variables: weights, the optimizer's state."""
        return sum(v.dtype.size * v.shape.num_elements() for v in self._state())

    def weights(self) -> list[Any]:
        """The model's variables as they are: trained weights, statistics, seeds."""
        return [variable.numpy() for variable in self._model_state]

    def _state(self) -> list[Any]:
        decay = [] if self.decay is None else [self.decay]
        return [*self._model_state, *self._optimizer_state, *decay, self._random.state.value]

    # What is compiled

    def _epoch(self, x: Any, y: Any, rows: Any, steps: Any, rates: Any, seed: Any) -> tuple[Any, Any, Any, Any]:
        """One epoch of `steps` steps: (sum of row losses, sum of row metrics, steps made, whether all was finite)."""
        order = shuffled(tf.shape(x)[0], rows, seed)

        def body(step: Any, finite: Any, loss_sum: Any, metric_sum: Any) -> tuple[Any, ...]:  # noqa: ARG001
            index, weights, count = self._batch(order, step, rows)
            loss, values = self._step(tf.gather(x, index), tf.gather(y, index), weights, rates[step])
            return (
                step + 1,
                tf.math.is_finite(loss),
                loss_sum + loss * tf.cast(count, tf.float32),
                metric_sum + tf.reduce_sum(values if weights is None else values * weights),
            )

        zero = tf.constant(0.0)
        with self._settled():
            step, finite, loss_sum, metric_sum = tf.while_loop(
                lambda step, finite, *_: (step < steps) & finite,
                body,
                (tf.constant(0), tf.constant(True), zero, zero),
                parallel_iterations=1,
            )
        return loss_sum, metric_sum, step, finite

    def _batch(self, order: Any, step: Any, rows: Any) -> tuple[Any, Any, Any]:
        """The rows of a step: their index, their weights (None: all count alike), how many count."""
        start = step * self.batch_size
        if not self.jit:
            index = order[start : tf.minimum(start + self.batch_size, rows)]
            return index, None, tf.size(index)
        place = start + tf.range(self.batch_size)
        weights = tf.cast(place < rows, tf.float32)
        return tf.gather(order, place), weights, tf.reduce_sum(weights)

    def _step(self, x: Any, y: Any, weights: Any, rate: Any) -> tuple[Any, Any]:
        """One optimizer step: the loss that was minimised, and the metric of each row."""
        if self._augment is not None:
            with _drawing_from(self._random):
                x = self._augment(x)
        with tf.GradientTape() as tape:
            outputs = self.model(x, training=True)
            loss = tf.cast(self._loss(y, outputs, weights), tf.float32)
            for penalty in self.model.losses:
                loss += tf.reduce_sum(tf.cast(penalty, tf.float32))
        gradients = tape.gradient(loss, [v.value for v in self._weights])
        self._apply(gradients, rate)
        return loss, self._metric(y, outputs)

    def _apply(self, gradients: Sequence[Any], rate: Any) -> None:
        optimizer = self.optimizer
        if self.decay is not None:
            for variable in self._decayed:
                variable.value.assign_sub(variable.value * (self.decay * rate))
        if not self._fused or any(g is None or isinstance(g, tf.IndexedSlices) for g in gradients):
            optimizer.learning_rate = rate
            optimizer.apply(gradients, self._weights)
            return
        gradients = optimizer._clip_gradients(list(gradients))
        variables = [v.value for v in self._weights]
        updates.UPDATES[type(optimizer)](optimizer, self._slots, variables, gradients, rate)
        for variable in self._weights:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))
        optimizer.iterations.assign_add(1)

    def _evaluate(self, x: Any, y: Any, rows: Any) -> Any:
        """Sum over the first `rows` rows of the metric."""
        size = evaluation_batch(x)

        def body(start: Any, total: Any) -> tuple[Any, Any]:
            stop = start + size if self.jit else tf.minimum(start + size, rows)
            index = tf.range(size) + start if self.jit else tf.range(start, stop)
            values = self._metric(tf.gather(y, index), self.model(tf.gather(x, index), training=False))
            if self.jit:
                values = tf.where(index < rows, values, 0.0)
            return stop, total + tf.reduce_sum(values)

        start = (tf.constant(0), tf.constant(0.0))
        with self._settled():
            return tf.while_loop(lambda start, _: start < rows, body, start, parallel_iterations=1)[1]

    def _predict(self, x: Any) -> Any:
        with self._settled():
            return self.model(x, training=False)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Let Normalization read its variables here; Keras would compile their first values in as constants."""
        for layer in self._normalizations:
            layer.finalize_state()
        try:
            yield
        finally:
            self.model._clear_losses()  # nothing of this graph may stay in the layers: it would never be freed
            with tf.init_scope():
                for layer in self._normalizations:
                    layer.finalize_state()


@contextmanager
def _drawing_from(generator: Any) -> Iterator[None]:
    """Within it, Keras' random functions that are given no seed draw from `generator`: a run can be repeated."""
    before = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)
    try:
        yield
    finally:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, before)


def evaluation_batch(x: Any) -> int:
    """How many rows of `x` one step of an evaluation takes.

    Few where a row is a picture, so that what the layers make of them stays in the processor's cache (a fifth faster
    than 128 on one core); many where a row is short and the steps themselves are what costs.
    """
    return 32 if math.prod(x.shape[1:]) > 256 else 128


def _compiled(function: Any, arguments: list[tf.TensorSpec] | None, jit: bool) -> Any:
    return tf.function(function, input_signature=arguments, autograph=False, jit_compile=jit or None)


def _optimizer(recipe: Recipe) -> tuple[Any, Any]:
    """An optimizer of the recipe's kind with its weight decay, if it has one, in a variable of ours."""
    given = recipe.optimizer
    decayless = type(given).from_config(given.get_config())
    if given.weight_decay is None or given.gradient_accumulation_steps:
        return decayless, None
    decay = tf.Variable(np.float32(given.weight_decay), trainable=False)
    decayless.weight_decay = None
    return decayless, decay


def _loose(optimizer: Any) -> list[Any]:
    """Variables an optimizer keeps outside its list of variables, as Nadam its product of momenta."""
    found = (value for value in vars(optimizer).values() if isinstance(value, keras.Variable))
    return [variable.value for variable in found]


def _distinct(*lists: Any) -> list[Any]:
    return list({id(variable): variable for variable in itertools.chain.from_iterable(lists)}.values())


def _compact(value: Any) -> Any:
    """A number where the array is that number throughout: momenta begin as zeros, and need no second copy."""
    first = value.flat[0] if value.size else value.dtype.type(0)
    return first if np.all(value == first) else value
