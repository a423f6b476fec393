"""Layers whose numbers a search varies, made so that varying them compiles nothing.

Each keeps such a number in a variable and tells by `compiled` what of its configuration is compiled in after all.
"""

from typing import Any

import keras
from keras import ops

__all__ = [
    "ELU",
    "LAYERS",
    "AlphaDropout",
    "Dropout",
    "LeakyReLU",
    "VariableLayer",
]


class VariableLayer(keras.layers.Layer):  # type: ignore[misc]
    """An element-wise layer with a number of its own in a variable that is not trained."""

    def number(self, name: str, value: float) -> Any:
        """A scalar variable that holds `value`; the compiled program reads it."""
        return self.add_weight(name=name, shape=(), initializer=keras.initializers.Constant(value), trainable=False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's."""
        return input_shape

    @classmethod
    def compiled(cls, config: dict[str, Any]) -> dict[str, Any]:
        """What of a layer's configuration is compiled into a program, and not read from a variable."""
        raise NotImplementedError


class DropoutLayer(VariableLayer):
    """Drops a share of its inputs in training, with the rate in a variable; a rate of 0 is compiled as no layer."""

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate {rate!r} is not in [0, 1): give the share of inputs to drop")
        self.rate = float(rate)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - Keras' signature
        """Makes the variable that holds the rate; the shape plays no part."""
        self._rate = self.number("rate", self.rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """`inputs`, some of them dropped in training; the same shape."""
        if not training or self.rate == 0:
            return inputs
        rate = ops.cast(self._rate, inputs.dtype)
        draws = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        return self.dropped(inputs, draws >= rate, rate)

    def dropped(self, inputs: Any, kept: Any, rate: Any) -> Any:
        """What is handed on of inputs that are `kept` or not, at that rate."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as Keras needs them to make the layer anew."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}

    @classmethod
    def compiled(cls, config: dict[str, Any]) -> dict[str, Any]:
        """Whether the rate is 0: no layer at all then."""
        return {"active": config["rate"] > 0}


@keras.saving.register_keras_serializable(package="hpo")
class Dropout(DropoutLayer):
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

    def dropped(self, inputs: Any, kept: Any, rate: Any) -> Any:
        """0 where an input is dropped, the others scaled up."""
        return ops.where(kept, inputs / (1 - rate), ops.zeros_like(inputs))


# SELU's value at minus infinity, -scale * alpha: what a dropped unit is set to.
DROPPED = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


@keras.saving.register_keras_serializable(package="hpo")
class AlphaDropout(DropoutLayer):
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

    def dropped(self, inputs: Any, kept: Any, rate: Any) -> Any:
        """SELU's lower limit where an input is dropped, then all rescaled."""
        scale = ops.rsqrt((1 - rate) * (1 + rate * DROPPED**2))
        return scale * ops.where(kept, inputs, DROPPED * ops.ones_like(inputs)) - scale * DROPPED * rate


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


# Every such layer; a program's signature and XLA's list of layers read it.
LAYERS: tuple[type[VariableLayer], ...] = (Dropout, AlphaDropout, LeakyReLU, ELU)
