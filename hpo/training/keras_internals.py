"""All of Keras and TensorFlow that hpo leans on beyond what they document, in one place.

Their public names do not reach everything a compiled loop needs: a layer's place in its model, the variables an
optimizer keeps, the graphs inside a function. Each function here says what it relies on, and
tests/unit/training/test_keras_contract.py asks each version of Keras and TensorFlow whether it still holds.
"""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend import compute_output_spec, get_keras_mask
from keras.src.backend.common import global_state
from keras.src.losses.loss import apply_mask
from keras.src.metrics.reduction_metrics import reduce_to_samplewise_values
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.trainers.compile_utils import CompileLoss, is_binary_or_sparse_categorical

__all__ = [
    "CompileLoss",
    "all_layers",
    "apply_mask",
    "clear_kernel_cache",
    "clear_losses",
    "clip_gradients",
    "compile_config",
    "compute_output_spec",
    "decays_as_all_do",
    "dismantle",
    "drawing_from",
    "forget_random_generator",
    "get_keras_mask",
    "given_learning_rate",
    "input_tensors",
    "is_binary_or_sparse_categorical",
    "is_raised",
    "loss_arguments",
    "made_by",
    "metric_function",
    "moving_averages",
    "muon_leaves_to_adamw",
    "nadam_product",
    "optimizer_state",
    "places",
    "reduce_to_samplewise_values",
    "weight_decays",
]


# Layers and models


def all_layers(model: Any, *, itself: bool = True) -> list[Any]:
    """Every layer of a model in order, those within its layers too; the model itself first, unless told otherwise."""
    return list(model._flatten_layers(include_self=itself))


def clear_losses(model: Any) -> None:
    """Forget the losses that the layers added when they were last called, and with them the graph they are of."""
    model._clear_losses()


def compile_config(model: Any) -> dict[str, Any]:
    """What a model was compiled with, as the objects that were given; empty where it was not compiled."""
    return dict(model._compile_config.config) if model.compiled else {}


def places(layer: Any) -> int:
    """In how many places of models a layer was called to build them."""
    return len(layer._inbound_nodes)


def input_tensors(layer: Any) -> list[Any]:
    """The tensors a layer takes: several where it has several inputs, or is used in several places."""
    return [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]


def made_by(tensor: Any) -> Any:
    """The layer a model's tensor comes out of."""
    return tensor._keras_history.operation


# Losses and metrics


def metric_function(metric: Any) -> functools.partial[Any]:
    """The function of targets and outputs that a `keras.metrics.MeanMetricWrapper` takes means of."""
    return functools.partial(metric._fn, **metric._fn_kwargs)


def loss_arguments(loss: Any) -> dict[str, Any] | None:
    """What one of Keras' losses computes with and does not always tell in its configuration; None: nothing."""
    return getattr(loss, "_fn_kwargs", None)


def is_raised(metric: Any) -> bool:
    """Whether a metric says of itself that more is better."""
    return getattr(metric, "_direction", None) == "up"


# Random numbers


def forget_random_generator() -> None:
    """Let Keras make the generator of whatever is given no seed anew, from a seed that Python's `random` draws."""
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)


@contextmanager
def drawing_from(generator: Any) -> Iterator[None]:
    """Within it, Keras' random functions that are given no seed draw from `generator`: a run can be repeated."""
    before = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)
    try:
        yield
    finally:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, before)


# Optimizers


def given_learning_rate(optimizer: Any) -> Any:
    """The learning rate as the optimizer was given it: a variable, or a schedule, or a function."""
    return optimizer._learning_rate


def weight_decays(optimizer: Any, variable: Any) -> bool:
    """Whether weight decay, where an optimizer has any, is of this variable too."""
    return bool(optimizer._use_weight_decay(variable))


def decays_as_all_do(optimizer: Any) -> bool:
    """Whether weight decay is the one all of Keras' optimizers share: rate x decay x weight off, before the step."""
    shared: bool = type(optimizer)._apply_weight_decay is keras.optimizers.SGD._apply_weight_decay
    return shared


def muon_leaves_to_adamw(optimizer: Any, variable: Any) -> bool:
    """Whether an optimizer is Muon and steps this variable as AdamW does."""
    return isinstance(optimizer, keras.optimizers.Muon) and bool(optimizer._should_use_adamw(variable))


def clip_gradients(optimizer: Any, gradients: Sequence[Any]) -> list[Any]:
    """The gradients as the optimizer's own `clipnorm`, `clipvalue` or `global_clipnorm` leave them."""
    return list(optimizer._clip_gradients(list(gradients)))


def moving_averages(optimizer: Any) -> list[tuple[Any, Any]]:
    """Each weight of a built optimizer with `use_ema` and the variable of its average, None where it has none."""
    return list(zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True))


def nadam_product(optimizer: Any) -> Any:
    """The tf.Variable in which Nadam keeps the product of all momenta so far."""
    return optimizer._u_product.value


_STATE: dict[type, Any] = {
    keras.optimizers.Adam: lambda o: [o._momentums, o._velocities, *([o._velocity_hats] if o.amsgrad else [])],
    keras.optimizers.Nadam: lambda o: [o._momentums, o._velocities],
    keras.optimizers.RMSprop: lambda o: [
        *([o._average_gradients] if o.centered else []),
        o._velocities,
        *([o._momentums] if o.momentum else []),
    ],
    keras.optimizers.SGD: lambda o: [o.momentums] if o.momentum else [],
    keras.optimizers.Adamax: lambda o: [o._m, o._u],
    keras.optimizers.Adadelta: lambda o: [o._accumulated_grads, o._accumulated_delta_vars],
    keras.optimizers.Adagrad: lambda o: [o._accumulators],
}
_STATE[keras.optimizers.AdamW] = _STATE[keras.optimizers.Adam]


def optimizer_state(optimizer: Any) -> list[tuple[Any, ...]]:
    """The tf.Variables that a built optimizer of Keras' own keeps for each weight, in the order its class has them.

    The first and second moments of Adam, AdamW (and the largest second ones of AMSGrad), Nadam, Adamax; the average
    gradient (centered), its square and the momentum (if any) of RMSprop; the momentum of SGD, if any; both
    accumulators of Adadelta, the one of Adagrad.
    """
    lists = _STATE[type(optimizer)](optimizer)
    if not lists:
        return [() for _ in optimizer._trainable_variables]
    return [tuple(variable.value for variable in state) for state in zip(*lists, strict=True)]


# TensorFlow


def dismantle(function: Any) -> None:
    """Empty every graph of a tf.function, which is unusable afterwards; one that was never traced is not traced now.

    TensorFlow empties the outermost graph when its function is collected, but not the graphs of its loops: those hold
    one another through objects that Python's garbage collector does not see into, and stay for the life of the process.
    """
    from tensorflow.python.framework import func_graph

    for concrete in function._function_cache.values():
        for graph in reversed(list(_graphs(concrete.graph))):
            func_graph.dismantle_func_graph(graph)


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for inner in list(graph._functions.values()):
        if getattr(inner, "graph", None) is not None:
            yield from _graphs(inner.graph)


def clear_kernel_cache() -> None:
    """Let go of the kernels TensorFlow has prepared for operations outside graphs, with what they hold."""
    from tensorflow.python.eager import context

    context.context().clear_kernel_cache()
