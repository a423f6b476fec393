"""What a compiled program depends on, as a key: two recipes with the same signature run the same program."""

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import keras

from hpo.training import updates
from hpo.training.layers import LAYERS
from hpo.training.recipe import Recipe

__all__ = ["identity", "reusable", "signature", "symbolic"]

# Where a layer is told nothing but where its weights come from, the program does not depend on it: they are copied in.
_INITIALIZER = "_initializer"
_OURS = {keras.saving.get_registered_name(layer): layer for layer in LAYERS}  # their numbers live in variables
_OPTIMIZER_HOT = ("name", "learning_rate", "weight_decay")


def symbolic(model: Any) -> bool:
    """Whether the model is a graph of layers, Keras' Functional or Sequential, and no class of somebody's own."""
    kind = type(model)
    return kind.__module__.startswith("keras.") and kind.__name__ in ("Functional", "Sequential")


def reusable(model: Any) -> bool:
    """Whether a program of this model can be made from, and shared by, its configuration."""
    return _layers(model) is not None


def signature(recipe: Recipe, *, shapes: Sequence[object], metric: str, jit: bool) -> str:
    """The key of a recipe's program: everything compiled into it and nothing else.

    Left out is what lives in variables or is passed in: weights, rates, momenta, weight decay, the recipe's dials, the
    numbers of `hpo.training.layers`, seeds, names.

    Args:
        recipe: what is trained.
        shapes: of the data, with their types.
        metric: name of the metric.
        jit: whether XLA compiles it.

    """
    model, optimizer = recipe.model, recipe.optimizer
    layers = list(model._flatten_layers())
    config = optimizer.get_config()
    decays = optimizer.weight_decay is not None
    if optimizer.gradient_accumulation_steps:
        decays = optimizer.weight_decay
    hot = _OPTIMIZER_HOT if updates.momentum(optimizer) is None else (*_OPTIMIZER_HOT, updates.MOMENTA[type(optimizer)])
    parts = [
        _layers(model) or f"model {id(model)}",
        [
            f"{type(layer).__module__}.{type(layer).__qualname__} {id(type(layer))} {layer.trainable}"
            for layer in layers
        ],
        f"{type(optimizer).__qualname__} {id(type(optimizer))}",
        {key: value for key, value in config.items() if key not in hot},
        hot,
        sorted(recipe.dials),
        recipe.clip and recipe.clip.by,
        decays,
        [bool(optimizer._use_weight_decay(v)) for v in model.trainable_variables] if decays else None,
        _loss(recipe.loss),
        identity(recipe.augment),
        recipe.batch_size,
        metric,
        jit,
        [str(shape) for shape in shapes],
        [f"{tuple(v.shape)} {v.dtype} {v.trainable}" for v in model.variables],
    ]
    return json.dumps(parts, sort_keys=True, default=str)


def identity(function: Callable[..., Any] | None) -> str:
    """What a function computes, as far as that can be known: its code and the plain values it closes over."""
    if function is None:
        return "none"
    if isinstance(function, functools.partial):
        values = [*function.args, *sorted(function.keywords.items())]
        return f"partial {identity(function.func)} {[_value(value) for value in values]}"
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__self__", None) is not None:
        return f"object {id(function)}"
    cells = [_value(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ()]
    return f"code {id(code)} {cells} {_value(function.__defaults__)} {_value(function.__kwdefaults__)}"


def _value(value: object) -> str:
    plain = isinstance(value, (int, float, str, bool, bytes, type(None)))
    if isinstance(value, tuple):
        return f"({', '.join(_value(item) for item in value)})"
    return repr(value) if plain else f"{type(value).__qualname__} {id(value)}"


def _loss(loss: Any) -> object:
    if isinstance(loss, str):
        return loss
    if type(loss).__module__.startswith("keras."):
        config = {key: value for key, value in loss.get_config().items() if key != "name"}
        return [type(loss).__qualname__, config]
    return identity(loss) if not isinstance(loss, keras.losses.Loss) else f"loss {id(loss)}"


def _layers(model: Any) -> object:
    """The model's configuration with layers called by their position, and without what is not compiled.

    None where it does not tell all: a model class, a layer that cannot be made anew, a function of somebody's own.
    """
    layers = list(model._flatten_layers())
    if not symbolic(model) or not all(_told(layer) for layer in layers[1:]):
        return None
    return _plain(model.get_config(), {layer.name: f"layer {number}" for number, layer in enumerate(layers)})


def _told(layer: Any) -> bool:
    """Whether a layer can be made anew from its configuration, as Keras' own can with nothing else in them."""
    if isinstance(layer, keras.layers.Lambda) or not all(_known(name, value) for name, value in vars(layer).items()):
        return False
    if type(layer) in LAYERS or type(layer).__module__.startswith("keras."):
        return True
    try:
        type(layer).from_config(layer.get_config())
    except Exception:  # whatever its author's code raises
        return False
    return True


def _known(name: str, value: Any) -> bool:
    """Whether an attribute of a layer is no function or object of somebody's own, which a configuration only names."""
    if value is None:
        return True
    if name.endswith("activation"):
        return getattr(keras.activations, getattr(value, "__name__", ""), None) is value
    own = name.endswith(("_initializer", "_regularizer", "_constraint"))
    return not own or type(value).__module__.startswith("keras.")


def _plain(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        ours = _OURS.get(node.get("registered_name", ""))
        result: dict[str, Any] = {}
        for key, value in node.items():
            if key.endswith(_INITIALIZER):
                continue
            if key == "config" and ours is not None:
                result[key] = ours.compiled(value)
            elif key == "name":
                result[key] = names.get(value, value)
            elif key in ("keras_history", "input_layers", "output_layers"):
                result[key] = _renamed(value, names)
            else:
                result[key] = _plain(value, names)
        return result
    if isinstance(node, (list, tuple)):
        return [_plain(item, names) for item in node]
    return node


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A reference to a layer, or nested lists of such, by position."""
    if isinstance(node, str):
        return names.get(node, node)
    return [_renamed(item, names) for item in node] if isinstance(node, (list, tuple)) else node
