"""Compiled functions of a model: made, and let go with all they hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from hpo.training.keras_internals import all_layers, clear_losses

__all__ = ["compiled", "settled"]


def compiled(function: Any, arguments: Sequence[tf.TensorSpec] | None, *, jit: bool = False) -> Any:
    """A tf.function of arguments of these types, traced once; None: of each shape it meets. `jit`: XLA compiles it."""
    return tf.function(function, input_signature=arguments, autograph=False, jit_compile=jit or None)


@contextmanager
def settled(model: keras.Model) -> Iterator[None]:
    """Let Normalization read its variables in the graph traced here, where Keras takes their first values as constants.

    And nothing of the graph stays in the layers: it would never be freed.
    """
    normalizations = [one for one in all_layers(model) if isinstance(one, keras.layers.Normalization)]
    for layer in normalizations:
        layer.finalize_state()
    try:
        yield
    finally:
        clear_losses(model)
        with tf.init_scope():
            for layer in normalizations:
                layer.finalize_state()
