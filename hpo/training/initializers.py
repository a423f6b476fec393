"""How kernels begin: the initializers by their names, made by Keras."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError

if TYPE_CHECKING:
    import keras

__all__ = ["INITIALIZERS", "initializer"]

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
