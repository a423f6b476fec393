"""A model as a graph of layers: which layer feeds which, and a copy with some layers exchanged."""

from collections.abc import Callable
from typing import Any

import keras

from hpo.errors import DefinitionError
from hpo.training.keras_internals import all_layers, input_tensors, made_by

__all__ = [
    "Topology",
    "adopt",
    "copied",
    "finalize",
    "symbolic",
]


def symbolic(model: Any) -> bool:
    """Whether the model is a graph of layers, Keras' Functional or Sequential, and no class of somebody's own."""
    kind = type(model)
    return kind.__module__.startswith("keras.") and kind.__name__ in ("Functional", "Sequential")


def finalize(model: keras.Model) -> None:
    """Let Normalization layers take over the statistics that were written into their variables."""
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


class Topology:
    """The graph of a model's own layers, one that is a model itself counting as one; by the tensors between them."""

    def __init__(self, model: Any) -> None:
        """`model` is built, and its layers were called to build it and in no other model."""
        self._model = model

    def uses(self, layer: Any) -> int:
        """In how many places the layer stands, counted by the tensors it takes."""
        return len(input_tensors(layer))

    def before(self, layer: Any) -> Any:
        """The one layer that feeds this one and nothing else; None where there is none."""
        tensors = input_tensors(layer)
        found = made_by(tensors[0]) if len(tensors) == 1 else None
        return None if found is None or len(self._fed(found)) != 1 else found

    def after(self, layer: Any) -> Any:
        """The one layer that this one feeds, and that takes nothing else; None where there is none."""
        fed = self._fed(layer)
        return None if len(fed) != 1 or fed[0] is None or self.uses(fed[0]) != 1 else fed[0]

    def _fed(self, layer: Any) -> list[Any]:
        """The layers that take this one's output, one entry each time; None for an output of the model."""
        takers: list[Any] = [other for other in self._model.layers for t in input_tensors(other) if made_by(t) is layer]
        return takers + [None for t in self._model.outputs if made_by(t) is layer]


def copied(model: keras.Model, replace: Callable[[Any], Any] = lambda layer: layer) -> keras.Model:
    """A copy of the model that shares nothing with it: same layers, same weights, same outputs.

    Args:
        model: Functional or Sequential, built.
        replace: fresh layer -> what stands in its place; it must use that layer if it needs the weights.

    Raises:
        DefinitionError: the model is a class of somebody's own, so its layers are not known to be all of it.

    """
    if not symbolic(model):
        raise DefinitionError(
            f"{type(model).__name__} is a model class of its own: build it as keras.Sequential or by"
            " keras.Model(inputs, outputs), so that its layers can be exchanged"
        )
    pairs: list[tuple[Any, Any]] = []

    def again(layer: Any) -> Any:
        fresh = type(layer).from_config(layer.get_config())
        pairs.append((layer, fresh))
        return replace(fresh)

    copy = keras.models.clone_model(model, clone_function=again, recursive=True)
    if not copy.built:
        copy.build(model.input_shape)
    for theirs, ours in pairs:
        adopt(ours, [variable.value for variable in theirs.variables])
    return copy


def adopt(layer: Any, values: list[Any]) -> None:
    """Put `values` into a built layer's variables, in their order."""
    for variable, value in zip(layer.variables, values, strict=True):
        variable.assign(value)
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()
