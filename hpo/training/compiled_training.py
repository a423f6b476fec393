"""How a run is trained by the compiled loop: its program, shared with others of its shape, and its rows as tensors."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError, Diverged, Infeasible, UsageError
from hpo.study.own_metric import Metric
from hpo.training import preparing, updates
from hpo.training.checkpoint_file import UnusableError
from hpo.training.compiled_program import Program, evaluation_batch
from hpo.training.epoch_parts import EpochParts
from hpo.training.jit import fixed_shapes, pays
from hpo.training.keras_internals import all_layers
from hpo.training.loop import Sums
from hpo.training.miniature import FullTraining
from hpo.training.model_graph import finalize
from hpo.training.phases import Phase, freeze
from hpo.training.recipe import Recipe
from hpo.training.row_tensors import RowTensors, optional, tensor
from hpo.training.schedules import StepSchedules, drives_momentum
from hpo.training.scores import higher_is_better, is_mean_over_rows, score_of_all
from hpo.training.sharing import Sharing
from hpo.training.targets import refuse_unfit
from hpo.training.way import Midway

__all__ = ["CompiledTraining"]


class CompiledTraining:
    """As `hpo.training.way.Way` says.

    A model that cannot be made anew from its configuration is trained itself, compiled for this run alone.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Rows,
        validation: Rows | None,
        *,
        metric: Metric,
        weighted: bool,
        seed: int,
        jit: bool | None,
    ) -> None:
        """As `Run`; of one array of inputs and one of targets."""
        if jit and not fixed_shapes(recipe):
            raise DefinitionError("XLA needs batches of one size, and this model or loss mixes rows: leave jit to None")
        self._recipe = recipe
        self._metric = metric
        self._weighted = weighted
        self._seed = seed
        self._number = 0
        self._rows = len(train)
        self.steps: int = math.ceil(len(train) / recipe.batch_size)
        self._parts = EpochParts(self.steps)
        self._jit = pays(recipe) if jit is None else jit
        multiple = recipe.batch_size if self._jit else 1
        self._row = tensor(train.x[:1], 1)  # one, to ask the model with
        self._outputs = self._prepared(train.x)
        self._refuse_unfit(train)
        weights = preparing.row_weights(recipe, train, self._outputs[-1] if len(self._outputs) > 1 else None)
        self._data = RowTensors.of(train, multiple, weights=weights, counted=weighted)
        self._counted = metric if isinstance(metric, str) and is_mean_over_rows(metric) else None  # as sums of batches
        self._sharing = Sharing(recipe, self._data, metric=self._counted, jit=self._jit)
        self._validation = None if validation is None else self._evaluation(validation)
        self._validation_rows = 0 if validation is None else len(validation)
        self._trainable = [(layer, layer.trainable) for layer in all_layers(recipe.model, itself=False)]
        self._made: Sums | None = None  # of the epoch that has begun, what its steps so far came to
        self.state: list[Any] | None = None  # the variables' values while they are not in the program

    @property
    def halted(self) -> bool:
        """Never: nothing but the run itself ends it."""
        return False

    @property
    def higher(self) -> bool:
        """Whether a higher metric is better."""
        return higher_is_better(self._metric)

    @property
    def momentum(self) -> float | None:
        """The optimizer's own, where a schedule can say another one."""
        return updates.momentum(self._recipe.optimizer, self._recipe.model)

    def full_steps(self, full: FullTraining) -> int:
        """How many an epoch of the full training has."""
        assert full.rows is not None  # as arrays have
        return math.ceil(full.rows / self._recipe.batch_size)

    def begin(self, phase: Phase) -> None:
        """Have the program of a phase, and the state it begins with: the recipe's weights, an unused optimizer."""
        if self._number:
            program = self._acquired()
            program.average()
            self._hand_over(program.weights())
            program.release()
        if self._recipe.phases:
            freeze(self._recipe.model, phase.frozen, self._trainable)
        self._sharing.begin(self, (self._seed + self._number) % 2**31)
        self._sharing.program(self._warm, first=True)

    def epoch(
        self, number: int, schedules: StepSchedules | None, beat: Callable[[], object] | None
    ) -> tuple[float, float | None]:
        """Make the steps of an epoch, in one part where nobody wants to hear of more."""
        assert schedules is not None  # as the number of steps is known
        self._number = number
        program = self._acquired()
        seed = (self._seed % 2**31, number)
        sums, begun = self._made, 0 if self._made is None else int(self._made.steps)
        for span in self._parts.spans(begun) if beat is not None else ((begun, self.steps),):
            if beat is not None and sums is not None:
                beat()
            self._made = sums = program.epoch(self._data, self._rows, span, schedules, seed, sums)
            if not bool(sums.finite):
                raise Diverged(epoch=number, step=int(sums.steps))
            if not bool(sums.sound):
                raise Diverged(epoch=number, what="the weights")
        assert sums is not None  # there is a step
        self._made = None
        return float(sums.loss) / self._rows, None if sums.counted is None else _mean(sums.metric, sums.counted)

    # Scores and outputs

    def score_validation(self) -> float | None:
        """The metric on the validation rows; None without."""
        return None if self._validation is None else self._score(self._validation, self._validation_rows)

    def score_train(self) -> float:
        """The metric on the rows it is trained on."""
        return self._score(self._data._replace(weights=()), self._rows)

    def score(self, data: Rows) -> float:
        """The metric on other rows."""
        return self._score(self._evaluation(data), len(data))

    def predict(self, x: Any) -> NDArray[np.float32]:
        """The outputs, (rows, ...), of inputs as the data set stores them."""
        x = np.asarray(x, dtype=self._data.x.dtype.as_numpy_dtype)
        program, size = self._acquired(), 8 * evaluation_batch(self._data.x)
        return np.concatenate([program.predict(tf.constant(x[i : i + size])).numpy() for i in range(0, len(x), size)])

    # Weights

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the weights are the averages that training would end with, where there are averages."""
        with self._acquired().averaged():
            yield

    def average(self) -> None:
        """Let the weights be their averages from now on."""
        self._acquired().average()

    def snapshot(self) -> list[Any]:
        """A copy of the model's variables."""
        return self._acquired().snapshot()

    def restore(self, snapshot: list[Any]) -> None:
        """Put the model's variables back."""
        self._acquired().restore(snapshot)

    def model(self) -> keras.Model:
        """The recipe's model with the weights as they are."""
        program = self._acquired()
        if program.model is not self._recipe.model:
            self._hand_over(program.weights())
        finalize(self._recipe.model)
        return self._recipe.model

    def end(self) -> None:
        """The training is over; nothing is to be done."""

    # Checkpoints

    @property
    def unkept(self) -> None:
        """Nothing stands in the way of a checkpoint: a compiled step depends on variables, schedules and seeds."""
        return

    @property
    def divisible(self) -> bool:
        """Always, between two parts of an epoch."""
        return True

    @property
    def midway(self) -> Midway | None:
        """Where it stands within an epoch that has begun; None: between two."""
        made = self._made
        if made is None:
            return None
        metric, counted = (None if one is None else float(one) for one in (made.metric, made.counted))
        return Midway(step=int(made.steps), loss=float(made.loss), metric=metric, counted=counted)

    def values(self) -> list[NDArray[Any]]:
        """The model's variables, and what the loop keeps."""
        return self._program().values(self)

    def resume(self, values: list[NDArray[Any]], epochs: int, midway: Midway | None) -> None:
        """Go on from there."""
        program = self._program()
        if not program.fits(values):
            raise UnusableError("its numbers are of another model")
        program.release()
        self.state, self._number, self._made = list(values), epochs, None
        if midway is not None:
            metric, counted = (None if one is None else np.float32(one) for one in (midway.metric, midway.counted))
            self._made = Sums(np.float32(midway.loss), metric, counted, midway.step, True, True)

    def _prepared(self, x: NDArray[np.generic]) -> tuple[int | None, ...]:
        """The shape of what the model gives."""
        recipe = self._recipe
        shape = preparing.prepare(recipe, x)
        if not isinstance(shape, tuple) or not all(size is None or isinstance(size, int) for size in shape):
            raise DefinitionError(
                f"the model gives a {type(shape).__name__} of outputs, and y is one array: let it give one tensor, or "
                "give y as it gives them"
            )
        if drives_momentum(recipe.schedule) and not updates.fused(recipe.optimizer, recipe.model):
            raise DefinitionError(
                f"the schedule cycles momentum, and {type(recipe.optimizer).__name__} as it is configured cannot "
                "follow: give the schedule momentum=None, or another optimizer"
            )
        return shape

    def _hand_over(self, weights: list[Any]) -> None:
        """Give the recipe's model these weights."""
        for variable, value in zip(self._recipe.model.variables, weights, strict=True):
            variable.assign(value)

    def _acquired(self) -> Program:
        program = self._program()
        program.acquire(self)
        return program

    def _program(self) -> Program:
        """The program of this run's shape; compiled anew where it has been let go in the meantime."""
        return self._sharing.program(self._warm)

    def _warm(self, program: Program) -> None:
        """Compile whatever is not compiled yet, by running no steps on no rows; weights stay as they are."""
        nothing = StepSchedules(*(np.zeros(self.steps, dtype) for dtype in (np.float32, np.float64, np.float32)))
        program.epoch(self._data, 0, (0, 0), nothing, (0, 0))
        if self._validation is not None and self._counted is not None:
            program.evaluate(self._validation, tf.constant(0))

    def _evaluation(self, rows: Rows) -> RowTensors:
        if not len(rows):
            raise UsageError("there are 0 rows to score on: give at least one")
        self._refuse_unfit(rows)
        multiple = evaluation_batch(self._data.x) if self._jit else 1
        return RowTensors.of(rows, multiple, like=self._data, counted=self._weighted)

    def _refuse_unfit(self, rows: Rows) -> None:
        preparing.refuse_unweighted(rows, weighted=self._weighted)
        try:
            refuse_unfit(self._recipe.loss, self._metric, rows.y, self._outputs)
        except Infeasible:  # or Keras foretold the shape of some layer wrong, as that of TextVectorization
            self._outputs = preparing.seen_shape(self._recipe.model, self._row)
            refuse_unfit(self._recipe.loss, self._metric, rows.y, self._outputs)

    def _score(self, data: RowTensors, rows: int) -> float:
        if self._counted is not None:
            total, counted, finite = self._acquired().evaluate(data, tf.constant(rows))
            score = _mean(total, counted)
        else:
            outputs = self.predict(data.x[:rows])
            finite = np.isfinite(outputs).all()
            counts = optional(data.counts)
            counts = counts if counts is None else counts[:rows].numpy()
            score = score_of_all(self._metric, data.y[:rows].numpy(), outputs, counts) if finite else math.nan
        if not bool(finite) or not math.isfinite(score):
            raise Diverged(epoch=self._number, what="the scores" if bool(finite) else "the outputs")
        return score


def _mean(total: Any, counted: Any) -> float:
    """The quotient; NaN where nothing was counted, all of it being masked."""
    return float(total) / float(counted) if counted else math.nan
