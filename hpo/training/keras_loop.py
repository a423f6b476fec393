"""Training by Keras's own step, a batch at a time: for a model that says itself how it learns."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.errors import DefinitionError
from hpo.messages import one_line
from hpo.training.augmentation import by_row
from hpo.training.keras_internals import drawing_from
from hpo.training.loop import Sums, all_finite, shuffled
from hpo.training.recipe import Recipe
from hpo.training.row_tensors import RowTensors, optional, taken
from hpo.training.schedules import StepSchedules
from hpo.training.step import averages

__all__ = ["KerasLoop", "needed"]

_OWN = ("train_step", "compute_loss", "make_train_function")
_NEVER_CALLED = ("fit", "train_on_batch")


def needed(recipe: Recipe) -> str | None:
    """Why Keras's own step must train this recipe, in words that follow the model's name; None where it need not.

    Raises:
        DefinitionError: what it asks for Keras's step cannot do, or the model has a training loop of its own.

    """
    name = type(recipe.model).__name__
    for method in _NEVER_CALLED:
        if _overrides(recipe.model, method):
            raise DefinitionError(f"{name} has a {method} of its own, which nothing calls here: put it into train_step")
    own = [method for method in _OWN if _overrides(recipe.model, method)]
    several = isinstance(recipe.optimizer, keras.optimizers.MultiOptimizer)
    if not own and not several:
        return None
    why = f"has a {own[0]} of its own" if own else "has several optimizers"
    for what, given, remedy in (
        ("phases", recipe.phases, "freeze layers in build()"),
        ("clip", recipe.clip, "give the optimizer clipnorm, clipvalue or global_clipnorm"),
        ("penalty", recipe.penalty, "give the layers a kernel_regularizer"),
        ("max_norm", recipe.max_norm, "give the layers a kernel_constraint"),
        ("average", recipe.average, "give the optimizer use_ema"),
        ("schedule", several and recipe.schedule, "give each of its optimizers a schedule of Keras"),
    ):
        if given:
            raise DefinitionError(f"{name} {why}, so Recipe.{what} cannot be heeded: {remedy}")
    return why


class KerasLoop:
    """Epochs of `keras.Model.train_on_batch`, on the model and with the optimizer that the recipe has."""

    def __init__(self, recipe: Recipe) -> None:
        """The model is compiled, unless its author did that, with the recipe's optimizer.

        Raises:
            DefinitionError: it cannot be compiled.

        """
        self._model = model = recipe.model
        self._batch_size = recipe.batch_size
        self._augment = recipe.augment and by_row(recipe.augment)
        self._scheduled = recipe.schedule is not None
        self._random = keras.random.SeedGenerator(0)  # of augmentation
        if not (model.compiled and model.optimizer is recipe.optimizer):
            try:
                model.compile(optimizer=recipe.optimizer, loss=recipe.loss)
            except Exception as error:  # whatever its author's code raises
                raise DefinitionError(f"{type(model).__name__} cannot be compiled: {one_line(error)}") from error

    @property
    def variables(self) -> list[Any]:
        """Of augmentation alone: what the model's own step keeps stays where it is, as no other run trains with it."""
        return [self._random.state.value]

    @property
    def averages(self) -> list[tuple[Any, Any]]:
        """Each weight and the average of it that training ends with; empty where the optimizer keeps none."""
        return averages(self._model.optimizer)

    def fresh(self, recipe: Recipe, seed: int) -> list[Any]:  # noqa: ARG002 - as Loop
        """What the variables hold before the first step of a run, in their order."""
        return [np.array([seed, 0])]

    def epoch(
        self, data: RowTensors, rows: Any, span: Any, schedules: StepSchedules, seed: Any, before: tuple[Any, Any, Any]
    ) -> Sums:
        """As `Loop`; the metric is not counted: a step does not say what the model made of the rows.

        Raises:
            DefinitionError: the model's step returns no "loss".

        """
        order = shuffled(tf.shape(data.x)[0], rows, seed)
        made, last = (int(step) for step in span)
        total, finite = float(before[0]), True
        while made < last and finite:
            index = order[made * self._batch_size : min((made + 1) * self._batch_size, int(rows))]
            if self._scheduled:
                self._model.optimizer.learning_rate = schedules.rate[made]
            batch = taken(data, index)
            loss = self._trained(batch._replace(x=self._augmented(batch.x, index, seed[1])))
            made += 1
            finite = bool(np.isfinite(loss))
            total += loss * len(index)
        return Sums(total, None, None, made, finite, all_finite(self._model.variables))

    def dismantle(self) -> None:
        """Let Keras's compiled step go."""
        self._model.train_function = None

    def _augmented(self, x: Any, index: Any, epoch: Any) -> Any:
        if self._augment is None:
            return x
        with drawing_from(self._random):
            return self._augment(x, index, epoch)

    def _trained(self, batch: RowTensors) -> float:
        """Make one step: its loss."""
        told = self._model.train_on_batch(batch.x, batch.y, sample_weight=optional(batch.weights), return_dict=True)
        if "loss" not in told:
            raise DefinitionError(
                f"the train_step of {type(self._model).__name__} returns {', '.join(told) or 'nothing'}: let it "
                'return "loss" too, which says how far a training is'
            )
        return float(told["loss"])


def _overrides(model: keras.Model, method: str) -> bool:
    return method in vars(model) or getattr(type(model), method) is not getattr(keras.Model, method)
