"""Batch normalization folded into the layer beside it: the same predictions with fewer layers.

In inference batch normalization is an affine map of each channel, s z + t with s = gamma / sqrt(variance + epsilon) and
t = beta - s mean; a dense layer or convolution beside it can do that with its own weights (Jacob et al. 2018, 3.2).
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from hpo.training.after.uncertainty import DROPOUTS
from hpo.training.model_graph import Topology, adopt, copied

__all__ = ["fold"]

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
# What hands on a channel's affine map in inference; Flatten and pooling by means repeat or average it.
_THROUGH = (*DROPOUTS, keras.layers.Flatten, keras.layers.Identity)
_MEANS = (keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D)


def fold(model: keras.Model) -> keras.Model:
    """A copy for prediction whose batch normalizations are part of their neighbours; outputs equal to about 1e-5.

    A batch normalization goes into the dense layer or convolution before it, where nothing but dropout stands between;
    else into the one after it, past dropout, Flatten and global averages. What cannot be folded stays: behind an
    activation and before one, before a convolution that pads with zeros (they would have been 0 after the map, not
    before it), where a branch begins, in a layer used twice or
    in a model that is a layer. Dropout in the copy drops other values than in
    `model`: train on, and draw MC dropout, with `model` itself.

    Raises:
        DefinitionError: the model is a class of somebody's own.

    """
    whole = copied(model)  # its layers belong to it alone, so each stands in one place of one graph
    graph = _Graph(whole)
    for layer in whole.layers:
        if graph.normalizes_channels(layer) and not _into_before(layer, graph):
            _into_after(layer, graph)
    return _without(whole, graph)


class _Graph:
    """Who feeds whom among the layers that are left, and the weights that folding changed."""

    def __init__(self, model: keras.Model) -> None:
        self._topology = Topology(model)
        self.folded: set[int] = set()  # ids of batch normalizations that are gone
        self.weights: dict[int, list[Any]] = {}  # id of a layer -> its kernel and bias, float64

    def normalizes_channels(self, layer: Any) -> bool:
        """Whether it is a batch normalization, in one place, of the last axis, which is that of a kernel's channels."""
        if not isinstance(layer, keras.layers.BatchNormalization) or self._topology.uses(layer) != 1:
            return False
        return layer.axis in (-1, len(layer.input.shape) - 1)

    def before(self, layer: Any) -> Any:
        """The layer that feeds this one alone; None where there is none."""
        found = self._topology.before(layer)
        return self.before(found) if id(found) in self.folded else found

    def after(self, layer: Any) -> Any:
        """The layer that this one alone feeds; None where there is none."""
        found = self._topology.after(layer)
        return self.after(found) if id(found) in self.folded else found

    def kernel(self, layer: Any) -> list[Any]:
        """Kernel and bias as they are by now; a bias of zeros where the layer has none."""
        if id(layer) not in self.weights:
            kernel, *bias = [np.asarray(w, dtype=np.float64) for w in layer.get_weights()]
            self.weights[id(layer)] = [kernel, bias[0] if bias else np.zeros(kernel.shape[-1])]
        return self.weights[id(layer)]


def _into_before(normalization: Any, graph: _Graph) -> bool:
    """Fold into the kernel before, if there is one; whether it was done."""
    layer = graph.before(normalization)
    while isinstance(layer, DROPOUTS):
        layer = graph.before(layer)
    if not _linear(layer) or layer.activation is not keras.activations.linear:
        return False
    scale, shift = _affine(normalization)
    kernel, bias = graph.kernel(layer)
    graph.weights[id(layer)] = [kernel * scale, bias * scale + shift]
    graph.folded.add(id(normalization))
    return True


def _into_after(normalization: Any, graph: _Graph) -> None:
    """Fold into the kernel after, if there is one."""
    scale, shift = _affine(normalization)
    layer = graph.after(normalization)
    while isinstance(layer, (*_THROUGH, *_MEANS)):
        if isinstance(layer, keras.layers.Flatten):
            repeats = int(np.prod(layer.input.shape[1:-1]))
            scale, shift = np.tile(scale, repeats), np.tile(shift, repeats)
        layer = graph.after(layer)
    if not _linear(layer) or not _takes_shift(layer):
        return
    kernel, bias = graph.kernel(layer)
    moved = np.tensordot(shift, kernel, axes=(0, kernel.ndim - 2)).reshape(-1, kernel.shape[-1]).sum(axis=0)
    graph.weights[id(layer)] = [kernel * scale[:, None], bias + moved]
    graph.folded.add(id(normalization))


def _affine(normalization: Any) -> tuple[Any, Any]:
    """Scale and shift of each channel, float64."""
    variance = np.asarray(normalization.moving_variance, dtype=np.float64)
    scale = 1 / np.sqrt(variance + normalization.epsilon)
    if normalization.scale:
        scale = scale * np.asarray(normalization.gamma, dtype=np.float64)
    shift = -scale * np.asarray(normalization.moving_mean, dtype=np.float64)
    if normalization.center:
        shift = shift + np.asarray(normalization.beta, dtype=np.float64)
    return scale, shift


def _without(whole: keras.Model, graph: _Graph) -> keras.Model:
    """The model again with the changed weights and without what was folded."""
    made: list[tuple[Any, Any]] = []

    def again(layer: Any) -> Any:
        config = layer.get_config()
        fresh = type(layer).from_config({**config, "use_bias": True} if id(layer) in graph.weights else config)
        made.append((layer, fresh))
        return fresh

    if isinstance(whole, keras.Sequential):
        entry = whole.inputs[0]
        kept = [again(layer) for layer in whole.layers if id(layer) not in graph.folded]
        result = keras.Sequential([keras.Input(batch_shape=entry.shape, dtype=entry.dtype), *kept], name=whole.name)
    else:
        result = keras.models.clone_model(whole, clone_function=again, call_function=_skipping(made, graph))
    for layer, fresh in made:
        if id(layer) not in graph.folded:
            adopt(fresh, graph.weights.get(id(layer)) or [variable.value for variable in layer.variables])
    return result


def _skipping(made: list[tuple[Any, Any]], graph: _Graph) -> Callable[..., Any]:
    """Calls a fresh layer, unless it was made of one that was folded: that one hands on its input."""

    def call(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        gone = any(fresh is layer and id(old) in graph.folded for old, fresh in made)
        return inputs if gone else layer(inputs, *args, **kwargs)

    return call


def _linear(layer: Any) -> bool:
    """Whether the layer is a kernel and a bias over the last axis."""
    if type(layer) is keras.layers.Dense:
        return True
    return type(layer) in _CONVOLUTIONS and layer.data_format == "channels_last"


def _takes_shift(layer: Any) -> bool:
    """Whether the kernel meets every channel in every place, so that a shift of its input is a shift of its output."""
    return type(layer) is keras.layers.Dense or (layer.padding == "valid" and layer.groups == 1)
