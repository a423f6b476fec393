"""Rows, models and the schedules of their steps made ready for a run, whichever way it is trained."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows, Stream, class_weights, group_share, holdout
from hpo.data.structures import Arrays, mapped, parts
from hpo.errors import DefinitionError, UsageError
from hpo.training.keras_internals import all_layers, compute_output_spec, given_learning_rate
from hpo.training.miniature import resampled
from hpo.training.model_graph import symbolic
from hpo.training.phases import Span
from hpo.training.recipe import Recipe
from hpo.training.schedules import Constant, StepSchedules, averaging

__all__ = [
    "HoldOut",
    "as_floats",
    "check",
    "is_ragged",
    "learning_rate",
    "prepare",
    "refuse_unweighted",
    "row_weights",
    "seen_shape",
    "step_schedules",
    "watched",
]


HoldOut = Callable[[Rows, int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]
"""(rows, how many of them, seed) -> the numbers of the rows left to train on, and of those held out."""


def check(recipe: Recipe, train: Rows | Stream, epochs: int) -> None:
    """Refuse what cannot be trained. Raises UsageError, DefinitionError."""
    rows = None if isinstance(train, Stream) else len(train)
    if epochs < 1 or recipe.batch_size < 1 or rows == 0:
        raise UsageError(
            f"{epochs} epochs of batches of {recipe.batch_size} from {rows or 0} rows: each must be at least 1"
        )
    inner = getattr(recipe.optimizer, "inner_optimizer", recipe.optimizer)
    rate = given_learning_rate(inner)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) or callable(rate):
        raise DefinitionError(
            "the optimizer has a learning-rate schedule of its own: give it as Recipe.schedule instead"
        )


def learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """The optimizer's own rate; 0 where it has several."""
    return float(getattr(optimizer, "learning_rate", 0.0))


def watched(
    recipe: Recipe,
    train: Rows | Stream,
    validation: Rows | Stream | None,
    seed: int,
    hold_out: HoldOut | None = None,
) -> tuple[Rows | Stream, Rows | Stream | None]:
    """What to train on and what to score on after each epoch.

    Where a recipe's stopping or schedule watches scores and there are no validation rows, `recipe.watch` of the
    training rows are held out for it, by the seed.

    Args:
        recipe: says how many.
        train: what there is to train on.
        validation: what is scored on; None: nothing is given.
        seed: of what is drawn.
        hold_out: holds them out; None: whole groups where the rows have groups, else any rows.

    Raises:
        UsageError: there are too few rows or groups.

    """
    rows = 0 if validation is not None or isinstance(train, Stream) else _held_out(recipe, len(train))
    if not rows or isinstance(train, Stream):
        return train, validation
    kept, others = (hold_out or _apart)(train, rows, seed)
    return train.take(kept), train.take(others)


def _apart(rows: Rows, number: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return holdout(len(rows), number, seed) if rows.groups is None else group_share(rows.groups, number, seed)


def _held_out(recipe: Recipe, rows: int) -> int:
    """How many of `rows` training rows a recipe's stopping or schedule watches, where there are no validation rows."""
    watches = recipe.stopping is not None or (recipe.schedule or Constant()).reaction() is not None
    held = round(recipe.watch * rows)
    return held if watches and 0 < held < rows else 0


def row_weights(recipe: Recipe, train: Rows, outputs: int | None) -> NDArray[np.float32] | None:
    """(rows,) how much each row weighs in the loss: its own weight times that of its class; None: all alike.

    Args:
        recipe: what is trained.
        train: the rows that it is trained on, and no others: "balanced" is of these.
        outputs: of the model; None: not known.

    Raises:
        UsageError: nothing is left that weighs.
        Infeasible: the targets are not the classes that the recipe weighs.

    """
    weights = train.sample_weight
    if recipe.class_weight is not None:
        by_class = class_weights(train.y, recipe.class_weight, outputs, train.label_names)
        weights = by_class if weights is None else weights * by_class
    if weights is not None and not weights.any():
        raise UsageError("all rows to train on weigh 0: give sample_weight or class_weight above 0 to some")
    return weights


def refuse_unweighted(rows: Rows, *, weighted: bool) -> None:
    """Refuse rows without weights to score on where the metric is weighted. Raises UsageError."""
    if weighted and (rows.sample_weight is None or not rows.sample_weight.any()):
        raise UsageError("the metric is weighted, and rows to score on have no sample_weight above 0")


def prepare(recipe: Recipe, x: Arrays, batches: Callable[[], Iterator[Arrays]] | None = None) -> Any:
    """Make the variables of a model that was not told the shape of its inputs, and adapt it: the shape of its outputs.

    Args:
        recipe: what is trained.
        x: the inputs; of streamed data those of a batch.
        batches: of streamed data, the inputs of each batch, to adapt on.

    Returns:
        The shape, (None, ...); of a model with several outputs, the shapes in the structure it gives these.

    Raises:
        DefinitionError: it has no weights to train, keeps a state from batch to batch, or has a Normalization layer
            that cannot be adapted.

    """
    model = recipe.model
    for layer in all_layers(model, itself=False):
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            raise DefinitionError(
                f"layer {layer.name} keeps its state from one batch to the next, and the rows of a batch are drawn "
                "anew here: build it with stateful=False"
            )
    row = mapped(lambda array, _: as_floats(array[:1]), x)
    if not symbolic(model):  # of somebody's own; it is built by calling it, its layers are adapted before
        _adapt(model, x, batches)
        shape = _built(model, row)
    else:
        shape = model.output_shape if model.built else _built(model, row)
        _adapt(model, x, batches)
    if not model.trainable_variables:
        raise DefinitionError("the model has no weights to train: give it a layer with weights that are not frozen")
    return shape


def is_ragged(value: Any) -> bool:
    """Whether it is a tensor of TensorFlow's whose rows differ in length."""
    return hasattr(value, "row_splits")


def as_floats(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Doubles as floats, all else as it is: what models compute with."""
    if is_ragged(array):
        return array
    return array.astype(np.float32) if array.dtype == np.float64 else array


def seen_shape(model: keras.Model, row: Any) -> tuple[int | None, ...]:
    """The shape of what a built model gives for rows, by calling it; it is left as it was."""
    before = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    shape = model(row, training=False).shape
    for variable, value in before:  # such as the states of what draws random numbers
        variable.assign(value)
    return (None, *shape[1:])


def _built(model: keras.Model, row: Arrays) -> Any:
    """The shape of what a model gives, as Keras foretells it; the model is built meanwhile, if it was not.

    As Keras builds a model before it fits it: to call it would count as a call, of what draws random numbers in it.
    """
    try:
        rows = mapped(lambda array, _: keras.KerasTensor((None, *array.shape[1:]), _type(array)), row)
        outputs = compute_output_spec(model, rows, training=False)
    except Exception:  # it takes a row to find its way
        given = mapped(lambda array, _: array if is_ragged(array) else keras.ops.convert_to_tensor(array), row)
        outputs = model(given, training=False)
    return keras.tree.map_structure(lambda output: tuple(output.shape), outputs)


def _type(array: NDArray[np.generic]) -> str:
    return "string" if array.dtype.kind in "US" else array.dtype.name


def step_schedules(
    recipe: Recipe, phases: Sequence[Span], steps: int, full_steps: int, own: float | None
) -> StepSchedules:
    """Rate, momentum and weight in the average of each step of the run, laid out over each of its phases.

    The momentum is the optimizer's own where the schedule has none, and 0 where the optimizer has none.

    Args:
        recipe: what is trained; its model is built.
        phases: as `hpo.training.phases.spans` gives them.
        steps: how many an epoch has.
        full_steps: how many an epoch of the full training has; `steps` for a run that is no miniature.
        own: the optimizer's momentum, where a schedule can say another one; else None.

    """
    schedule = recipe.schedule or Constant()
    parts = []
    for span in phases:
        initial = learning_rate(recipe.optimizer) if span.phase.rate is None else span.phase.rate
        own_steps, every = span.epochs * steps, span.full_epochs * full_steps
        cycled = None if own is None else schedule.momenta(own, every)
        parts.append(
            StepSchedules(
                resampled(schedule.rates(initial, every), own_steps),
                np.full(own_steps, own or 0.0) if cycled is None else resampled(cycled, own_steps),
                averaging(recipe.average, own_steps),
            )
        )
    return StepSchedules(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _adapt(model: keras.Model, x: Arrays, batches: Callable[[], Iterator[Arrays]] | None) -> None:
    """Fit the Normalization layers that brought no mean of their own to what reaches them from the inputs."""
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            reaching = functools.partial(_reaching, model, layer)
            layer.adapt(reaching(x) if batches is None else map(reaching, batches()))


def _reaching(model: keras.Model, layer: Any, x: Arrays) -> NDArray[np.generic]:
    """What comes to a layer from the inputs. Raises DefinitionError where nobody can tell."""
    if not symbolic(model):
        if isinstance(x, Mapping | tuple):
            raise DefinitionError(
                f"layer {layer.name} is a Normalization in a {type(model).__name__}, and which of its inputs comes to "
                "it nobody can tell: give it mean= and variance="
            )
        return np.asarray(x)
    place = next((place for place, given in enumerate(model.inputs) if given is layer.input), None)
    if place is None:
        return np.asarray(keras.Model(model.input, layer.input).predict(x, verbose=0))
    arrays = (
        [x[tensor.name] for tensor in model.inputs] if isinstance(x, Mapping) else [each for _, each in parts(x, "x")]
    )
    return np.asarray(arrays[place])
