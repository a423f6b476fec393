"""How a run is trained by Keras's own fit, an epoch at a time: what the compiled loop cannot take, on any backend."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows, Stream
from hpo.data.structures import Arrays, mapped
from hpo.errors import DefinitionError, Diverged, UsageError
from hpo.messages import one_line
from hpo.study.own_metric import Metric
from hpo.training import preparing
from hpo.training.checkpoint_file import UnusableError
from hpo.training.feeding import ArrayFeed, Feed, StreamFeed, ending_anywhere, scored_on, shapes_explained, trained_on
from hpo.training.fit_callbacks import Callbacks, Steps
from hpo.training.miniature import FullTraining
from hpo.training.outputs import refuse_unfit_parts, scored
from hpo.training.phases import Phase
from hpo.training.recipe import Recipe
from hpo.training.schedules import Constant, StepSchedules
from hpo.training.scoring import Scoring
from hpo.training.way import Midway

__all__ = ["FitTraining"]


class FitTraining:
    """As `hpo.training.way.Way` says: `keras.Model.fit` for each epoch, whose callbacks see one training.

    The model is the recipe's own. It is compiled with the recipe's optimizer and losses, unless its author did that.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Rows | Stream,
        validation: Rows | Stream | None,
        *,
        epochs: int,
        metric: Metric,
        weighted: bool,
        seed: int,
    ) -> None:
        """As `Run`."""
        self._recipe = recipe
        if keras.config.backend() == "torch":
            keras.utils.set_random_seed(seed)  # dropout draws from PyTorch's own generator there
        self._model = model = recipe.model
        self._metric = metric
        self._weighted = weighted
        self._seed = seed
        self._number = 0
        self._seen, self._outputs = self._prepared(train)
        self._train = self._fed(train)
        self.steps = self._train.steps
        self._scored = scored(metric, model, self._outputs)
        self._scoring = Scoring(model, self._scored, self._outputs, weighted=weighted)
        self._refuse_unfit(train)
        self._validation = None if validation is None else self._judging(validation)
        self._refuse_unknown_steps()
        self._logged = self._compiled()
        self._watching = Steps(model)
        self._callbacks = Callbacks(
            [self._watching, *recipe.callbacks], add_history=True, model=model, epochs=epochs, steps=self.steps
        )
        self._raw: list[Any] | None = None  # the weights that training goes on with, while the model has their averages

    # What it is

    @property
    def halted(self) -> bool:
        """Whether a callback ended the training."""
        return self._watching.halted

    @property
    def higher(self) -> bool:
        """Whether a higher metric is better."""
        return self._scored.higher

    @property
    def momentum(self) -> None:
        """No schedule can say another one than the optimizer's own."""
        return

    def full_steps(self, full: FullTraining) -> int:
        """How many an epoch of the full training has."""
        if isinstance(self._train, StreamFeed):
            return self._train.steps_of(full.steps) or 0  # asked only where it is known
        assert full.rows is not None  # as arrays have
        return math.ceil(full.rows / self._recipe.batch_size)

    # Training

    def begin(self, phase: Phase) -> None:  # noqa: ARG002 - there is one
        """Tell the callbacks that it begins."""
        self._callbacks.begin()

    def epoch(
        self, number: int, schedules: StepSchedules | None, beat: Callable[[], object] | None
    ) -> tuple[float, float | None]:
        """Train an epoch.

        Raises:
            Diverged: the loss or a weight was not finite.
            DefinitionError: the model's step returns no "loss".

        """
        self._number = number
        if self._raw is not None:
            _assign(self._model.trainable_variables, self._raw)
        rates = None if schedules is None or self._recipe.schedule is None else schedules.rate
        self._watching.arm(number, self.steps, rates, beat)
        with ending_anywhere(), shapes_explained(self._model, self._seen):
            self._model.fit(
                **self._train.epoch(number),
                **self._validated(),
                initial_epoch=number - 1,
                epochs=number,
                verbose=0,
                callbacks=self._callbacks,
            )
        self._watching.look()
        self._raw = self._watching.raw
        for variable in self._model.variables:
            if not _finite(variable):
                raise Diverged(epoch=number, what="the weights")
        logs = self._watching.logs
        return float(logs["loss"]), None if self._logged is None else float(logs[self._logged])

    def end(self) -> None:
        """Tell the callbacks that it is over."""
        self._callbacks.end(self._watching.logs)

    # Scores and outputs

    def score_train(self) -> float:
        """The metric on the data it is trained on."""
        return self._score(self._seen)

    def score_validation(self) -> float | None:
        """The metric on the validation data; None without."""
        return None if self._validation is None else self._score(self._validation)

    def score(self, data: Rows | Stream) -> float:
        """The metric on other data."""
        return self._score(self._judging(data))

    def predict(self, x: Arrays) -> Any:
        """The outputs, (rows, ...), in the structure the model gives them in."""
        return self._scoring.predict(mapped(lambda array, _: preparing.as_floats(np.asarray(array)), x))

    # Weights

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The weights are these: fit leaves the model with them after each epoch."""
        yield

    def average(self) -> None:
        """Stay with them."""
        self._raw = None

    def snapshot(self) -> list[Any]:
        """A copy of the model's variables."""
        return [keras.ops.convert_to_numpy(variable) for variable in self._model.variables]

    def restore(self, snapshot: list[Any]) -> None:
        """Put the model's variables back."""
        _assign(self._model.variables, snapshot)

    def model(self) -> keras.Model:
        """The recipe's model."""
        return self._model

    # Checkpoints

    @property
    def unkept(self) -> str | None:
        """Why a checkpoint could not hold all that the training depends on: that is not only what Keras tracks."""
        if isinstance(self._train, StreamFeed):
            return "it is trained on a stream, which keeps its place to itself"
        if self._recipe.callbacks:
            return "its callbacks keep what nobody else can see"
        if _own_steps(self._model):
            return "its model has a step of its own, which may keep what nobody else can see"
        if keras.config.backend() == "torch":
            return "PyTorch draws at random for all layers from one generator"
        return None

    @property
    def divisible(self) -> bool:
        """Never: within an epoch Keras's fit does not say where it stands."""
        return False

    @property
    def midway(self) -> None:
        """Always between two epochs."""
        return

    def values(self) -> list[NDArray[Any]]:
        """The variables of the model, the optimizer and the augmentation, and the weights beside their averages."""
        return [keras.ops.convert_to_numpy(variable) for variable in self._variables()] + list(self._raw or ())

    def resume(self, values: list[NDArray[Any]], epochs: int, midway: Midway | None) -> None:
        """Go on from there."""
        if not self._model.optimizer.built:
            self._model.optimizer.build(self._model.trainable_variables)
        variables, trainable = self._variables(), self._model.trainable_variables
        given = [tuple(value.shape) for value in values]
        alone, averaged = ([tuple(one.shape) for one in [*variables, *more]] for more in ((), trainable))
        if midway is not None or given not in (alone, averaged):
            raise UnusableError("its numbers are of another model")
        _assign(variables, values[: len(variables)])
        self._raw = values[len(variables) :] or None
        self._number = epochs

    def _variables(self) -> list[Any]:
        assert isinstance(self._train, ArrayFeed)  # as a stream's training has no checkpoint
        return [*self._model.variables, *self._model.optimizer.variables, *self._train.variables]

    # Beginning

    def _prepared(self, train: Rows | Stream) -> tuple[Feed, Any]:
        """The data it is trained on, to be looked at and scored on, and the shapes of what the model gives.

        A stream is made for that, beside the one that is trained on: to look at it would be to shuffle it.
        """
        seen = scored_on(train, weighted=self._weighted, seed=self._seed)
        if isinstance(train, Rows):
            return seen, preparing.prepare(self._recipe, train.x)
        first = next(seen.batches(), None)
        if first is None:
            raise DefinitionError("the training stream has no batches: give at least one")
        with shapes_explained(self._recipe.model, seen):
            return seen, preparing.prepare(self._recipe, first[0], lambda: (x for x, *_ in seen.batches()))

    def _fed(self, train: Rows | Stream) -> Feed:
        """What fit is fed with."""
        weights = None
        if isinstance(train, Rows):
            classes = self._outputs[-1] if isinstance(self._outputs, tuple) else None
            weights = preparing.row_weights(self._recipe, train, classes)
        return trained_on(train, self._recipe, weights, seed=self._seed)

    def _refuse_unfit(self, data: Rows | Stream) -> None:
        """Refuse rows whose targets go with nothing, and those without weights where they are asked for."""
        if isinstance(data, Rows):
            if not len(data):
                raise UsageError("there are 0 rows to score on: give at least one")
            preparing.refuse_unweighted(data, weighted=self._weighted)
            refuse_unfit_parts(self._recipe, self._scored, self._model, data.y, self._outputs)

    def _judging(self, data: Rows | Stream) -> Feed:
        """What is evaluated on."""
        self._refuse_unfit(data)
        return scored_on(data, weighted=self._weighted, seed=self._seed)

    def _refuse_unknown_steps(self) -> None:
        schedule = self._recipe.schedule
        if self.steps is None and schedule is not None and not isinstance(schedule, Constant):
            raise DefinitionError(
                f"nobody knows how many batches an epoch has, so Recipe.schedule, a {type(schedule).__name__}, cannot "
                "be laid out: let the stream say it, as by tf.data.experimental.assert_cardinality, or the fidelity, "
                "by steps"
            )

    def _compiled(self) -> str | None:
        """Compile the model, unless its author did: under which name fit tells the metric; None: it does not."""
        model, recipe = self._model, self._recipe
        if model.compiled and model.optimizer is recipe.optimizer:
            return None
        own = _own_steps(model)
        # A step of its own need not count any metric, and Keras cannot tell one that was not counted.
        measured = None if "train_step" in own else self._scored.compiled(self._outputs)
        try:
            model.compile(
                optimizer=recipe.optimizer,
                loss=recipe.loss,
                loss_weights=recipe.loss_weights,
                metrics=measured,
                jit_compile="auto" if _xla_pays() else False,
            )
        except Exception as error:  # whatever its author's code raises
            raise DefinitionError(f"{type(model).__name__} cannot be compiled: {one_line(error)}") from error
        return None if own or self._weighted else self._scored.logged

    def _validated(self) -> dict[str, Any]:
        """Arguments that have fit validate, for callbacks that look at `val_loss` and its like."""
        if self._validation is None or not self._recipe.callbacks:
            return {}
        given = self._validation.whole()
        if "y" in given:
            data = (given["x"], given["y"], given["sample_weight"])
            return {"validation_data": data, "validation_batch_size": given["batch_size"]}
        return {"validation_data": given["x"], "validation_steps": given["steps"]}

    def _score(self, data: Feed) -> float:
        with ending_anywhere(), shapes_explained(self._model, data):
            score, finite = self._scoring.score(data)
        if not finite or not math.isfinite(score):
            raise Diverged(epoch=self._number, what="the scores" if finite else "the outputs")
        return score


_TELLING = ("train_step", "compute_metrics", "make_train_function")


def _own_steps(model: keras.Model) -> list[str]:
    """What a model's author wrote anew of how Keras trains it."""
    return [name for name in _TELLING if getattr(type(model), name) is not getattr(keras.Model, name)]


def _xla_pays() -> bool:
    """Whether Keras compiles steps by XLA: JAX always does, and TensorFlow on a processor is the slower for it."""
    if keras.config.backend() != "tensorflow":
        return True
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _assign(variables: list[Any], values: list[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _finite(variable: Any) -> bool:
    kind = keras.backend.standardize_dtype(variable.dtype)
    return "float" not in kind or bool(np.isfinite(float(keras.ops.sum(keras.ops.cast(variable, "float32")))))
