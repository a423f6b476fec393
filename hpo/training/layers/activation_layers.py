"""Activations with their slope or limit in a variable."""

from typing import Any

import keras
from keras import ops

from hpo.training.layers.base import VariableLayer

__all__ = ["ELU", "LeakyReLU"]


@keras.saving.register_keras_serializable(package="hpo")
class LeakyReLU(VariableLayer):
    """max(slope z, z), with the slope in a variable. Source: Maas et al. 2013.

    The same as `keras.layers.LeakyReLU(slope)`.

    Args:
        slope: for z < 0, from 0 (ReLU) to 1 (no activation); 0.01 is the usual one, 0.2 a "huge leak".

    Raises:
        ValueError: the slope is not in [0, 1].

    """

    def __init__(self, slope: float = 0.01, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= slope <= 1:
            raise ValueError(f"slope {slope!r} is not in [0, 1]: give the slope below 0, such as 0.01 or 0.2")
        self.slope = float(slope)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - Keras' signature
        """Makes the variable that holds the slope; the shape plays no part."""
        self._slope = self.number("slope", self.slope)

    def call(self, inputs: Any) -> Any:
        """max(slope z, z); the same shape."""
        return ops.maximum(ops.cast(self._slope, inputs.dtype) * inputs, inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as Keras needs them to make the layer anew."""
        return {**super().get_config(), "slope": self.slope}

    @classmethod
    def compiled(cls, config: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG003 - nothing of it
        """Nothing of its configuration is compiled in: the slope lives in a variable."""
        return {}


@keras.saving.register_keras_serializable(package="hpo")
class ELU(VariableLayer):
    """z, or alpha (exp(z) - 1) where z < 0, with alpha in a variable. Source: Clevert et al. 2016.

    The same as `keras.layers.ELU(alpha)`.

    Args:
        alpha: the limit for large negative z, with the sign changed; above 0.

    Raises:
        ValueError: alpha is not above 0.

    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not alpha > 0:
            raise ValueError(f"alpha {alpha!r} is not above 0: give the limit for negative inputs, such as 1")
        self.alpha = float(alpha)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - Keras' signature
        """Makes the variable that holds alpha; the shape plays no part."""
        self._alpha = self.number("alpha", self.alpha)

    def call(self, inputs: Any) -> Any:
        """z, or alpha (exp(z) - 1) below 0; the same shape."""
        plain = ops.elu(inputs)
        if self.alpha == 1:
            return plain
        return ops.where(inputs > 0, plain, ops.cast(self._alpha, inputs.dtype) * plain)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as Keras needs them to make the layer anew."""
        return {**super().get_config(), "alpha": self.alpha}

    @classmethod
    def compiled(cls, config: dict[str, Any]) -> dict[str, Any]:
        """An alpha of 1, by far the most frequent one, is compiled as one kernel."""
        return {"plain": config["alpha"] == 1}
