"""Looking into a network: one forward and one backward pass over one batch."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError, UsageError
from hpo.training.exclusive import exclusive
from hpo.training.probes.records import LayerProbe, Probe

if TYPE_CHECKING:
    import keras

__all__ = ["probe"]

_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_RELU_FAMILY = ("relu", "leaky_relu", "prelu", "elu", "selu")
_LAYERS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu", "Softmax": "softmax"}


@exclusive
def probe(model: "keras.Model", loss: Any, rows: Rows, *, epoch: int = 0) -> Probe:
    """Gradient norm, weight norm and activations of every layer with a kernel, on `rows` as one batch.

    The passes are those of a training step: batch normalization takes the batch's own statistics (before the first
    epoch its moving averages say nothing) and dropout drops. Whatever that changes in the model is put back. It is done
    without compiling: a 20-layer network is probed in a tenth of what compiling the same passes takes, and a trial
    looks twice.

    What a layer gives is taken behind its activation, the last one before the next kernel.

    Args:
        model: Functional or Sequential, built, Normalization layers adapted, as `Run.model()` gives it.
        loss: as in `Recipe.loss`.
        rows: training rows, x as the data set stores them; a few hundred are enough.
        epoch: epochs trained so far, which the record repeats.

    Raises:
        UsageError: there are no rows.
        DefinitionError: the model is a class of somebody's own, or no layer of it has a kernel.

    """
    import keras
    import tensorflow as tf

    from hpo.training import scores
    from hpo.training.signature import symbolic

    if not len(rows):
        raise UsageError("there are 0 rows to probe with: give at least one")
    kernels = [layer for layer in model.layers if _has_kernel(layer)] if symbolic(model) else []
    if not kernels:
        raise DefinitionError(f"model {model.name!r} has no layers with kernels to probe: build it as keras.Sequential")
    ends = [_end(model, layer) for layer in kernels]
    passing = keras.Model(model.inputs, [*(layer.output for layer in ends), *model.outputs])
    x, y = (tf.constant(a.astype(np.float32) if a.dtype == np.float64 else a) for a in (rows.x, rows.y))
    before = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    watched = [layer.kernel.value for layer in kernels]
    try:
        with tf.GradientTape() as tape:
            tape.watch(watched)
            *outputs, predicted = passing(x, training=True)
            value = scores.batch_loss(loss)(y, predicted, None)
        gradients = tape.gradient(value, watched, unconnected_gradients="zero")
    finally:
        model._clear_losses()
        for variable, kept in before:
            variable.assign(kept)
    return Probe(
        epoch=epoch,
        rows=len(rows),
        loss=float(value),
        layers=tuple(
            _layer(layer, _activation(end), output.numpy(), gradient.numpy())
            for layer, end, output, gradient in zip(kernels, ends, outputs, gradients, strict=True)
        ),
    )


def _has_kernel(layer: Any) -> bool:
    """Whether it is a dense layer, a convolution or the like, in one place of the model."""
    return len(getattr(getattr(layer, "kernel", None), "shape", ())) >= 2 and len(layer._inbound_nodes) == 1


def _end(model: Any, kernel: Any) -> Any:
    """The last activation that stands between this kernel and the next, or the layer itself."""
    from hpo.training.topology import Topology

    topology = Topology(model)
    end, layer = kernel, topology.after(kernel)
    while layer is not None and not _has_kernel(layer):
        if _activation(layer) != "linear":
            end = layer
        layer = topology.after(layer)
    return end


def _activation(layer: Any) -> str:
    """The name of the activation a layer ends with; linear where it has none."""
    named: str = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return _LAYERS.get(type(layer).__name__, named)


def _layer(layer: Any, activation: str, output: NDArray[Any], gradient: NDArray[Any]) -> LayerProbe:
    values = output.reshape(-1, output.shape[-1]).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return LayerProbe(
            name=layer.name,
            units=values.shape[1],
            activation=activation,
            gradient_norm=_norm(gradient),
            weight_norm=_norm(layer.kernel.numpy()),
            activation_mean=float(values.mean()),
            activation_variance=float(values.var()),
            saturated=_saturated(values, *_RANGES[activation]) if activation in _RANGES else None,
            dead=float(np.mean(np.all(values == 0, axis=0))) if activation in _RELU_FAMILY else None,
        )


def _norm(values: NDArray[Any]) -> float:
    return float(np.linalg.norm(values.astype(np.float64).reshape(-1)))


def _saturated(values: NDArray[np.float64], low: float, high: float) -> float:
    """Share of values further than 0.99 of half the range from its middle."""
    return float(np.mean(np.abs(values - (low + high) / 2) > 0.99 * (high - low) / 2))
