"""What a probe of a network tells, as records."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hpo.study.annotations import AnyFloat, Count, Name, Share, Whole
from hpo.study.checked_records import check

__all__ = ["LayerProbe", "Probe"]


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
        layers = tuple(_layer(layer) for layer in document["layers"])
        return cls(epoch=document["epoch"], rows=document["rows"], loss=_number(document["loss"]), layers=layers)


_NUMBERS = ("gradient_norm", "clipped_norm", "weight_norm", "activation_mean", "activation_variance")


def _layer(document: Mapping[str, Any]) -> LayerProbe:
    values: dict[str, Any] = {key: _number(value) if key in _NUMBERS else value for key, value in document.items()}
    return LayerProbe(**values)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
