"""Whether a clone of a model may be trained in its place: what neither configuration nor variables hold, it lacks."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.messages import one_line
from hpo.training import attributes
from hpo.training.keras_internals import all_layers, clear_losses, drawing_from
from hpo.training.layers import LAYERS
from hpo.training.preparing import finalize
from hpo.training.scores import batch_loss

__all__ = ["ROWS", "cloned", "inscribed", "shown"]

ROWS = 8  # of the training rows, that a clone is compared on
_CLOSE = {"rtol": 1e-4, "atol": 1e-6}  # both compute with the same kernels


def cloned(model: keras.Model) -> keras.Model:
    """The model made anew from its configuration, with the same weights. Raises whatever its layers' code raises."""
    clone = keras.models.clone_model(model)
    for ours, theirs in zip(clone.variables, model.variables, strict=True):
        ours.assign(theirs)
    return clone


def inscribed(model: keras.Model, clone: keras.Model) -> str | None:
    """What the attributes of two models' layers tell of a difference between them, in words; None: nothing."""
    for theirs, ours in zip(_layers(model), _layers(clone), strict=True):
        found = None if type(theirs) in LAYERS else attributes.difference(theirs, ours)
        if found is not None:
            return f"of {type(theirs).__name__} {found}"
    return None


def shown(model: keras.Model, clone: keras.Model, loss: Any, x: Any, y: Any) -> str | None:
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
