"""What a training costs, foretold from the shapes in its model: about how many floating-point operations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from hpo.study.checked_records import NotNegative, Whole, check
from hpo.training.keras_internals import all_layers, places
from hpo.training.model_graph import symbolic
from hpo.training.recipe import Recipe

__all__ = ["Operations", "operations"]

# In operations of a matrix multiply, which is what the others are measured against on processors.
_NUMBER = 100.0  # one number that a layer gives: writing and reading it, and what is done to it, is bound by memory
_WEIGHT = 150.0  # one weight at one step, with the moments of the optimizer: bound by memory, too
_STEP = 3e7  # one step, however small: its kernels have to be started
_BACKWARD = 2.0  # passes forward that a pass backward costs: gradients of the inputs, and of the weights


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What one model costs to train, in floating-point operations.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    row: NotNegative  # one row forward through the model
    step: NotNegative  # a step, whatever rows it has: the optimizer's, and what starting it costs
    batch_size: Whole  # rows of a step

    def __post_init__(self) -> None:
        check(self)

    def epoch(self, rows: int, scored: int) -> float:
        """Of an epoch of `rows` rows to train on and `scored` rows to score after it."""
        steps = math.ceil(rows / self.batch_size)
        return self.row * ((1 + _BACKWARD) * rows + scored) + self.step * steps


def operations(recipe: Recipe, shape: Sequence[int]) -> Operations | None:
    """What the recipe's model costs to train; None where its layers or their shapes are not known beforehand.

    A product of weights and inputs counts for what it takes, all else by how many numbers it gives.

    Args:
        recipe: its model may be built meanwhile.
        shape: of one row.

    """
    model = recipe.model
    if not symbolic(model):
        return None
    if not model.built:
        model.build((None, *shape))
    try:
        row = _forward(model)
    except _UnknownError:
        return None
    weights = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    return Operations(row=row, step=_STEP + _WEIGHT * weights, batch_size=recipe.batch_size)


class _UnknownError(Exception):
    """A size varies from batch to batch."""


def _forward(model: Any) -> float:
    return sum(places(layer) * _layer(layer) for layer in model.layers)


def _layer(layer: Any) -> float:
    """Of one row through a layer, in one place."""
    if isinstance(layer, keras.layers.InputLayer):
        return 0.0
    if symbolic(layer):
        return _forward(layer)
    outputs = [_sizes(output) for output in keras.tree.flatten(layer.output)]
    numbers = sum(map(math.prod, outputs))
    return _NUMBER * numbers + 2 * _factors(layer) * _positions(layer, outputs[0])


def _factors(layer: Any) -> int:
    """Weights that a row is multiplied by, each time they are used: of its kernels, not of its biases and scales."""
    if isinstance(layer, keras.layers.Embedding):  # looks up
        return 0
    return sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def _positions(layer: Any, output: Sequence[int]) -> int:
    """How often the weights are used for one row: in each place of a picture, at each step of a sequence."""
    if any(isinstance(one, keras.layers.RNN) for one in all_layers(layer)):
        return _sizes(keras.tree.flatten(layer.input)[0])[0]
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(output[1:] if channels_first else output[:-1])


def _sizes(tensor: Any) -> tuple[int, ...]:
    """Of one row of it."""
    sizes = tuple(tensor.shape[1:])
    if None in sizes:
        raise _UnknownError
    return sizes
