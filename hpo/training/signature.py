"""What a compiled program depends on, as a key: two recipes with the same signature run the same program."""

import json
from collections.abc import Sequence
from typing import Any

import keras

from hpo.training import updates
from hpo.training.cloning import identity
from hpo.training.keras_internals import all_layers, loss_arguments, muon_leaves_to_adamw, weight_decays
from hpo.training.model_graph import symbolic
from hpo.training.recipe import Recipe
from hpo.training.schedules import drives_momentum
from hpo.training.step import decays_apart
from hpo.training.variable_layers import LAYERS

__all__ = ["reusable", "signature"]

# Where a layer is told nothing but where its weights come from, the program does not depend on it: they are copied in.
_INITIALIZER = "_initializer"
_OURS = {keras.saving.get_registered_name(layer): layer for layer in LAYERS}  # their numbers live in variables
_OPTIMIZER_HOT = ("name", "learning_rate")


def reusable(model: Any) -> bool:
    """Whether a program of this model can be made from, and shared by, its configuration."""
    return _layers(model) is not None


def signature(recipe: Recipe, *, shapes: Sequence[object], metric: str | None, jit: bool) -> str | None:
    """The key of a recipe's program: everything compiled into it and nothing else; None where it cannot be shared.

    Left out is what lives in variables or is passed in: weights, rates, momenta, weight decay,
    `Recipe.hyperparameters`, the numbers of `hpo.training.variable_layers`, seeds, names.

    Args:
        recipe: what is trained.
        shapes: of the data, with their types.
        metric: name of the metric; None: it is no mean over rows, so it is not compiled.
        jit: whether XLA compiles it.

    """
    model, optimizer = recipe.model, recipe.optimizer
    described = _layers(model)
    if described is None:
        return None
    layers = all_layers(model)
    hot = [*_OPTIMIZER_HOT, *(["weight_decay"] if decays_apart(optimizer, model) else [])]
    if updates.momentum(optimizer, model) is not None:
        hot.append(updates.MOMENTA[type(optimizer)])
    parts = [
        described,
        model.dtype_policy.name,
        [
            f"{type(layer).__module__}.{type(layer).__qualname__} {id(type(layer))} {layer.trainable}"
            for layer in layers
        ],
        _optimizer(optimizer, hot),
        sorted(recipe.hyperparameters),
        recipe.clip and recipe.clip.by,
        recipe.average > 0,
        [_treated(optimizer, variable) for variable in model.trainable_variables],
        _loss(recipe.loss),
        # A kernel of RMSprop takes the momentum of a schedule, and Keras' own step, which an embedding needs, does not.
        isinstance(optimizer, keras.optimizers.RMSprop) and drives_momentum(recipe.schedule),
        identity(recipe.augment),
        recipe.batch_size,
        metric,
        jit,
        [str(shape) for shape in shapes],
        [f"{tuple(v.shape)} {v.dtype} {v.trainable}" for v in model.variables],
    ]
    return json.dumps(parts, sort_keys=True, default=str)


def _optimizer(optimizer: Any, hot: Sequence[str]) -> object:
    """Its class and configuration, and that of one within it, without what is `hot`: in variables, or passed in."""
    config = {key: value for key, value in optimizer.get_config().items() if key not in hot}
    if hasattr(optimizer, "inner_optimizer"):
        config["inner_optimizer"] = _optimizer(optimizer.inner_optimizer, _OPTIMIZER_HOT)
    return [f"{type(optimizer).__qualname__} {id(type(optimizer))}", config, list(hot)]


def _treated(optimizer: Any, variable: Any) -> list[bool]:
    """What an optimizer does with a variable for its name: whether it decays, and whether Muon leaves it to AdamW."""
    one = getattr(optimizer, "inner_optimizer", optimizer)
    return [weight_decays(one, variable), muon_leaves_to_adamw(one, variable)]


def _loss(loss: Any) -> object:
    if isinstance(loss, str):
        return loss
    if type(loss).__module__.startswith("keras."):
        config = {key: value for key, value in loss.get_config().items() if key != "name"}
        # What some of Keras' losses are made with is not in their configuration, but it is what they compute with.
        return [type(loss).__qualname__, config, loss_arguments(loss)]
    return identity(loss) if not isinstance(loss, keras.losses.Loss) else f"loss {id(loss)}"


def _layers(model: Any) -> object:
    """The model's configuration with layers called by their position, and without what is not compiled.

    None where it does not tell all: a model class, a layer that cannot be made anew, a function of somebody's own.
    """
    layers = all_layers(model)
    if not symbolic(model) or not all(_told(layer) for layer in layers[1:]):
        return None
    return _plain(model.get_config(), {layer.name: f"layer {number}" for number, layer in enumerate(layers)})


def _told(layer: Any) -> bool:
    """Whether a layer can be made anew from its configuration, as Keras' own can with nothing else in them."""
    if isinstance(layer, keras.layers.Lambda) or not all(_known(name, value) for name, value in vars(layer).items()):
        return False
    if type(layer) in LAYERS:
        return True
    if _is_keras(layer):
        return not any(hasattr(value, "__code__") and not _is_keras(value) for value in vars(layer).values())
    try:
        type(layer).from_config(layer.get_config())
    except Exception:  # whatever its author's code raises
        return False
    return True


def _is_keras(thing: Any) -> bool:
    """Whether an object's class, or a function, is Keras' own."""
    module = getattr(thing, "__module__", None) if hasattr(thing, "__code__") else type(thing).__module__
    return (module or "").startswith("keras.")


def _known(name: str, value: Any) -> bool:
    """Whether an attribute of a layer is no function or object of somebody's own, which a configuration only names."""
    if value is None:
        return True
    if name.endswith("activation"):
        return getattr(keras.activations, getattr(value, "__name__", ""), None) is value
    own = name.endswith(("_initializer", "_regularizer", "_constraint"))
    return not own or _is_keras(value)


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
