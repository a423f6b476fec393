"""Letting a compiled function go, with all it holds."""

from collections.abc import Iterator
from typing import Any

from tensorflow.python.framework import func_graph

__all__ = ["dismantle"]


def dismantle(function: Any) -> None:
    """Empty every graph of a tf.function, which is unusable afterwards.

    TensorFlow empties the outermost graph when its function is collected, but not the graphs of its loops: those hold
    one another through objects that Python's garbage collector does not see into, and stay for the life of the process.
    """
    for concrete in function._list_all_concrete_functions():
        for graph in reversed(list(_graphs(concrete.graph))):
            func_graph.dismantle_func_graph(graph)


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for inner in list(graph._functions.values()):
        if getattr(inner, "graph", None) is not None:
            yield from _graphs(inner.graph)
