"""Looking into a network: one forward and one backward pass over one batch."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError, UsageError
from hpo.training.clipping import Clip, clipped
from hpo.training.exclusive import exclusive
from hpo.training.keras_internals import clear_losses, places
from hpo.training.probes.probe_records import LayerProbe, Probe

if TYPE_CHECKING:
    import keras

__all__ = ["probe"]

_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_RELU_FAMILY = ("relu", "leaky_relu", "prelu", "elu", "selu")
_LAYERS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu", "Softmax": "softmax"}


@exclusive
def probe(model: "keras.Model", loss: Any, rows: Rows, *, epoch: int = 0, clip: Clip | None = None) -> Probe:
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
        clip: as in `Recipe.clip`. Of a global norm only the kernels' share is known here: biases do not count.

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
        clear_losses(model)
        for variable, kept in before:
            variable.assign(kept)
    steps = gradients if clip is None else clipped(gradients, clip.by, clip.threshold)
    return Probe(
        epoch=epoch,
        rows=len(rows),
        loss=float(value),
        layers=tuple(
            _layer(model, layer, _activation(end), output.numpy(), (gradient.numpy(), step.numpy()))
            for layer, end, output, gradient, step in zip(kernels, ends, outputs, gradients, steps, strict=True)
        ),
    )


def _has_kernel(layer: Any) -> bool:
    """Whether it is a dense layer, a convolution or the like, in one place of the model."""
    return len(getattr(getattr(layer, "kernel", None), "shape", ())) >= 2 and places(layer) == 1


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


def _normalized(model: Any, kernel: Any) -> bool:
    """Whether batch normalization stands between this kernel and the next."""
    from hpo.training.topology import Topology

    topology = Topology(model)
    layer = topology.after(kernel)
    while layer is not None and not _has_kernel(layer):
        if type(layer).__name__ == "BatchNormalization":
            return True
        layer = topology.after(layer)
    return False


def _initializer(layer: Any) -> str:
    """The name of what drew the kernel: he_normal of HeNormal, and naive of the normal draw of old."""
    found: Any = getattr(layer, "kernel_initializer", None)
    if type(found).__name__ == "RandomNormal" and (found.mean, found.stddev) == (0.0, 1.0):
        return "naive"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(found).__name__).lower()


def _layer(
    model: Any, layer: Any, activation: str, output: NDArray[Any], gradients: tuple[NDArray[Any], NDArray[Any]]
) -> LayerProbe:
    """The record of one layer; `gradients`: the kernel's, and what clipping leaves of it."""
    values = output.reshape(-1, output.shape[-1]).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return LayerProbe(
            name=layer.name,
            units=values.shape[1],
            activation=activation,
            initializer=_initializer(layer),
            normalized=_normalized(model, layer),
            gradient_norm=_norm(gradients[0]),
            clipped_norm=_norm(gradients[1]),
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
