"""A model, the loop that trains it and what scores it: compiled once, shared by every run that has their shape."""

import ctypes
import gc
import math
import sys
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.training.batch_scores import batch_metric, product
from hpo.training.keras_internals import dismantle
from hpo.training.loop import CompiledLoop, Sums, compiled, settled
from hpo.training.recipe import Recipe
from hpo.training.row_tensors import RowTensors, optional, specs, taken
from hpo.training.schedules import StepSchedules

__all__ = [
    "CAPACITY",
    "KEPT_BYTES",
    "Owner",
    "Program",
    "ProgramCache",
    "evaluation_batch",
    "programs",
]

_COUNT = tf.TensorSpec((), tf.int32)


class Owner(Protocol):
    """Whose weights a program holds."""

    state: list[Any] | None  # kept here while another owner's weights are in the program


class Program:
    """A model with its loop and its scoring, and the variables they work on.

    Data, schedules and seeds are arguments; weights, the optimizer's state and the numbers of what a recipe has on
    are copied in and out. With XLA (`jit`) shapes are fixed, so the data come filled up to whole batches.
    """

    def __init__(
        self, model: keras.Model, loop: CompiledLoop, *, data: RowTensors, metric: str | None, jit: bool
    ) -> None:
        """`data` are the training rows: their types, and with XLA their shapes, are compiled in.

        `metric` is None where it is no mean over rows: then there is nothing to `evaluate`.
        """
        self.model = model
        self._loop = loop
        self._jit = jit
        self._metric = None if metric is None else batch_metric(metric)
        self._owner: weakref.ref[Owner] | None = None
        types = specs(data._replace(weights=()))
        self.evaluate = compiled(self._evaluate, None if jit else [types, _COUNT], jit=jit)
        self.predict = compiled(self._predict, [types.x])

    def epoch(
        self,
        data: RowTensors,
        rows: int,
        span: tuple[int, int],
        schedules: StepSchedules,
        seed: tuple[int, int],
        before: Sums | None = None,  # of the epoch's steps before these; None: there are none
    ) -> Sums:
        """Train for some steps of an epoch; as the loop, of numbers and arrays."""
        arrays = StepSchedules(*(tf.constant(values) for values in schedules))
        so_far = (None,) * 3 if before is None else (before.loss, before.metric, before.counted)
        loss, metric, counted = (tf.constant(0.0) if one is None else one for one in so_far)
        sums = (loss, metric, counted)
        made: Sums = self._loop.epoch(data, tf.constant(rows), tf.constant(span), arrays, tf.constant(seed), sums)
        return made

    # Whose weights

    def fresh(self, recipe: Recipe, seed: int) -> list[Any]:
        """The state a run of `recipe` begins with: its weights, an unused optimizer, and `seed` for the rest."""
        return [*(v.value.read_value() for v in recipe.model.variables), *self._loop.fresh(recipe, seed)]

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

    def values(self, owner: Owner) -> list[NDArray[Any]]:
        """`owner`'s state, wherever it is; it stays there."""
        here = self._owner is not None and self._owner() is owner
        state = self._state() if here else owner.state or []
        return [value.numpy() if hasattr(value, "numpy") else np.asarray(value) for value in state]

    def fits(self, values: Sequence[NDArray[Any]]) -> bool:
        """Whether they could be a run's state; a single number stands for an array of it."""
        state = self._state()
        if len(values) != len(state):
            return False
        return all(
            value.dtype == variable.dtype.as_numpy_dtype and value.shape in ((), tuple(variable.shape))
            for value, variable in zip(values, state, strict=True)
        )

    def dismantle(self) -> None:
        """Take the compiled functions apart; the program is unusable afterwards."""
        self._loop.dismantle()
        for function in (self.evaluate, self.predict):
            dismantle(function)
        del self.evaluate, self.predict

    @property
    def nbytes(self) -> int:
        """Held by the variables: weights, the optimizer's state."""
        return sum(v.dtype.size * v.shape.num_elements() for v in self._state())

    def weights(self) -> list[Any]:
        """The model's variables as they are: trained weights, statistics, seeds."""
        return [variable.numpy() for variable in self._model_state()]

    def snapshot(self) -> list[Any]:
        """A copy of the model's variables, to be put back by `restore`."""
        return [variable.read_value() for variable in self._model_state()]

    def restore(self, snapshot: list[Any]) -> None:
        """Put the model's variables back; the optimizer's stay."""
        for variable, value in zip(self._model_state(), snapshot, strict=True):
            variable.assign(value)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the weights are the averages that training would end with, where the optimizer keeps averages."""
        raw = [(weight, weight.read_value()) for weight, _ in self._loop.averages]
        self.average()
        try:
            yield
        finally:
            for weight, value in raw:
                weight.assign(value)

    def average(self) -> None:
        """Let the weights be their averages from now on, as Keras does when a training ends."""
        for weight, average in self._loop.averages:
            weight.assign(average)

    def _model_state(self) -> list[Any]:
        return [variable.value for variable in self.model.variables]

    def _state(self) -> list[Any]:
        return [*self._model_state(), *self._loop.variables]

    # What is compiled

    def _evaluate(self, data: RowTensors, rows: Any) -> tuple[Any, Any, Any]:
        """Of the first `rows` rows: the sum of the metric, what it is a sum over, whether all outputs are finite."""
        metric, size = self._metric, evaluation_batch(data.x)
        assert metric is not None  # the run scores outputs of all rows itself

        def body(start: Any, total: Any, counted: Any, outputs_sum: Any) -> tuple[Any, ...]:
            stop = start + size if self._jit else tf.minimum(start + size, rows)
            index = tf.range(size) + start if self._jit else tf.range(start, stop)
            batch = taken(data, index)
            outputs = self.model(batch.x, training=False)
            there = tf.cast(index < rows, tf.float32) if self._jit else None
            score, of = metric(batch.y, outputs, product(optional(batch.counts), there))
            if outputs.dtype.is_floating:
                outputs_sum += tf.reduce_sum(tf.cast(outputs, tf.float32))
            return stop, total + score, counted + of, outputs_sum

        zero = tf.constant(0.0)
        with settled(self.model):
            _, total, counted, outputs_sum = tf.while_loop(
                lambda start, *_: start < rows, body, (tf.constant(0), zero, zero, zero), parallel_iterations=1
            )
        return total, counted, tf.math.is_finite(outputs_sum)

    def _predict(self, x: Any) -> Any:
        with settled(self.model):
            return self.model(x, training=False)


def evaluation_batch(x: Any) -> int:
    """How many rows of `x` one step of an evaluation takes.

    Few where a row is a picture, so that what the layers make of them stays in the processor's cache (a fifth faster
    than 128 on one core); many where a row is short and the steps themselves are what costs.
    """
    return 32 if math.prod(x.shape[1:]) > 256 else 128


CAPACITY = 4  # programs kept; k folds need one or two, a search comes back to the last few shapes
MOST = 16  # where living runs hold more: folds of a model that cannot share a program have one each
KEPT_BYTES = 128 << 20  # of variables in those no run holds; a large one trains far longer than it compiles


class ProgramCache:
    """Programs by signature. Of too many the least recently used one goes, of too many bytes the largest.

    What a living run trains with stays as long as it can: runs stepped in turn would compile it anew each time.
    """

    def __init__(self, capacity: int, kept_bytes: int = KEPT_BYTES) -> None:
        self._capacity = capacity
        self._kept_bytes = kept_bytes
        self._programs: OrderedDict[str, Program] = OrderedDict()

    def __len__(self) -> int:
        return len(self._programs)

    def get(self, key: str, make: Callable[[], "Program"]) -> tuple["Program", bool]:
        """The program of that signature and whether it had to be made, by `make`."""
        if key in self._programs:
            self._programs.move_to_end(key)
            return self._programs[key], False
        before = len(self._programs)
        while sum(self._programs[idle].nbytes for idle in self._idle()) > self._kept_bytes:
            self._drop(max(self._idle(), key=lambda idle: self._programs[idle].nbytes))
        while len(self._programs) >= self._capacity and self._idle():
            self._drop(self._idle()[0])
        while len(self._programs) >= MOST:
            self._drop(next(iter(self._programs)))
        if len(self._programs) < before:
            _free()
        program = make()
        self._programs[key] = program
        return program, True

    def discard(self, key: str) -> None:
        """Let the program of that signature go, if it is here: it could not be compiled."""
        if key in self._programs:
            self._drop(key)

    def clear(self) -> None:
        """Let every program go."""
        for key in list(self._programs):
            self._drop(key)
        _free()

    def _idle(self) -> list[str]:
        return [key for key, program in self._programs.items() if program.idle]

    def _drop(self, key: str) -> None:
        program = self._programs.pop(key)
        program.release()
        program.dismantle()


programs = ProgramCache(CAPACITY)


def _free() -> None:
    """Give back the memory of programs let go: TensorFlow, Python and the C library each hold on to some.

    Not `keras.backend.clear_session`: it also forgets what somebody has set, the dtype policy among it, and trainings
    to come would be others.
    """
    from hpo.training.keras_internals import clear_kernel_cache

    clear_kernel_cache()
    gc.collect()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):  # glibc
            libc.malloc_trim(0)
