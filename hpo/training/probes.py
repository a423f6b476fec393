"""What training looks like from inside: gradients, activations and weights, layer by layer.

The records need no TensorFlow; `probe`, which measures them, imports it when it is called.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError, UsageError
from hpo.study.checked_records import AnyFloat, Count, Name, Share, Whole, check
from hpo.training.regularization import Clip, clipped
from hpo.training.runtime import exclusive

if TYPE_CHECKING:
    import keras

__all__ = [
    "LayerProbe",
    "Probe",
    "probe",
]


@dataclass(frozen=True, kw_only=True)
class LayerProbe:
    """One layer with a kernel, and the activation behind it. A number that left the finite ones is NaN."""

    name: Name  # of the layer with the kernel
    units: Count  # outputs of a dense layer, filters of a convolution
    activation: str  # such as relu; linear where there is none
    initializer: str  # what the kernel was drawn by, as hpo.training.INITIALIZERS names it, else Keras' name for it
    normalized: bool  # whether batch normalization stands between this kernel and the next
    gradient_norm: AnyFloat  # L2 norm of the loss's gradient with respect to the kernel, penalties not included
    clipped_norm: AnyFloat  # the same of what clipping leaves of it; the same number where nothing is clipped
    weight_norm: AnyFloat  # L2 norm of the kernel
    activation_mean: AnyFloat  # of what the activation gives, over rows and units
    activation_variance: AnyFloat  # of the same
    saturated: (
        Share | None
    )  # share of these numbers in the outer 1 % of the activation's range; None but of sigmoid, tanh
    dead: Share | None  # share of units that are 0 for every row; None but of the ReLU family

    def __post_init__(self) -> None:
        check(self, kind="layer")

    @property
    def relative_gradient(self) -> float:
        """Gradient norm by weight norm: how far a step at rate 1 moves the kernel. NaN of a kernel of zeros."""
        return self.gradient_norm / self.weight_norm if self.weight_norm else math.nan


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One look at a network, on one batch of training rows."""

    epoch: Count  # epochs trained before it; 0: the weights as they were drawn
    rows: Whole  # of the batch
    loss: AnyFloat  # of the batch, penalties not included
    layers: tuple[LayerProbe, ...]  # from the inputs to the outputs

    def __post_init__(self) -> None:
        check(self)

    @property
    def hidden(self) -> tuple[LayerProbe, ...]:
        """The layers before the output layer; all there is where that is the only one."""
        return self.layers[:-1] or self.layers

    @property
    def attenuation(self) -> float:
        """Gradient norm of the first hidden layer by that of the last: far below 1 is vanishing, far above exploding.

        The output layer, of another width and activation, counts only where there are not two hidden ones. NaN where
        the divisor is 0.
        """
        first, last = self.layers[0].gradient_norm, self.layers[-2 if len(self.layers) > 2 else -1].gradient_norm
        return first / last if last else math.nan

    @property
    def clips(self) -> bool:
        """Whether clipping took something from a gradient."""
        return any(layer.clipped_norm < layer.gradient_norm * (1 - 1e-6) for layer in self.layers)

    @property
    def normalized(self) -> bool:
        """Whether batch normalization stands behind a hidden layer."""
        return any(layer.normalized for layer in self.hidden)

    def to_json(self) -> dict[str, Any]:
        """As plain values; numbers that are not finite become None, which JSON can say."""
        layers = [{key: _plain(value) for key, value in asdict(layer).items()} for layer in self.layers]
        return {"epoch": self.epoch, "rows": self.rows, "loss": _plain(self.loss), "layers": layers}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Probe":
        """The probe that `to_json` made this of."""
        layers = tuple(_read_layer(layer) for layer in document["layers"])
        return cls(epoch=document["epoch"], rows=document["rows"], loss=_number(document["loss"]), layers=layers)


_NUMBERS = ("gradient_norm", "clipped_norm", "weight_norm", "activation_mean", "activation_variance")


def _read_layer(document: Mapping[str, Any]) -> LayerProbe:
    values: dict[str, Any] = {key: _number(value) if key in _NUMBERS else value for key, value in document.items()}
    return LayerProbe(**values)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


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

    from hpo.training.batch_scores import batch_loss
    from hpo.training.keras_internals import clear_losses
    from hpo.training.model_graph import symbolic

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
            value = batch_loss(loss)(y, predicted, None)
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
    from hpo.training.keras_internals import places

    return len(getattr(getattr(layer, "kernel", None), "shape", ())) >= 2 and places(layer) == 1


def _behind(model: Any, kernel: Any) -> Iterator[Any]:
    """The layers that stand between this kernel and the next."""
    from hpo.training.model_graph import Topology

    topology = Topology(model)
    layer = topology.after(kernel)
    while layer is not None and not _has_kernel(layer):
        yield layer
        layer = topology.after(layer)


def _end(model: Any, kernel: Any) -> Any:
    """The last activation that stands between this kernel and the next, or the layer itself."""
    return next((layer for layer in reversed([*_behind(model, kernel)]) if _activation(layer) != "linear"), kernel)


def _activation(layer: Any) -> str:
    """The name of the activation a layer ends with; linear where it has none."""
    named: str = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return _LAYERS.get(type(layer).__name__, named)


def _normalized(model: Any, kernel: Any) -> bool:
    """Whether batch normalization stands between this kernel and the next."""
    return any(type(layer).__name__ == "BatchNormalization" for layer in _behind(model, kernel))


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
