"""What is told of a network that was looked into: what it is made of, and how gradients fare in it.

A gradient's norm says little by itself, so it is taken by the norm of the weights it changes: how far a step at rate 1
moves a layer. From one layer to the next that of a ReLU network hardly differs, however large both are, since what
swells on the way back has swollen on the way forth; so a gradient has to be judged by its size as well.
"""

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hpo.training.probes import LayerProbe, Probe

__all__ = ["APART", "EDGE", "LARGEST", "SMALLEST", "Fate", "Mend", "ends", "fate", "layer_kind", "mend", "power"]

APART = 3.0  # powers of ten between first and last hidden layer from which gradients count as vanishing or exploding
SMALLEST = -5.0  # powers of ten: below it a step at rate 0.01 changes no weight, as float32 has seven digits
LARGEST = 2.0  # powers of ten: from it a step at rate 0.01 is larger than the layer
EDGE = 12.0  # powers of ten beyond which nothing more is told apart

Fate = Literal["passing", "vanishing", "exploding"]
Mend = Literal["nothing", "batch normalization", "clipping"]


def layer_kind(probe: "Probe") -> str:
    """Activation and initializer of the hidden layers, by name: "relu, he_normal"."""
    first = probe.hidden[0]
    return f"{first.activation}, {first.initializer}"


def mend(probe: "Probe") -> Mend:
    """What stands against vanishing and exploding; batch normalization where there are both."""
    return "batch normalization" if probe.normalized else "clipping" if probe.clips else "nothing"


def power(value: float, weight: float = 1.0, *, edge: float = EDGE) -> float:
    """log10 of a norm by the weights' norm, within ±`edge`: 0 has vanished, what left the finite numbers exploded."""
    if not math.isfinite(value):
        return edge
    if not value:
        return -edge
    return min(max(math.log10(value) - (math.log10(weight) if weight > 0 else 0.0), -edge), edge)


def ends(probe: "Probe", *, clipped: bool = False) -> tuple[float, float]:
    """log10 of gradient norm by weight norm in the first and in the last hidden layer, within ±`EDGE`.

    Args:
        probe: a look; where it has two layers only, the output layer is the last.
        clipped: of what clipping leaves of the gradients.

    """
    layers = probe.layers[:-1] if len(probe.layers) > 2 else probe.layers
    first, last = (_relative(layer, clipped) for layer in (layers[0], layers[-1]))
    return first, last


def fate(probe: "Probe", *, clipped: bool = False) -> Fate:
    """How gradients fare on their way from the last hidden layer to the first."""
    first, last = ends(probe, clipped=clipped)
    if max(first, last) >= LARGEST or first - last >= APART:
        return "exploding"
    return "vanishing" if first <= SMALLEST or first - last <= -APART else "passing"


def _relative(layer: "LayerProbe", clipped: bool) -> float:
    return power(layer.clipped_norm if clipped else layer.gradient_norm, layer.weight_norm)
