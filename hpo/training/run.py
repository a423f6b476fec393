"""One training: a recipe, its rows, and as many epochs as asked for."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import Diverged, Infeasible, UsageError
from hpo.study.checked_records import AnyFloat, NotNegative, Whole, check
from hpo.study.own_metric import Metric
from hpo.training import preparing
from hpo.training.early_stopping import Monitor, Score
from hpo.training.epoch_parts import EpochParts
from hpo.training.jit import pays
from hpo.training.keras_internals import all_layers
from hpo.training.loop import Sums
from hpo.training.miniature import FullTraining
from hpo.training.model_graph import finalize
from hpo.training.phases import Phase, freeze, spans
from hpo.training.program import Program, evaluation_batch
from hpo.training.recipe import Recipe
from hpo.training.row_tensors import RowTensors, optional, tensor
from hpo.training.runtime import exclusive
from hpo.training.schedules import Constant
from hpo.training.scores import higher_is_better, is_mean_over_rows, score, score_of_all
from hpo.training.sharing import Sharing
from hpo.training.targets import refuse_unfit

__all__ = ["Epoch", "Run", "fit"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    number: Whole  # from 1
    loss: AnyFloat  # what was minimised, penalties included: mean over the epoch's rows, as seen while training
    train: AnyFloat  # the metric, mean over the epoch's rows, as seen while training
    validation: AnyFloat | None  # the metric after the epoch on all validation rows, or on those held out; None without
    seconds: NotNegative  # of this epoch, its validation included

    def __post_init__(self) -> None:
        check(self)


class Run:
    """One training, an epoch at a time; several may be stepped in turn.

    A model with a training step of its own is trained by Keras, a batch at a time, several times slower; a model that
    cannot be made anew from its configuration is trained itself, compiled for this run alone. Both say so.

    Args:
        recipe: what to train; its model gives the initial weights and is not changed before `model()`, but
            for the layers that phases freeze and the weights they begin with.
        train: rows to train on; Normalization layers are adapted on these and no others.
        validation: rows to score after every epoch, or None; with None and a recipe that watches scores, `Recipe.watch`
            says which share of the training rows takes their place.
        epochs: how many epochs the learning-rate schedule is laid out for, the most that are trained.
        metric: accuracy, the name of a Keras metric such as mae, or one's own. One that is no mean over rows, such as
            AUC, is computed from the outputs of all rows, of those trained on after each epoch too.
        weighted: whether rows count in the metric by their sample weights; never by those of their classes.
        seed: of the order of the rows.
        jit: whether XLA compiles; None decides by `hpo.training.jit.pays`.
        full: the training that this one is a miniature of: its schedule is resampled to the steps there are, patience
            and phases are in proportion. None: it is none.

    Raises:
        UsageError: no rows, no epochs, a batch size below 1.
        DefinitionError: the metric or the loss is unknown, the optimizer brings a schedule of its own or cannot follow
            the momentum of the recipe's, `jit` is asked for a model that needs batches of varying size, or the model
            asks for something that neither the compiled loop nor Keras's own step can do.
        Infeasible: the targets are none that the loss, the metric and the model's outputs go together with.

    """

    @exclusive
    def __init__(
        self,
        recipe: Recipe,
        train: Rows,
        validation: Rows | None = None,
        *,
        epochs: int,
        metric: Metric,
        weighted: bool = False,
        seed: int,
        jit: bool | None = None,
        full: FullTraining | None = None,
    ) -> None:
        preparing.check(recipe, train, epochs, jit)
        start = time.perf_counter()
        full = full or FullTraining(epochs=epochs, rows=len(train))
        full_rows = full.rows if validation is not None else full.rows - preparing.held_out(recipe, full.rows)
        train, validation = preparing.watched(recipe, train, validation, seed)
        self._recipe = recipe
        self._metric = metric
        self._weighted = weighted
        self._seed = seed
        self._epochs = epochs
        self._number = 0
        self._ended = False  # whether the weights are those it ends with
        self._rows = len(train)
        self._steps = math.ceil(len(train) / recipe.batch_size)
        self._parts = EpochParts(self._steps)
        self._phases = spans(recipe.phases or (Phase(),), epochs, full.epochs)
        share = epochs / full.epochs
        self._schedule = (recipe.schedule or Constant()).miniature(share)
        self._monitor = Monitor(recipe.stopping and recipe.stopping.miniature(share), self._schedule.reaction())
        self._outcome: Epoch | None = None
        self._jit = pays(recipe) if jit is None else jit
        multiple = recipe.batch_size if self._jit else 1
        self._row = tensor(train.x[:1], 1)  # one, to ask the model with
        self._outputs = preparing.prepare(recipe, train.x, self._row)  # their shape
        self._refuse_unfit(train)
        weights = preparing.row_weights(recipe, train, self._outputs[-1] if len(self._outputs) > 1 else None)
        self._data = RowTensors.of(train, multiple, weights=weights, counted=weighted)
        self._counted = metric if isinstance(metric, str) and is_mean_over_rows(metric) else None  # as sums of batches
        self._sharing = Sharing(recipe, self._data, metric=self._counted, jit=self._jit)
        self._schedules = preparing.step_schedules(
            recipe, self._phases, self._steps, math.ceil(full_rows / recipe.batch_size)
        )
        self._validation = None if validation is None else self._evaluation(validation)
        self._validation_rows = 0 if validation is None else len(validation)
        self._trainable = [(layer, layer.trainable) for layer in all_layers(recipe.model, itself=False)]
        self.state: list[Any] | None = None  # the variables' values while they are not in the program
        self._begin(self._phases[0].phase)
        self._higher = higher_is_better(metric)
        self.compile_seconds = time.perf_counter() - start  # build and compile; near 0 where a program was reused
        self.fit_seconds = 0.0  # training and validation so far

    @property
    def epochs_done(self) -> int:
        """Epochs trained so far."""
        return self._number

    @property
    def metric(self) -> str:
        """Name of what it is scored by."""
        return self._metric if isinstance(self._metric, str) else self._metric.name

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended the run: no further epoch is trained."""
        return self._monitor.over

    @property
    def outcome(self) -> Epoch | None:
        """The epoch whose weights the run has at its end, were the latest epoch its last; None before the first.

        The best so far where early stopping restores it, as the run does with its last epoch; else the latest.
        """
        return self._outcome

    @exclusive
    def epoch(self, beat: Callable[[], object] | None = None) -> Epoch:
        """Train one epoch and score it.

        Args:
            beat: a sign of life, called after each tenth of an epoch that takes long; may raise to stop.

        Raises:
            Diverged: the loss, a weight after the epoch, an output or a score was not finite; the run is over.
            UsageError: all `epochs` have been trained, or early stopping has ended the run.

        """
        if self.stopped:
            raise UsageError(
                f"epoch {self._number + 1} cannot be trained: early stopping ended the run after {self._number}"
            )
        if self._number >= self._epochs:
            raise UsageError(f"epoch {self._number + 1} is beyond the {self._epochs} this run was laid out for")
        self._next_phase()
        start = time.perf_counter()
        program = self._acquired()
        self._number += 1
        sums = self._trained(program, beat)
        with self._final(program):
            value = None
            if self._validation is not None:
                value = self._score(program, self._validation, self._validation_rows)
            train = None if sums.counted is None else _mean(sums.metric, sums.counted)
            if train is None:
                train = self._score(program, self._data._replace(weights=()), self._rows)
            result = Epoch(
                number=self._number,
                loss=float(sums.loss) / self._rows,
                train=train,
                validation=value,
                seconds=time.perf_counter() - start,
            )
            self.fit_seconds += result.seconds
            if not all(math.isfinite(value) for value in (result.loss, result.train, value or 0.0)):
                raise Diverged(epoch=self._number, what="the scores")
            self._watch(result, program)
        if self.stopped or self._number == self._epochs:
            self._end(program)
        return result

    @exclusive
    def evaluate(self, rows: Rows) -> float:
        """The metric on `rows`, all of them, with the weights as they are.

        Raises:
            Diverged: outputs, or the metric, are not finite.
            Infeasible: the targets are none for the loss or the metric.

        """
        program = self._acquired()
        with self._final(program):
            return self._score(program, self._evaluation(rows), len(rows))

    def judged(self, outputs: NDArray[np.generic], rows: Rows) -> float:
        """The metric, as this run counts it, of the `outputs`, (rows, ...), that another model gives for `rows`."""
        return score(self._metric, rows.y, outputs, rows.sample_weight if self._weighted else None)

    @exclusive
    def predict(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """The outputs, of shape (rows, outputs), for inputs `x` of shape (rows, ...), as the data set stores them."""
        program = self._acquired()
        with self._final(program):
            return self._outputs_of(program, np.asarray(x, dtype=self._data.x.dtype.as_numpy_dtype))

    @exclusive
    def model(self) -> keras.Model:
        """The recipe's model with the weights as they are, ready to predict or to be saved."""
        program = self._acquired()
        if program.model is not self._recipe.model:
            with self._final(program):
                self._hand_over(program.weights())
        finalize(self._recipe.model)
        return self._recipe.model

    def _trained(self, program: Program, beat: Callable[[], object] | None) -> Sums:
        """Make the steps of the epoch, in one part where nobody wants to hear of more. Raises Diverged."""
        last = self._number * self._steps
        schedules = self._schedules.steps(slice(last - self._steps, last))
        seed = (self._seed % 2**31, self._number)
        sums: Sums | None = None
        for span in self._parts.spans() if beat is not None else ((0, self._steps),):
            if beat is not None and sums is not None:
                beat()
            sums = program.epoch(self._data, self._rows, span, schedules, seed, sums)
            if not bool(sums.finite):
                raise Diverged(epoch=self._number, step=int(sums.steps))
            if not bool(sums.sound):
                raise Diverged(epoch=self._number, what="the weights")
        assert sums is not None  # there is a step
        return sums

    def _outputs_of(self, program: Program, x: Any) -> NDArray[np.float32]:
        """The outputs for inputs of shape (rows, ...), with the weights that are in the program."""
        size = 8 * evaluation_batch(self._data.x)
        return np.concatenate([program.predict(tf.constant(x[i : i + size])).numpy() for i in range(0, len(x), size)])

    def _watch(self, epoch: Epoch, program: Program) -> None:
        """Draw the consequences of an epoch: the rates left of its phase, the run's end, its weights then."""
        watched = Score(value=epoch.loss, higher=False)
        if epoch.validation is not None:
            watched = Score(value=epoch.validation, higher=self._higher)
        if self._monitor.keeps(watched, program):
            self._outcome = epoch
        last, end = self._number * self._steps, self._phase_end() * self._steps
        rates = self._schedules.rate
        factor = self._monitor.factor(watched, float(rates[last - 1]))
        rates[last:end] = rates[last:end].astype(np.float64) * factor

    def _end(self, program: Program) -> None:
        """Give the run the weights it ends with: those of its best epoch, or the average of the last ones."""
        program.average()
        self._monitor.end(program)
        self._ended = True

    @contextmanager
    def _final(self, program: Program) -> Iterator[None]:
        """Within it the program has the weights that the run would end with, were it over: averages, where there are.

        Of these is told what a run came to, since these are handed over.
        """
        if self._ended:
            yield
            return
        with program.averaged():
            yield

    def _phase_end(self) -> int:
        """Epochs done when the phase of the latest epoch is over."""
        return next(end for span in self._phases if self._number <= (end := span.first + span.epochs))

    def _next_phase(self) -> None:
        """Begin the phase whose first epoch is the next one, if there is one; the weights go with it."""
        for span in self._phases[1:]:
            if span.first == self._number:
                start = time.perf_counter()
                program = self._acquired()
                program.average()
                self._hand_over(program.weights())
                program.release()
                self._begin(span.phase)
                self._monitor.reaction = self._schedule.reaction()
                self.compile_seconds += time.perf_counter() - start

    def _begin(self, phase: Phase) -> None:
        """Have the program of a phase, and the state it begins with: the recipe's weights, an unused optimizer."""
        if self._recipe.phases:
            freeze(self._recipe.model, phase.frozen, self._trainable)
        self._sharing.begin(self, (self._seed + self._number) % 2**31)
        self._sharing.program(self._warm, first=True)

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
        program.epoch(self._data, 0, (0, 0), self._schedules.steps(slice(self._steps)), (0, 0))
        if self._validation is not None and self._counted is not None:
            program.evaluate(self._validation, tf.constant(0))

    def _evaluation(self, rows: Rows) -> RowTensors:
        if not len(rows):
            raise UsageError("there are 0 rows to score on: give at least one")
        self._refuse_unfit(rows)
        multiple = evaluation_batch(self._data.x) if self._jit else 1
        return RowTensors.of(rows, multiple, like=self._data, counted=self._weighted)

    def _refuse_unfit(self, rows: Rows) -> None:
        if self._weighted and (rows.sample_weight is None or not rows.sample_weight.any()):
            raise UsageError("the metric is weighted, and rows to score on have no sample_weight above 0")
        try:
            refuse_unfit(self._recipe.loss, self._metric, rows.y, self._outputs)
        except Infeasible:  # or Keras foretold the shape of some layer wrong, as that of TextVectorization
            self._outputs = preparing.seen_shape(self._recipe.model, self._row)
            refuse_unfit(self._recipe.loss, self._metric, rows.y, self._outputs)

    def _score(self, program: Program, data: RowTensors, rows: int) -> float:
        if self._counted is not None:
            total, counted, finite = program.evaluate(data, tf.constant(rows))
            value = _mean(total, counted)
        else:
            outputs = self._outputs_of(program, data.x[:rows])
            finite = np.isfinite(outputs).all()
            counts = optional(data.counts)
            counts = counts if counts is None else counts[:rows].numpy()
            value = score_of_all(self._metric, data.y[:rows].numpy(), outputs, counts) if finite else math.nan
        if not bool(finite) or not math.isfinite(value):
            raise Diverged(epoch=self._number, what="the scores" if bool(finite) else "the outputs")
        return value


def fit(
    recipe: Recipe,
    train: Rows,
    validation: Rows | None = None,
    *,
    epochs: int,
    metric: Metric,
    weighted: bool = False,
    seed: int,
    on_run: Callable[[Run], object] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
    beat: Callable[[], object] | None = None,
    jit: bool | None = None,
    full: FullTraining | None = None,
) -> Run:
    """Train one run to its last epoch, or to where early stopping ends it.

    Args:
        recipe: what to train.
        train: rows to train on.
        validation: rows to score after every epoch, or None.
        epochs: how many epochs are trained at the most.
        metric: accuracy, the name of a Keras metric such as mae, or one's own. One that is no mean over rows, such as
            AUC, is computed from the outputs of all rows, of those trained on after each epoch too.
        weighted: whether rows count in the metric by their sample weights; never by those of their classes.
        seed: of the order of the rows.
        on_run: called with the run before its first epoch; may raise to stop.
        on_epoch: called with what each epoch came to; may raise to stop.
        beat: a sign of life, called after each tenth of an epoch that takes long; may raise to stop.
        jit: whether XLA compiles; None decides by what pays.
        full: the longer training that this one is a miniature of, as `Run` says; None: it is none.

    Returns:
        The run at its end: `run.outcome` has its figures, `run.model()` the trained model.

    Raises:
        UsageError: no rows, no epochs, a batch size below 1.
        DefinitionError: the recipe asks for what cannot be trained, as `Run` says.
        Infeasible: the targets do not go with the loss, the metric and the model's outputs.
        Diverged: the loss, a weight, an output or a score was not finite.

    """
    run = Run(recipe, train, validation, epochs=epochs, metric=metric, weighted=weighted, seed=seed, jit=jit, full=full)
    if on_run is not None:
        on_run(run)
    for _ in range(epochs):
        epoch = run.epoch(beat)
        if on_epoch is not None:
            on_epoch(epoch)
        if run.stopped:
            break
    return run


def _mean(total: Any, counted: Any) -> float:
    """The quotient; NaN where nothing was counted, all of it being masked."""
    return float(total) / float(counted) if counted else math.nan
