"""What hidden layers are made of, by name: activations, initializers of kernels, batch normalization."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError

if TYPE_CHECKING:
    import keras

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "NORMALIZATIONS",
    "activation",
    "hidden",
    "initializer",
]

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

    from hpo.training.variable_layers import ELU, LeakyReLU

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


_GLOROT = "Glorot and Bengio 2010, for sigmoid, tanh and softmax"
_HE = "He et al. 2015, for ReLU and what is like it"
_LECUN = "LeCun et al. 1998, for SELU"

INITIALIZERS: Mapping[str, str] = MappingProxyType(
    {
        "glorot_normal": f"normal, variance 1 / fan_avg; {_GLOROT}",
        "glorot_uniform": f"uniform within ±sqrt(3 / fan_avg), variance 1 / fan_avg; {_GLOROT}",
        "he_normal": f"normal, variance 2 / fan_in; {_HE}",
        "he_uniform": f"uniform within ±sqrt(6 / fan_in), variance 2 / fan_in; {_HE}",
        "lecun_normal": f"normal, variance 1 / fan_in; {_LECUN}",
        "lecun_uniform": f"uniform within ±sqrt(3 / fan_in), variance 1 / fan_in; {_LECUN}",
        "variance_scaling": "uniform within ±sqrt(6 / fan_avg), variance 2 / fan_avg; He's for both directions",
        "naive": "normal, mean 0, variance 1 whatever the layer's width; as it was done before 2010",
    }
)
"""Name of each initializer -> its formula and source. glorot_uniform is what Keras takes where none is given. Normal
draws but the naive one are cut at two standard deviations and widened so that the variance is kept."""


def initializer(name: str, seed: int | None = None) -> "keras.initializers.Initializer":
    """A fresh initializer: one for each layer, since one that is asked twice for one shape gives the same values twice.

    Args:
        name: of `INITIALIZERS`. fan_in and fan_out are a layer's inputs and outputs, fan_avg their mean.
        seed: of its draws; None draws one from Keras' seeded generator.

    Raises:
        DefinitionError: the name is unknown.

    """
    import keras

    if name not in INITIALIZERS:
        raise DefinitionError(f"there is no initializer {name!r}: take one of {', '.join(INITIALIZERS)}")
    own: dict[str, tuple[type[Any], dict[str, Any]]] = {
        "variance_scaling": (
            keras.initializers.VarianceScaling,
            {"scale": 2.0, "mode": "fan_avg", "distribution": "uniform"},
        ),
        "naive": (keras.initializers.RandomNormal, {"mean": 0.0, "stddev": 1.0}),
    }
    kind, arguments = own.get(name) or (type(keras.initializers.get(name)), {})
    return kind(**arguments, seed=seed)


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
        activation: as `hpo.training.hidden_layers.activation` gives it; fresh layers.
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
