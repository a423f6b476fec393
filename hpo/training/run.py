"""One training: a recipe, its data, and as many epochs as asked for."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows, Stream
from hpo.data.structures import Arrays
from hpo.errors import Diverged, HpoWarning, UsageError
from hpo.study.own_metric import Metric
from hpo.training import preparing, route
from hpo.training.checkpoint_file import UnusableError
from hpo.training.checkpoints import Checkpoints
from hpo.training.early_stopping import Monitor, Score, Weights
from hpo.training.miniature import FullTraining
from hpo.training.moving_averages import MovingAverages
from hpo.training.phases import Phase, spans
from hpo.training.recipe import Recipe
from hpo.training.resuming import KnownWeights, Told
from hpo.training.runtime import exclusive
from hpo.training.schedules import Constant, StepSchedules
from hpo.training.way import Epoch, Midway, Way

__all__ = ["Epoch", "Run", "Way", "fit"]


class Run:
    """One training, an epoch at a time; several may be stepped in turn.

    Which way it is trained is decided at its beginning: by the compiled loop, or, with a note that says why, by Keras's
    own fit (`hpo.training.route`). A model that cannot be made anew from its configuration is compiled for this run
    alone, which is said as well.

    Args:
        recipe: what to train; its model gives the initial weights and is not changed before `model()`, but
            for the layers that phases freeze and the weights they begin with. Keras's fit trains the model itself.
        train: what to train on; Normalization layers are adapted on these rows and no others.
        validation: what to score after every epoch, or None; with None and a recipe that watches scores,
            `Recipe.watch` says which share of the training rows takes their place, and `hold_out` which rows these are.
        epochs: how many epochs the learning-rate schedule is laid out for, the most that are trained.
        metric: accuracy, the name of a Keras metric such as mae, or one's own; of a model with several outputs that of
            one of them, as in digit_accuracy. One that is no mean over rows, such as AUC, is computed from the outputs
            of all rows, of those trained on after each epoch too.
        weighted: whether rows count in the metric by their sample weights; never by those of their classes.
        seed: of the order of the rows.
        jit: whether XLA compiles the loop; None decides by `hpo.training.jit.pays`.
        full: the training that this one is a miniature of: its schedule is resampled to the steps there are, patience
            and phases are in proportion. None: it is none.
        hold_out: (rows, number, seed) -> row numbers to train on, and of about `number` rows that are watched where
            there are no validation rows; None: whole groups where the rows have groups, else any, drawn by the seed.
        checkpoints: from which it goes on, if there is one of it, and in which it leaves how far it is. What is known
            of earlier epochs is told again by `epoch`, which trains none of them.

    Raises:
        UsageError: no rows, no epochs, a batch size below 1, too few rows or groups to hold any out.
        DefinitionError: the metric or the loss is unknown, the optimizer brings a schedule of its own or cannot follow
            the momentum of the recipe's, `jit` is asked for a model that needs batches of varying size, or the recipe
            asks for something that neither the compiled loop nor Keras's own fit can do.
        Infeasible: the targets are none that the loss, the metric and the model's outputs go together with.

    """

    @exclusive
    def __init__(
        self,
        recipe: Recipe,
        train: Rows | Stream,
        validation: Rows | Stream | None = None,
        *,
        epochs: int,
        metric: Metric,
        weighted: bool = False,
        seed: int,
        jit: bool | None = None,
        full: FullTraining | None = None,
        hold_out: preparing.HoldOut | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        preparing.check(recipe, train, epochs)
        start = time.perf_counter()
        full = full or _full(train, epochs)
        given = train
        train, validation = preparing.watched(recipe, given, validation, seed, hold_out)
        if isinstance(given, Rows) and isinstance(train, Rows) and full.rows is not None:
            full = replace(full, rows=max(round(full.rows * len(train) / len(given)), 1))
        self._metric = metric
        self._weighted = weighted
        self._epochs = epochs
        self._number = 0
        self._history: list[Epoch] = []  # those that are made, the known ones that are still to be told among them
        self._past: Weights = KnownWeights(None)  # while these are told
        self._before = 0.0  # seconds that the epoch has taken which a checkpoint has the beginning of
        self.resumed = 0  # epochs that the checkpoint it went on from knew, and that were not trained again
        self.notes: dict[str, Any] = {}  # what else is to be known where it goes on, as JSON knows it
        self._ended = False  # whether the weights are those it ends with
        self._phases = spans(recipe.phases or (Phase(),), epochs, full.epochs)
        share = epochs / full.epochs
        self._schedule = (recipe.schedule or Constant()).miniature(share)
        self._monitor = Monitor(recipe.stopping and recipe.stopping.miniature(share), self._schedule.reaction())
        self._outcome: Epoch | None = None
        self.why_fit = route.why_fit(recipe, train)  # why Keras's fit trains it, in words; None: the compiled loop does
        if self.why_fit is not None:
            warnings.warn(route.note(self.why_fit), HpoWarning, stacklevel=3)
        self._averages = MovingAverages(recipe.model, share * _share_of_epoch(train, full))
        self._way = self._begun(recipe, train, validation, seed, jit)
        self._steps = self._way.steps
        self._schedules: StepSchedules | None = None
        if self._steps is not None:
            self._schedules = preparing.step_schedules(
                recipe, self._phases, self._steps, self._way.full_steps(full), self._way.momentum
            )
        self._span = 0  # the phase, from 0
        self._way.begin(self._phases[0].phase)
        self._checkpoints = checkpoints
        self._told: Told | None = None  # what tells it from other runs, where that is asked
        if checkpoints is not None:
            self._told = Told(rows=(train, validation), seed=seed, jit=jit, schedules=self._schedules)
            checkpoints.attach(self)
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
        """Whether early stopping, the recipe's or a callback's, has ended the run: no further epoch is trained."""
        return self._monitor.over or (self._way.halted and self._number >= len(self._history))

    @property
    def outcome(self) -> Epoch | None:
        """The epoch whose weights the run has at its end, were the latest epoch its last; None before the first.

        The best so far where early stopping restores it, as the run does with its last epoch; else the latest.
        """
        return self._outcome

    @exclusive
    def epoch(self, beat: Callable[[], object] | None = None, *, scored: bool = True) -> Epoch:
        """Train one epoch and score it.

        Args:
            beat: a sign of life, called after each tenth of an epoch that takes long; may raise to stop.
            scored: whether to score the validation rows after it. They are all the same after the last epoch and where
                early stopping or the schedule goes by their scores.

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
        self._number += 1
        if self._number <= len(self._history):
            return self._again(self._history[self._number - 1])
        result = self._trained(beat, scored)
        if self.stopped or self._number == self._epochs:
            self._end()
        self._history.append(result)
        if self._checkpoints is not None:
            self._checkpoints.moment()
        return result

    def _trained(self, beat: Callable[[], object] | None, scored: bool) -> Epoch:
        start = time.perf_counter() - self._before
        loss, train = self._way.epoch(self._number, self._steps_of_epoch(), self._beating(beat, start))
        with self._final():
            last = self._number == self._epochs or self._way.halted
            score = self._way.score_validation() if scored or last or self._monitor.heeds else None
            result = Epoch(
                number=self._number,
                loss=loss,
                train=self._way.score_train() if train is None else train,
                validation=score,
                seconds=time.perf_counter() - start,
            )
            self._before = 0.0
            self.fit_seconds += result.seconds
            if not all(math.isfinite(value) for value in (result.loss, result.train, score or 0.0)):
                raise Diverged(epoch=self._number, what="the scores")
            self._watch(result, self._way)
        return result

    def _again(self, known: Epoch) -> Epoch:
        """An epoch that a checkpoint knows, with all that follows from it."""
        self.fit_seconds += known.seconds
        self._watch(known, self._past)
        self._ended = self.stopped or self._number == self._epochs  # the weights are those of the end, then
        return known

    def _beating(self, beat: Callable[[], object] | None, start: float) -> Callable[[], object] | None:
        """What is called between the parts of an epoch that began at `start`."""
        checkpoints = self._checkpoints
        if checkpoints is None or not self._way.divisible:
            return beat

        def both() -> None:
            if beat is not None:
                beat()
            self._before = time.perf_counter() - start
            checkpoints.moment()

        return both

    @exclusive
    def evaluate(self, data: Rows | Stream) -> float:
        """The metric on all of `data`, with the weights as they are.

        Raises:
            Diverged: outputs, or the metric, are not finite.
            Infeasible: the targets are none for the loss or the metric.

        """
        with self._final():
            return self._way.score(data)

    def judged(self, outputs: NDArray[np.generic], rows: Rows) -> float:
        """The metric, as this run counts it, of the `outputs`, (rows, ...), that another model gives for `rows`."""
        from hpo.training.batch_scores import score

        return score(self._metric, rows.y, outputs, rows.sample_weight if self._weighted else None)

    @exclusive
    def predict(self, x: Arrays) -> Any:
        """The outputs, of shape (rows, outputs), for inputs `x` of shape (rows, ...), as the data set stores them.

        Of a model with several outputs, these in the structure it gives them in.
        """
        with self._final():
            return self._way.predict(x)

    @exclusive
    def model(self) -> keras.Model:
        """The recipe's model with the weights as they are, ready to predict or to be saved."""
        with self._final():
            return self._way.model()

    def _begun(
        self, recipe: Recipe, train: Rows | Stream, validation: Rows | Stream | None, seed: int, jit: bool | None
    ) -> Way:
        if self.why_fit is None:
            from hpo.training.compiled_training import CompiledTraining

            assert isinstance(train, Rows)
            assert not isinstance(validation, Stream)
            return CompiledTraining(
                recipe, train, validation, metric=self._metric, weighted=self._weighted, seed=seed, jit=jit
            )
        from hpo.training.fit_training import FitTraining

        return FitTraining(
            recipe, train, validation, epochs=self._epochs, metric=self._metric, weighted=self._weighted, seed=seed
        )

    def _steps_of_epoch(self) -> StepSchedules | None:
        """The schedules of the latest epoch's steps."""
        if self._schedules is None or self._steps is None:
            return None
        last = self._number * self._steps
        return self._schedules.steps(slice(last - self._steps, last))

    def _watch(self, epoch: Epoch, weights: Weights) -> None:
        """Draw the consequences of an epoch: the rates left of its phase, the run's end, its weights then.

        `weights` are those after it.
        """
        score = Score(value=epoch.loss, higher=False)
        if epoch.validation is not None:
            score = Score(value=epoch.validation, higher=self._way.higher)
        if self._monitor.keeps(score, weights):
            self._outcome = epoch
        if self._schedules is None or self._steps is None:
            return
        last, end = self._number * self._steps, self._phase_end() * self._steps
        rates = self._schedules.rate
        factor = self._monitor.factor(score, float(rates[last - 1]))
        rates[last:end] = rates[last:end].astype(np.float64) * factor

    def _end(self) -> None:
        """Give the run the weights it ends with: those of its best epoch, or the average of the last ones."""
        self._way.average()
        self._monitor.end(self._way)
        self._way.end()
        self._averages.restore()
        self._ended = True

    @contextmanager
    def _final(self) -> Iterator[None]:
        """Within it the run has the weights that it would end with, were it over: averages, where there are.

        Of these is told what a run came to, since these are handed over.
        """
        if self._number < len(self._history) or (self._number == len(self._history) and self._way.midway is not None):
            raise UsageError(
                f"the weights after epoch {self._number} are not at hand: the training went on from a checkpoint that "
                "was made later; ask once an epoch has been trained"
            )
        if self._ended:
            yield
            return
        with self._way.averaged():
            yield

    def _phase_end(self) -> int:
        """Epochs done when the phase of the latest epoch is over."""
        return next(end for span in self._phases if self._number <= (end := span.first + span.epochs))

    def _next_phase(self) -> None:
        """Begin the phase whose first epoch is the next one, if there is one; the weights go with it."""
        for number, span in enumerate(self._phases[1:], start=1):
            if span.first == self._number:
                start = time.perf_counter()
                if number > self._span:  # and not by the checkpoint it goes on from
                    self._span = number
                    self._way.begin(span.phase)
                self._monitor.reaction = self._schedule.reaction()
                self.compile_seconds += time.perf_counter() - start

    # Checkpoints

    @property
    def unkept(self) -> str | None:
        """Why there can be no checkpoint of it, in words; None: there can."""
        return self._way.unkept

    @property
    def position(self) -> tuple[int, int]:
        """Epochs made, those still to be told among them, and steps of the one that has begun."""
        midway = self._way.midway
        return len(self._history), 0 if midway is None else midway.step

    def identity(self) -> Mapping[str, Any]:
        """What tells it from another training: data, schedules, seed and lengths; not what its model is."""
        assert self._told is not None  # as it has checkpoints
        return {**self._told.document, "epochs": self._epochs, "metric": self.metric, "weighted": self._weighted}

    def progress(self) -> tuple[Mapping[str, Any], Sequence[NDArray[Any]]]:
        """The epochs made and where it stands within the next one; its numbers, and those of its best epoch."""
        midway = self._way.midway
        values, best = self._way.values(), self._monitor.best
        told = {
            "history": [asdict(epoch) for epoch in self._history],
            "midway": None if midway is None else asdict(midway),
            "before": self._before,
            "values": len(values),
            "best": best is not None,
            "notes": self.notes,
        }
        return told, [*values, *(np.asarray(one) for one in best or ())]

    def resume(self, progress: Mapping[str, Any], values: list[NDArray[Any]]) -> None:
        """Go on from there; `epoch` tells the epochs made first.

        Args:
            progress: as `progress` gave it.
            values: likewise.

        Raises:
            UnusableError: they are of another model, or of a longer training; it begins anew.

        """
        history = [Epoch(**epoch) for epoch in progress["history"]]
        midway = None if progress["midway"] is None else Midway(**progress["midway"])
        if len(history) > self._epochs or (midway is not None and midway.step >= (self._steps or 0)):
            raise UnusableError("it is of a longer training")
        latest = max(len(history) + (midway is not None), 1)  # the number of the epoch it stands in, or after
        phase = max(number for number, span in enumerate(self._phases) if span.first < latest)
        if phase:
            self._way.begin(self._phases[phase].phase)
        try:
            self._way.resume(values[: progress["values"]], len(history), midway)
        except UnusableError:
            if phase:
                self._way.begin(self._phases[0].phase)
            raise
        self._span, self._history, self.resumed = phase, history, len(history)
        self._before = float(progress["before"])
        self._past = KnownWeights(values[progress["values"] :] if progress["best"] else None)
        self.notes = dict(progress["notes"])


def fit(
    recipe: Recipe,
    train: Rows | Stream,
    validation: Rows | Stream | None = None,
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
    hold_out: preparing.HoldOut | None = None,
    checkpoints: Checkpoints | None = None,
) -> Run:
    """Train one run to its last epoch, or to where early stopping ends it.

    Args:
        recipe: what to train.
        train: what to train on.
        validation: what to score after every epoch, or None.
        epochs: how many epochs are trained at the most.
        metric: accuracy, the name of a Keras metric such as mae, or one's own, as `Run` says.
        weighted: whether rows count in the metric by their sample weights; never by those of their classes.
        seed: of the order of the rows.
        on_run: called with the run before its first epoch; may raise to stop.
        on_epoch: called with what each epoch came to; may raise to stop.
        beat: a sign of life, called after each tenth of an epoch that takes long; may raise to stop.
        jit: whether XLA compiles; None decides by what pays.
        full: the longer training that this one is a miniature of, as `Run` says; None: it is none.
        hold_out: which rows are watched where there are no validation rows, as `Run` says.
        checkpoints: from which it goes on, and which it leaves; `on_epoch` is told of every epoch, known or trained.

    Returns:
        The run at its end: `run.outcome` has its figures, `run.model()` the trained model.

    Raises:
        UsageError: no rows, no epochs, a batch size below 1, too few rows or groups to hold any out.
        DefinitionError: the recipe asks for what cannot be trained, as `Run` says.
        Infeasible: the targets do not go with the loss, the metric and the model's outputs.
        Diverged: the loss, a weight, an output or a score was not finite.

    """
    run = Run(
        recipe,
        train,
        validation,
        epochs=epochs,
        metric=metric,
        weighted=weighted,
        seed=seed,
        jit=jit,
        full=full,
        hold_out=hold_out,
        checkpoints=checkpoints,
    )
    if on_run is not None:
        on_run(run)
    for _ in range(epochs):
        epoch = run.epoch(beat)
        if on_epoch is not None:
            on_epoch(epoch)
        if run.stopped:
            break
    return run


def _full(train: Rows | Stream, epochs: int) -> FullTraining:
    """That of a run which is no miniature."""
    if isinstance(train, Stream):
        return FullTraining(epochs=epochs, steps=train.steps)
    return FullTraining(epochs=epochs, rows=len(train))


def _share_of_epoch(train: Rows | Stream, full: FullTraining) -> float:
    """How much of an epoch of the full training one of this one is; 1 where nobody knows."""
    here, there = (train.steps, full.steps) if isinstance(train, Stream) else (len(train), full.rows)
    return here / there if here and there else 1.0
