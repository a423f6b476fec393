"""One training: a recipe, its rows, and as many compiled epochs as asked for."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError, Diverged, UsageError
from hpo.training.cache import programs
from hpo.training.exclusive import exclusive
from hpo.training.jit import fixed_shapes, pays
from hpo.training.program import Program, evaluation_batch
from hpo.training.recipe import Recipe
from hpo.training.schedules import Constant
from hpo.training.signature import signature, symbolic

__all__ = ["Epoch", "Run", "fit"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to."""

    number: int  # from 1
    loss: float  # what was minimised, penalties included: mean over the epoch's rows, as seen while training
    train: float  # the metric, mean over the epoch's rows, as seen while training
    validation: float | None  # the metric on all validation rows after the epoch; None without such rows
    seconds: float  # of this epoch, its validation included


class Run:
    """One training, an epoch at a time; several may be stepped in turn.

    Args:
        recipe: what to train; its model gives the initial weights and is not changed before `model()`.
        train: rows to train on; Normalization layers are adapted on these and no others.
        validation: rows to score after every epoch, or None.
        epochs: how many epochs the learning-rate schedule is laid out for.
        metric: accuracy, or the name of a Keras metric that is a mean over rows, such as mae.
        seed: of the order of the rows.
        jit: whether XLA compiles; None decides by `hpo.training.jit.pays`.

    Raises:
        UsageError: no rows, no epochs, a batch size below 1.
        DefinitionError: the metric or the loss is unknown, the optimizer brings a schedule of its own, or `jit` is
            asked for a model that needs batches of varying size.

    """

    @exclusive
    def __init__(
        self,
        recipe: Recipe,
        train: Rows,
        validation: Rows | None = None,
        *,
        epochs: int,
        metric: str,
        seed: int,
        jit: bool | None = None,
    ) -> None:
        _check(recipe, train, epochs, jit)
        start = time.perf_counter()
        self._recipe = recipe
        self._jit = pays(recipe) if jit is None else jit
        self._metric = metric
        self._seed = seed
        self._epochs = epochs
        self._number = 0
        self._rows = len(train)
        self._steps = math.ceil(len(train) / recipe.batch_size)
        initial = float(recipe.optimizer.learning_rate)
        self._rates = (recipe.schedule or Constant()).rates(initial, self._steps * epochs)
        multiple = recipe.batch_size if self._jit else 1
        self._x, self._y = _tensor(train.x, multiple), _tensor(train.y, multiple)
        _prepare(recipe.model, train.x, self._x[:1])
        self._validation = None if validation is None else self._evaluation(validation)
        self._validation_rows = 0 if validation is None else len(validation)
        shapes = (self._x.shape if self._jit else self._x.shape[1:], self._x.dtype, self._y.shape[1:], self._y.dtype)
        self._key = signature(recipe, shapes=shapes, metric=metric, jit=self._jit)
        self.state: list[Any] | None = None  # the variables' values while they are not in the program
        self.state = self._program(first=True).fresh(recipe, seed % 2**31)
        self.compile_seconds = time.perf_counter() - start  # build and compile; near 0 where a program was reused
        self.fit_seconds = 0.0  # training and validation so far

    @property
    def epochs_done(self) -> int:
        """Epochs trained so far."""
        return self._number

    @exclusive
    def epoch(self) -> Epoch:
        """Train one epoch and score it.

        Raises:
            Diverged: the loss, or a score after it, was not finite; the run is over.
            UsageError: all `epochs` have been trained.

        """
        if self._number >= self._epochs:
            raise UsageError(f"epoch {self._number + 1} is beyond the {self._epochs} this run was laid out for")
        start = time.perf_counter()
        program = self._acquired()
        first = self._number * self._steps
        self._number += 1
        loss, metric, steps, finite = program.epoch(
            self._x,
            self._y,
            tf.constant(self._rows),
            tf.constant(self._steps),
            tf.constant(self._rates[first : first + self._steps]),
            tf.constant([self._seed % 2**31, self._number]),
        )
        if not bool(finite):
            raise Diverged(epoch=self._number, step=int(steps))
        score = None
        if self._validation is not None:
            score = self._score(program, self._validation, self._validation_rows)
        result = Epoch(
            number=self._number,
            loss=float(loss) / self._rows,
            train=float(metric) / self._rows,
            validation=score,
            seconds=time.perf_counter() - start,
        )
        self.fit_seconds += result.seconds
        if not all(math.isfinite(value) for value in (result.loss, result.train, score or 0.0)):
            raise Diverged(epoch=self._number, step=self._steps)
        return result

    @exclusive
    def evaluate(self, rows: Rows) -> float:
        """The metric on `rows`, all of them, with the weights as they are."""
        return self._score(self._acquired(), self._evaluation(rows), len(rows))

    @exclusive
    def predict(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """The outputs for inputs of shape (rows, ...) as the data set stores them; shape (rows, outputs)."""
        program = self._acquired()
        size = 8 * evaluation_batch(self._x)
        x = np.asarray(x, dtype=self._x.dtype.as_numpy_dtype)
        parts = [program.predict(tf.constant(x[i : i + size])).numpy() for i in range(0, len(x), size)]
        return np.concatenate(parts)

    @exclusive
    def model(self) -> keras.Model:
        """The recipe's model with the weights as they are, ready to predict or to be saved."""
        weights = self._acquired().weights()
        for variable, value in zip(self._recipe.model.variables, weights, strict=True):
            variable.assign(value)
        _finalize(self._recipe.model)
        return self._recipe.model

    def _acquired(self) -> Program:
        program = self._program()
        program.acquire(self)
        return program

    def _program(self, *, first: bool = False) -> Program:
        """The program of this run's shape; compiled anew where it has been let go in the meantime."""
        program, new = programs.get(self._key, self._make)
        if new or first:
            self._warm(program)
        return program

    def _make(self) -> Program:
        return Program(self._recipe, x=self._x, y=self._y, metric=self._metric, jit=self._jit)

    def _warm(self, program: Program) -> None:
        """Compile whatever is not compiled yet, by running no steps on no rows; weights stay as they are."""
        none = tf.constant(0)
        program.epoch(self._x, self._y, none, none, tf.constant(self._rates[: self._steps]), tf.constant([0, 0]))
        if self._validation is not None:
            program.evaluate(*self._validation, none)

    def _evaluation(self, rows: Rows) -> tuple[Any, Any]:
        if not len(rows):
            raise UsageError("there are 0 rows to score on: give at least one")
        multiple = evaluation_batch(self._x) if self._jit else 1
        x_type, y_type = self._x.dtype.as_numpy_dtype, self._y.dtype.as_numpy_dtype
        return _tensor(rows.x, multiple, x_type), _tensor(rows.y, multiple, y_type)

    def _score(self, program: Program, tensors: tuple[Any, Any], rows: int) -> float:
        return float(program.evaluate(*tensors, tf.constant(rows))) / rows


def fit(
    recipe: Recipe,
    train: Rows,
    validation: Rows | None = None,
    *,
    epochs: int,
    metric: str,
    seed: int,
    on_epoch: Callable[[Epoch], object] | None = None,
    jit: bool | None = None,
) -> Run:
    """Train all epochs of one run; `on_epoch` is called after each and may raise to stop. Otherwise as `Run`."""
    run = Run(recipe, train, validation, epochs=epochs, metric=metric, seed=seed, jit=jit)
    for _ in range(epochs):
        epoch = run.epoch()
        if on_epoch is not None:
            on_epoch(epoch)
    return run


def _check(recipe: Recipe, train: Rows, epochs: int, jit: bool | None) -> None:
    if epochs < 1 or recipe.batch_size < 1 or not len(train):
        raise UsageError(
            f"{epochs} epochs of batches of {recipe.batch_size} from {len(train)} rows: each must be at least 1"
        )
    if isinstance(recipe.optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise DefinitionError(
            "the optimizer has a learning-rate schedule of its own: give it as Recipe.schedule instead"
        )
    if jit and not fixed_shapes(recipe):
        raise DefinitionError("XLA needs batches of one size, and this model or loss mixes rows: leave jit to None")


def _tensor(array: NDArray[np.generic], multiple: int, dtype: Any = None) -> Any:
    """The array as a tensor, filled up with its first row to a multiple of `multiple` rows; doubles as floats."""
    missing = -len(array) % multiple
    if missing:
        array = np.concatenate([array, np.repeat(array[:1], missing, axis=0)])
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float64 else array.dtype
    return tf.constant(np.asarray(array, dtype=dtype))


def _prepare(model: keras.Model, x: NDArray[np.generic], row: Any) -> None:
    """Make the variables of a model that was not told the shape of its inputs, and adapt it. Raises DefinitionError."""
    if symbolic(model):
        if not model.built:
            model(row, training=False)
        _adapt(model, x)
    else:  # a class of somebody's own; it may say that it is built and not be
        _adapt(model, x)
        model(row, training=False)
    if not model.trainable_variables:
        raise DefinitionError("the model has no weights to train: give it a layer with weights that are not frozen")


def _adapt(model: keras.Model, x: NDArray[np.generic]) -> None:
    """Fit the Normalization layers that brought no mean of their own to what reaches them from `x`."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            reaches = layer.input if symbolic(model) else None
            if reaches is None or reaches is model.inputs[0]:
                layer.adapt(x)
            else:
                layer.adapt(np.asarray(keras.Model(model.inputs, reaches)(x)))


def _finalize(model: keras.Model) -> None:
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
