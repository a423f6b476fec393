"""A model again, with the same weights and some layers exchanged."""

from collections.abc import Callable
from typing import Any

import keras

from hpo.errors import DefinitionError
from hpo.training.signature import symbolic

__all__ = ["adopt", "copied"]


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
