"""Where batch normalization stands in a hidden layer."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError

if TYPE_CHECKING:
    import keras

__all__ = ["NORMALIZATIONS", "hidden"]

NORMALIZATIONS: Mapping[str, str] = MappingProxyType(
    {
        "none": "no batch normalization",
        "before": "between the kernel and the activation; the layer has no bias, as the normalization brings one",
        "after": "behind the activation",
    }
)
"""Where batch normalization can stand -> what that means. It is Keras' own: gamma (z - mean) / sqrt(variance + 0.001) +
beta for each unit; in training mean and variance are the batch's, after it moving averages, of which each batch moves a
hundredth; gamma, 1 at first, and beta, 0 at first, are learned. Source: Ioffe and Szegedy 2015."""


def hidden(
    units: int,
    activation: "Sequence[keras.layers.Layer]",
    *,
    initializer: "keras.initializers.Initializer | str" = "glorot_uniform",
    normalization: str = "none",
    **dense: Any,
) -> "list[keras.layers.Layer]":
    """The layers of one dense hidden layer: kernel, activation, and batch normalization where it is wanted.

    Batch normalization of the input is `keras.layers.BatchNormalization()` before the first of these.

    Args:
        units: outputs of the layer.
        activation: as `hpo.training.activations.activation` gives it; fresh layers.
        initializer: of the kernel; fresh.
        normalization: of `NORMALIZATIONS`.
        dense: further arguments of `keras.layers.Dense`, such as a name.

    Raises:
        DefinitionError: the normalization is unknown.

    """
    import keras

    if normalization not in NORMALIZATIONS:
        raise DefinitionError(f"there is no normalization {normalization!r}: take one of {', '.join(NORMALIZATIONS)}")
    kernel = keras.layers.Dense(
        units, kernel_initializer=initializer, **{"use_bias": normalization != "before", **dense}
    )
    normalize = keras.layers.BatchNormalization
    behind = {
        "none": lambda: [*activation],
        "before": lambda: [normalize(), *activation],
        "after": lambda: [*activation, normalize()],
    }
    return [kernel, *behind[normalization]()]
