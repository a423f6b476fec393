"""The compiled epoch: a model, an optimizer and three functions, shared by every run that has their shape."""

import itertools
import math
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from hpo.training import scores, updates
from hpo.training.clipping import clipped
from hpo.training.constraints import constrain
from hpo.training.graphs import dismantle
from hpo.training.order import shuffled
from hpo.training.penalties import kernels, penalize
from hpo.training.recipe import Recipe
from hpo.training.signature import reusable
from hpo.training.updates import Pace

__all__ = ["Owner", "Program", "evaluation_batch"]


_COUNT = tf.TensorSpec((), tf.int32)
_RATES = tf.TensorSpec((None,), tf.float32)
_MOMENTA = tf.TensorSpec((None,), tf.float64)
_SEED = tf.TensorSpec((2,), tf.int32)
_AUGMENT = 1 << 30  # where the counter of augmentation's draws begins: the numbers of the epochs belong to the order


class Owner(Protocol):
    """Whose weights a program holds."""

    state: list[Any] | None  # kept here while another owner's weights are in the program


class Program:
    """One training loop as compiled functions, and the variables they work on.

    The functions take the data, the learning rates, the momenta and the seed as arguments; weights and dials, the
    numbers of what a recipe has on, are copied in and out. With XLA
    (`jit`) shapes are fixed, so the data come filled up to whole batches and rows beyond `rows` weigh nothing; without
    it the last batch is smaller, as in Keras.
    """

    def __init__(self, recipe: Recipe, *, x: Any, y: Any, metric: str, jit: bool) -> None:
        """`x` and `y` are the training rows as tensors: their types, and with XLA their shapes, are compiled in."""
        self.jit = jit
        self.batch_size = recipe.batch_size
        self.model = keras.models.clone_model(recipe.model) if reusable(recipe.model) else recipe.model
        self.optimizer, decays = _optimizer(recipe)
        self._dials = {name: tf.Variable(np.float32(0), trainable=False) for name in _dials(recipe, decays)}
        self._clip = recipe.clip and recipe.clip.by
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
            if decays and recipe.optimizer._use_weight_decay(theirs)
        ]
        self._kernels = [number for number, kernel in enumerate(kernels(self._weights)) if kernel]
        self._fused = updates.fused(self.optimizer)
        self._cycles = updates.momentum(self.optimizer) is not None
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
        self.epoch = _compiled(self._epoch, rows and [*rows, _COUNT, _COUNT, _RATES, _MOMENTA, _SEED], jit)
        self.evaluate = _compiled(self._evaluate, rows and [*rows, _COUNT], jit)
        self.predict = _compiled(self._predict, [tf.TensorSpec((None, *x.shape[1:]), x.dtype)], False)

    # Whose weights

    def fresh(self, recipe: Recipe, seed: int) -> list[Any]:
        """The state a run of `recipe` begins with: its weights, an unused optimizer, and `seed` for the rest."""
        weights = [v.value.read_value() for v in recipe.model.variables]
        dials = _dials(recipe, "decay" in self._dials)
        return [*weights, *self._fresh, *(np.float32(dials[name]) for name in self._dials), np.array([seed, _AUGMENT])]

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

    def snapshot(self) -> list[Any]:
        """A copy of the model's variables, to be put back by `restore`."""
        return [variable.read_value() for variable in self._model_state]

    def restore(self, snapshot: list[Any]) -> None:
        """Put the model's variables back; the optimizer's stay."""
        for variable, value in zip(self._model_state, snapshot, strict=True):
            variable.assign(value)

    def _state(self) -> list[Any]:
        return [*self._model_state, *self._optimizer_state, *self._dials.values(), self._random.state.value]

    # What is compiled

    def _epoch(
        self, x: Any, y: Any, rows: Any, steps: Any, rates: Any, momenta: Any, seed: Any
    ) -> tuple[Any, Any, Any, Any]:
        """One epoch of `steps` steps: (sum of row losses, sum of row metrics, steps made, whether all was finite)."""
        order = shuffled(tf.shape(x)[0], rows, seed)

        def body(step: Any, finite: Any, loss_sum: Any, metric_sum: Any) -> tuple[Any, ...]:  # noqa: ARG001
            index, weights, count = self._batch(order, step, rows)
            pace = Pace(rates[step], momenta[step] if self._cycles else None)
            loss, values = self._step(tf.gather(x, index), tf.gather(y, index), weights, pace)
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

    def _step(self, x: Any, y: Any, weights: Any, pace: Pace) -> tuple[Any, Any]:
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
        if "l1" in self._dials or "l2" in self._dials:
            loss += self._penalize(gradients)
        self._apply(gradients, pace)
        if "max_norm" in self._dials:
            constrain([self._weights[number].value for number in self._kernels], self._dials["max_norm"])
        return loss, self._metric(y, outputs)

    def _penalize(self, gradients: list[Any]) -> Any:
        """The penalty on the kernels; its gradient is added to theirs."""
        of_kernels = [gradients[number] for number in self._kernels]
        values = [self._weights[number].value for number in self._kernels]
        penalized, penalty = penalize(of_kernels, values, self._dials)
        for number, gradient in zip(self._kernels, penalized, strict=True):
            gradients[number] = gradient
        return penalty

    def _apply(self, gradients: list[Any], pace: Pace) -> None:
        optimizer = self.optimizer
        if self._decayed:
            shrink = self._dials["decay"] * pace.rate
            for variable in self._decayed:
                variable.value.assign_sub(variable.value * shrink)
        if self._clip:
            gradients = clipped(gradients, self._clip, self._dials["clip"])
        used = [number for number, gradient in enumerate(gradients) if gradient is not None]
        if not self._fused or not used:
            optimizer.learning_rate = pace.rate
            optimizer.apply(gradients, self._weights)
            return
        dense = optimizer._clip_gradients([tf.convert_to_tensor(gradients[number]) for number in used])
        slots = [self._slots[number] for number in used]
        variables = [self._weights[number].value for number in used]
        updates.UPDATES[type(optimizer)](optimizer, slots, variables, dense, pace)
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


def _optimizer(recipe: Recipe) -> tuple[Any, bool]:
    """An optimizer of the recipe's kind, and whether its weight decay is left to us: it is a dial then."""
    given = recipe.optimizer
    made = type(given).from_config(given.get_config())
    if given.weight_decay is None or given.gradient_accumulation_steps:
        return made, False
    made.weight_decay = None
    return made, True


def _dials(recipe: Recipe, decays: bool) -> dict[str, float]:
    """The numbers of what the recipe has on, weight decay among them where it is left to us."""
    return {**recipe.dials, **({"decay": recipe.optimizer.weight_decay} if decays else {})}


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
