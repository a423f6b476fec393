"""Activations by their names, each as a layer of its own behind the layer that computes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError

if TYPE_CHECKING:
    import keras

__all__ = ["ACTIVATIONS", "activation"]

PRELU_START = 0.25  # He et al. 2015, where Keras begins with 0, at which PReLU is ReLU

ACTIVATIONS: Mapping[str, str] = MappingProxyType(
    {
        "sigmoid": "1 / (1 + exp(-z)), in (0, 1), saturates on both sides",
        "tanh": "tanh(z), in (-1, 1), saturates on both sides",
        "relu": "max(0, z); Nair and Hinton 2010",
        "leaky_relu": "max(slope z, z), slope 0.01 unless given; Maas et al. 2013",
        "prelu": f"max(a z, z) with an a for each unit that is learned, {PRELU_START} at first; He et al. 2015",
        "elu": "z, or alpha (exp(z) - 1) for z < 0, alpha 1 unless given; Clevert et al. 2016",
        "selu": "1.0507 z, or 1.0507 * 1.6733 (exp(z) - 1) for z < 0; Klambauer et al. 2017",
    }
)
"""Name of each activation -> its formula and source; z is what the kernel gives."""


def activation(name: str, *, slope: float = 0.01, alpha: float = 1.0) -> "list[keras.layers.Layer]":
    """Fresh layers, one today, that apply the activation element by element.

    `slope` and `alpha` live in variables, so a search over them compiles nothing.

    Args:
        name: of `ACTIVATIONS`.
        slope: of leaky_relu below 0, in [0, 1].
        alpha: of elu, above 0.

    Raises:
        DefinitionError: the name is unknown, or the slope or alpha out of range.

    """
    import keras

    from hpo.training.layers import ELU, LeakyReLU

    if name not in ACTIVATIONS:
        raise DefinitionError(f"there is no activation {name!r}: take one of {', '.join(ACTIVATIONS)}")
    own: Mapping[str, Any] = {
        "leaky_relu": lambda: LeakyReLU(slope),
        "prelu": lambda: keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(PRELU_START)),
        "elu": lambda: ELU(alpha),
    }
    try:
        return [own[name]() if name in own else keras.layers.Activation(name)]
    except ValueError as error:
        raise DefinitionError(f"activation {name}: {error}") from None
