"""Alpha dropout with its rate in a variable."""

from typing import Any

import keras
from keras import ops

from hpo.training.layers.base import VariableLayer, share

__all__ = ["AlphaDropout"]

# SELU's value at minus infinity, -scale * alpha: what a dropped unit is set to.
DROPPED = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


@keras.saving.register_keras_serializable(package="hpo")
class AlphaDropout(VariableLayer):
    """Dropout for SELU networks, with its rate in a variable instead of in the compiled program.

    In training a share `p` of the inputs is set to SELU's lower limit d = -scale * alpha, and all are then mapped by
    `a x + b`, a = ((1 - p) (1 + p d²))^-1/2, b = -a d p, so that inputs of mean 0 and variance 1 keep both. The same as
    `keras.layers.AlphaDropout`. A rate of 0 is compiled as no layer at all. Source: Klambauer et al. 2017.

    Args:
        rate: share of the inputs dropped, at least 0 and below 1.
        seed: of the layer's random numbers; None draws one from Keras' seeded generator.

    Raises:
        ValueError: the rate is not in [0, 1).

    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - Keras' signature
        """Makes the variable that holds the rate; the shape plays no part."""
        self._rate = self.number("rate", self.rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """`inputs`, with a random share at SELU's lower limit and all rescaled in training; the same shape."""
        if not training or self.rate == 0:
            return inputs
        rate = ops.cast(self._rate, inputs.dtype)
        draws = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        scale = ops.rsqrt((1 - rate) * (1 + rate * DROPPED**2))
        kept = ops.where(draws >= rate, inputs, DROPPED * ops.ones_like(inputs))
        return scale * kept - scale * DROPPED * rate

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as Keras needs them to make the layer anew."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}

    @classmethod
    def compiled(cls, config: dict[str, Any]) -> dict[str, Any]:
        """A rate of 0 is compiled as no layer at all, so whether it is 0 counts."""
        return {"active": config["rate"] > 0}
