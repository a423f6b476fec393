"""Whether a clone of a model may be trained in its place: what neither configuration nor variables hold, it lacks."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.messages import one_line
from hpo.training.batch_scores import batch_loss
from hpo.training.keras_internals import all_layers, clear_losses, drawing_from
from hpo.training.model_graph import finalize
from hpo.training.variable_layers import LAYERS

__all__ = [
    "ROWS",
    "attribute_difference",
    "behavior_difference",
    "cloned",
    "difference",
    "identity",
]

ROWS = 8  # of the training rows, that a clone is compared on
_CLOSE = {"rtol": 1e-4, "atol": 1e-6}  # both compute with the same kernels


def cloned(model: keras.Model) -> keras.Model:
    """The model made anew from its configuration, with the same weights. Raises whatever its layers' code raises."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(model.dtype_policy)  # a model takes it from there, and layers have their own
    try:
        clone = keras.models.clone_model(model)
    finally:
        keras.config.set_dtype_policy(before)
    for ours, theirs in zip(clone.variables, model.variables, strict=True):
        ours.assign(theirs)
    return clone


def attribute_difference(model: keras.Model, clone: keras.Model) -> str | None:
    """What the attributes of two models' layers tell of a difference between them, in words; None: nothing."""
    for theirs, ours in zip(_layers(model), _layers(clone), strict=True):
        found = None if type(theirs) in LAYERS else difference(theirs, ours)
        if found is not None:
            return f"of {type(theirs).__name__} {found}"
    return None


def behavior_difference(model: keras.Model, clone: keras.Model, loss: Any, x: Any, y: Any) -> str | None:
    """What two models with the same weights show of a difference between them, in words; None: nothing.

    Compared is what they make of some rows, and a step: with the same random numbers the loss, the gradients, and what
    of the model's state a batch in training changes. Both are left as they were. Where the original itself cannot do
    it, there is nothing to compare: training will say so.

    Args:
        model: the original.
        clone: what would be trained in its place.
        loss: as in `Recipe.loss`.
        x: some rows, a tensor as the model takes them.
        y: their targets.

    """
    try:
        expected = _seen(model, loss, x, y)
    except Exception:
        return None
    try:
        got = _seen(clone, loss, x, y)
    except Exception as error:  # of a layer that was adapted, say, and is not in the clone
        return f"the clone fails: {one_line(error)}"
    for what, values in expected.items():
        if not _close(values, got[what]):
            return f"{what} differ"
    return None


def _layers(model: keras.Model) -> list[Any]:
    return [layer for layer in all_layers(model, itself=False) if not isinstance(layer, keras.Model)]


def _seen(model: keras.Model, loss: Any, x: Any, y: Any) -> dict[str, list[Any]]:
    """What a model shows of itself on some rows: it is left as it was."""
    before = [(variable, variable.numpy()) for variable in model.variables]
    finalize(model)
    try:
        with drawing_from(keras.random.SeedGenerator(0)):
            seen = {"the outputs": keras.tree.flatten(model(x, training=False))}
        with drawing_from(keras.random.SeedGenerator(0)), tf.GradientTape() as tape:
            outputs = model(x, training=True)
            value = tf.cast(batch_loss(loss)(y, outputs, None), tf.float32)
            value += sum(tf.reduce_sum(tf.cast(penalty, tf.float32)) for penalty in model.losses)
        gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
        seen["the losses in training"] = [value]
        seen["the gradients"] = [tf.zeros(()) if gradient is None else gradient for gradient in gradients]
        seen["the states after a batch in training"] = [v.value for v in model.non_trainable_variables]
        return {what: [_array(value) for value in values] for what, values in seen.items()}
    finally:
        clear_losses(model)
        for variable, value in before:
            variable.assign(value)


def _array(value: Any) -> Any:
    """As NumPy compares it: floats of any width as doubles."""
    tensor = tf.convert_to_tensor(value)
    return (tf.cast(tensor, tf.float64) if tensor.dtype.is_floating else tensor).numpy()


def _close(expected: Sequence[Any], got: Sequence[Any]) -> bool:
    if [value.shape for value in expected] != [value.shape for value in got]:
        return False
    return all(
        np.allclose(a, b, equal_nan=True, **_CLOSE) if a.dtype == np.float64 else np.array_equal(a, b)
        for a, b in zip(expected, got, strict=True)
    )


_DEEP = 3  # objects within objects that are looked into
_OWN_LIFE = ("name", "seed", "built")  # these differ between objects that do the same


def difference(one: Any, other: Any) -> str | None:
    """The first attribute with a value of its own in two layers or optimizers, in words; None where there is none.

    Compared are numbers, texts, arrays, functions, collections of them, and what plain objects hold of them. What Keras
    keeps for itself is not: private attributes of its own classes, and those that every layer and optimizer has.

    Args:
        one: a layer or optimizer.
        other: what should do the same; of the same class.

    """
    ours, theirs = _attributes(one), _attributes(other)
    for name in sorted({*ours, *theirs}):
        if name not in ours or name not in theirs:
            return f"only one of them has {name}"
        if not _alike(ours[name], theirs[name], _DEEP):
            return f"{name} is {_short(ours[name])} in one and {_short(theirs[name])} in the other"
    return None


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


def _attributes(thing: Any) -> Mapping[str, Any]:
    common = _common()
    given = {name: value for name, value in vars(thing).items() if name not in common}
    if not _foreign(thing):
        return given
    # What such an object keeps in tensors it has from its variables.
    return {name: value for name, value in given.items() if name[0] != "_" and not keras.ops.is_tensor(value)}


@functools.cache
def _common() -> frozenset[str]:
    """What every layer and every optimizer has, and what differs without a difference."""
    layer = keras.layers.Layer()
    layer.build(())
    optimizer = keras.optimizers.SGD()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return frozenset({*vars(layer), *vars(optimizer), *_OWN_LIFE, "_build_shapes_dict", "_initializer"})


def _foreign(thing: Any) -> bool:
    """Whether its class is a library's: what such an object keeps inside is not for us to compare."""
    return type(thing).__module__.partition(".")[0] in ("keras", "tensorflow", "numpy")


def _alike(one: Any, other: Any, deep: int) -> bool:
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], deep) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_alike(a, b, deep) for a, b in zip(one, other, strict=True))
    if isinstance(one, bool | int | float | complex | str | bytes | set | frozenset | type(None)):
        return _equal(one, other)
    if isinstance(one, np.generic | np.ndarray) or keras.ops.is_tensor(one):
        return _equal(np.asarray(one), np.asarray(other))
    if hasattr(one, "__code__") and hasattr(other, "__code__"):  # a method is compared as what it is a method of
        return identity(getattr(one, "__func__", one)) == identity(getattr(other, "__func__", other))
    if type(one) is not type(other):
        return False
    if isinstance(one, keras.Layer) or _foreign(one) or not hasattr(one, "__dict__") or not deep:
        return True  # a layer within a layer is looked at by itself
    return _alike(vars(one), vars(other), deep - 1)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        floats = one.dtype.kind in "fc"
        return bool(np.array_equal(one, other, equal_nan=floats and other.dtype.kind in "fc"))
    return bool(one == other or (one != one and other != other))  # NaN is not itself


def _short(value: Any) -> str:
    return f"{value!r:.60}"
