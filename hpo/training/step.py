"""One optimizer step: what a recipe makes of the gradients, and the optimizer of them."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.errors import DefinitionError
from hpo.messages import one_line
from hpo.training import updates
from hpo.training.cloning import difference
from hpo.training.keras_internals import clip_gradients, decays_as_all_do, moving_averages, weight_decays
from hpo.training.recipe import Recipe
from hpo.training.regularization import clipped, constrain, kernels, penalize
from hpo.training.schedules import StepSchedules, drives_momentum

__all__ = ["Step", "averages", "decays_apart"]


class Step:
    """The optimizer of a program, made anew from the recipe's, with the variables it keeps.

    The numbers of what a recipe has on (clipping, penalty, max-norm, weight decay) live in variables too:
    varying them compiles nothing.
    """

    def __init__(self, recipe: Recipe, model: keras.Model) -> None:
        """`model` is the built one whose weights are changed: the recipe's own, or one like it.

        Raises:
            DefinitionError: the optimizer cannot be made anew from its configuration.

        """
        given = recipe.optimizer
        self._weights = model.trainable_variables
        theirs = recipe.model.trainable_variables
        self._hyperparameters = {name: tf.Variable(np.float32(0), trainable=False) for name in _hyperparameters(recipe)}
        self._clip = None if recipe.clip is None else recipe.clip.by
        self._fused = updates.fused(given, model)
        self._driven = drives_momentum(recipe.schedule)
        self.cycles = updates.momentum(given, model) is not None  # whether it takes the momenta of a schedule
        self._optimizer = _made(recipe, model)
        decays = "decay" in self._hyperparameters
        self._decayed = {number for number, one in enumerate(theirs) if decays and weight_decays(given, one)}
        self._kernels = [number for number, kernel in enumerate(kernels(self._weights)) if kernel]
        self._slots = updates.prepare(self._optimizer) if self._fused else []
        self._averages = [tf.Variable(v.value, trainable=False) for v in _averaged(model)] if recipe.average else []
        self._model = model
        self._kept = _kept(self._optimizer, self._slots)
        self._unused = [_compact(variable.numpy()) for variable in self._kept] if self._fused else None

    @property
    def variables(self) -> list[Any]:
        """All it keeps from step to step, and the hyperparameters in variables."""
        return [*self._kept, *self._hyperparameters.values(), *self._averages]

    def fresh(self, recipe: Recipe) -> list[Any]:
        """What `variables` hold before the first step of a run of `recipe`.

        Keras' own optimizers may begin with anything, such as the weights: what they do is looked up.
        """
        unused = self._unused
        if unused is None:
            unused = [_compact(variable.numpy()) for variable in _kept(_made(recipe, recipe.model), [])]
        given = _hyperparameters(recipe)
        begun = [variable.numpy() for variable in _averaged(recipe.model)] if self._averages else []
        return [*unused, *(np.float32(given[name]) for name in self._hyperparameters), *begun]

    @property
    def averages(self) -> list[tuple[Any, Any]]:
        """As `averages` of its optimizer, or the recipe's own: of all numbers of the model that training changes."""
        if self._averages:
            return list(zip((variable.value for variable in _averaged(self._model)), self._averages, strict=True))
        return averages(self._optimizer)

    def scaled(self, loss: Any) -> Any:
        """The loss whose gradients `apply` takes: larger where half precision would lose them otherwise."""
        return self._optimizer.scale_loss(loss)

    def apply(self, gradients: Sequence[Any], scheduled: StepSchedules) -> Any:
        """Change the weights by one step; what the penalty on them is, a scalar, 0 where there is none.

        Args:
            gradients: of `scaled`, one a weight, None where the loss does not depend on it.
            scheduled: the rate, the momentum, the weight in the average.

        """
        gradients, penalty = self._penalized(list(gradients))
        if self._clip:
            gradients = self._clipped(gradients)
        used = [number for number, gradient in enumerate(gradients) if gradient is not None]
        for number in used:
            if number in self._decayed:
                value = self._weights[number].value
                value.assign_sub(value * tf.cast(self._hyperparameters["decay"] * scheduled.rate, value.dtype))
        if self._fused and used:
            self._by_kernel({number: gradients[number] for number in used}, scheduled)
        else:
            self._optimizer.learning_rate = scheduled.rate
            self._optimizer.apply(gradients, self._weights)
        if "max_norm" in self._hyperparameters:
            constrain([self._weights[number].value for number in self._kernels], self._hyperparameters["max_norm"])
        for variable, average in self.averages if self._averages else ():
            average.assign_add((variable - average) * tf.cast(scheduled.averaging, average.dtype))
        return penalty

    def _penalized(self, gradients: list[Any]) -> tuple[list[Any], Any]:
        """The gradients with the penalty's on the kernels added to them, and the penalty itself."""
        if not {"l1", "l2"} & {*self._hyperparameters}:
            return gradients, 0.0
        strengths: dict[str, Any] = {
            name: self._hyperparameters[name] for name in ("l1", "l2") if name in self._hyperparameters
        }
        values = [self._weights[number].value for number in self._kernels]
        added, penalty = penalize(values, strengths)
        for number, gradient in zip(self._kernels, added, strict=True):
            before, more = gradients[number], tf.cast(self.scaled(gradient), gradient.dtype)
            gradients[number] = more if before is None else before + more
        return gradients, penalty

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        """The gradients clipped as if they were of the loss that is not scaled; what overflowed is left for all to see.

        All ways to clip give twice as much for gradients and a threshold twice as large.
        """
        assert self._clip is not None
        within = clipped(gradients, self._clip, self.scaled(self._hyperparameters["clip"]))
        if self._fused:
            return within
        pairs = zip(gradients, within, strict=True)
        return [None if g is None else tf.where(tf.math.is_finite(g), w, g) for g, w in pairs]

    def _by_kernel(self, gradients: dict[int, Any], scheduled: StepSchedules) -> None:
        optimizer = self._optimizer
        scale = optimizer.loss_scale_factor
        unscaled = [gradient if scale is None else gradient / scale for gradient in gradients.values()]
        ready = dict(zip(gradients, clip_gradients(optimizer, unscaled), strict=True))
        some = {number: gradient for number, gradient in ready.items() if updates.is_of_some_rows(optimizer, gradient)}
        whole = [number for number in ready if number not in some]
        if some and self._driven and isinstance(optimizer, keras.optimizers.RMSprop):
            raise DefinitionError(
                "the schedule cycles momentum, and RMSprop cannot follow with an embedding: give the schedule "
                "momentum=None, or another optimizer"
            )
        updates.UPDATES[type(optimizer)](
            optimizer,
            [self._slots[number] for number in whole],
            [self._weights[number].value for number in whole],
            [tf.convert_to_tensor(ready[number]) for number in whole],
            scheduled,
        )
        for number, gradient in some.items():
            updates.of_some_rows(optimizer, self._weights[number].value, gradient, scheduled)
        for number in gradients:
            weight = self._weights[number]
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight))
        optimizer.iterations.assign_add(1)


def averages(optimizer: Any) -> list[tuple[Any, Any]]:
    """Each weight with the average of it that training ends with, as tf.Variables; empty before the first step.

    Args:
        optimizer: a built one; where it keeps no averages (`use_ema`), nor those within it, there are none.

    """
    within = [*getattr(optimizer, "optimizers", ()), getattr(optimizer, "inner_optimizer", None)]
    found = [pair for one in within if one is not None for pair in averages(one)]
    if not optimizer.use_ema or not int(optimizer.iterations):
        return found
    pairs = [(weight, mean) for weight, mean in moving_averages(optimizer) if mean is not None]
    return [*found, *((getattr(weight, "value", weight), mean.value) for weight, mean in pairs)]


def _averaged(model: keras.Model) -> list[Any]:
    """The variables of a model whose averages are kept: its weights, and the moving statistics that go with them."""
    return [variable for variable in model.variables if tf.as_dtype(variable.dtype).is_floating]


def decays_apart(optimizer: Any, model: Any) -> bool:
    """Whether a step decays weights here: it first takes rate x decay x weight off each of them, as Keras does.

    Not where an optimizer decays in a way of its own, not with each batch, or not where a gradient overflowed.
    """
    always = not (optimizer.gradient_accumulation_steps or updates.scales_dynamically(optimizer, model))
    return decays_as_all_do(optimizer) and always and optimizer.weight_decay is not None


def _hyperparameters(recipe: Recipe) -> dict[str, float]:
    """The numbers of what the recipe has on, weight decay among them."""
    decays = decays_apart(recipe.optimizer, recipe.model)
    return {**recipe.hyperparameters, **({"decay": recipe.optimizer.weight_decay} if decays else {})}


def _made(recipe: Recipe, model: keras.Model) -> Any:
    """A built optimizer of the recipe's kind for the weights of `model`; weight decay of a `Step` is not its own."""
    given = recipe.optimizer
    try:
        made = type(given).from_config(given.get_config())
    except Exception as error:  # whatever its author's code raises
        raise DefinitionError(f"{_kind(given)} cannot be made anew from its get_config: {one_line(error)}") from error
    if found := difference(given, made):
        raise DefinitionError(
            f"{_kind(given)} made anew from its get_config is another one ({found}): "
            "return every argument of its constructor from get_config"
        )
    if decays_apart(given, recipe.model):
        made.weight_decay = None
    else:  # a configuration does not say what is not to decay
        pairs = zip(model.trainable_variables, recipe.model.trainable_variables, strict=True)
        spared = [ours for ours, theirs in pairs if not weight_decays(given, theirs)]
        if spared:
            made.exclude_from_weight_decay(var_list=spared)
    if updates.scales_dynamically(made, model) and not hasattr(made, "inner_optimizer"):
        made = keras.mixed_precision.LossScaleOptimizer(made)
    made.build(model.trainable_variables)
    return made


def _kind(optimizer: Any) -> str:
    return f"the optimizer {type(optimizer).__name__}"


def _kept(optimizer: Any, slots: updates.Slots) -> list[Any]:
    """Every variable a built optimizer has, and its kernels' state."""
    listed = [variable.value for variable in optimizer.variables]
    every = itertools.chain(listed, itertools.chain.from_iterable(slots), _unlisted(optimizer))
    return list({id(variable): variable for variable in every}.values())


def _unlisted(optimizer: Any) -> Iterator[Any]:
    """Variables an optimizer keeps outside its list of variables, as Nadam its product of momenta."""
    for value in vars(optimizer).values():
        if isinstance(value, keras.Variable):
            yield value.value
        elif isinstance(value, keras.optimizers.Optimizer):
            yield from _unlisted(value)


def _compact(value: Any) -> Any:
    """A number where the array is that number throughout: momenta begin as zeros, and need no second copy."""
    first = value.flat[0] if value.size else value.dtype.type(0)
    return first if np.all(value == first) else value
