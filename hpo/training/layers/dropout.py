"""Dropout with its rate in a variable."""

from typing import Any

import keras
from keras import ops

from hpo.training.layers.base import VariableLayer, share

__all__ = ["Dropout"]


@keras.saving.register_keras_serializable(package="hpo")
class Dropout(VariableLayer):
    """Dropout with its rate in a variable instead of in the compiled program.

    In training a share `rate` of the inputs is set to 0 and the others are divided by 1 - rate, so that their mean is
    kept. The same as `keras.layers.Dropout`, but a search over continuous rates compiles one program and not one a
    rate. A rate of 0 is compiled as no layer at all. Source: Srivastava et al. 2014.

    Args:
        rate: share of the inputs set to 0, at least 0 and below 1.
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
        """`inputs`, with a random share set to 0 and the rest scaled up in training; the same shape."""
        if not training or self.rate == 0:
            return inputs
        rate = ops.cast(self._rate, inputs.dtype)
        draws = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        return ops.where(draws >= rate, inputs / (1 - rate), ops.zeros_like(inputs))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as Keras needs them to make the layer anew."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}

    @classmethod
    def compiled(cls, config: dict[str, Any]) -> dict[str, Any]:
        """A rate of 0 is compiled as no layer at all, so whether it is 0 counts."""
        return {"active": config["rate"] > 0}
