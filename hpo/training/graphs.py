"""Compiled functions of a model: made, and let go with all they hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import func_graph

__all__ = ["compiled", "dismantle", "settled"]


def compiled(function: Any, arguments: Sequence[tf.TensorSpec] | None, *, jit: bool = False) -> Any:
    """A tf.function of arguments of these types, traced once; None: of each shape it meets. `jit`: XLA compiles it."""
    return tf.function(function, input_signature=arguments, autograph=False, jit_compile=jit or None)


@contextmanager
def settled(model: keras.Model) -> Iterator[None]:
    """Let Normalization read its variables in the graph traced here, where Keras takes their first values as constants.

    And nothing of the graph stays in the layers: it would never be freed.
    """
    normalizations = [one for one in model._flatten_layers() if isinstance(one, keras.layers.Normalization)]
    for layer in normalizations:
        layer.finalize_state()
    try:
        yield
    finally:
        model._clear_losses()
        with tf.init_scope():
            for layer in normalizations:
                layer.finalize_state()


def dismantle(function: Any) -> None:
    """Empty every graph of a tf.function, which is unusable afterwards; one that was never traced is not traced now.

    TensorFlow empties the outermost graph when its function is collected, but not the graphs of its loops: those hold
    one another through objects that Python's garbage collector does not see into, and stay for the life of the process.
    """
    for concrete in function._function_cache.values():
        for graph in reversed(list(_graphs(concrete.graph))):
            func_graph.dismantle_func_graph(graph)


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for inner in list(graph._functions.values()):
        if getattr(inner, "graph", None) is not None:
            yield from _graphs(inner.graph)
