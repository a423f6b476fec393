"""What the layers of this room have in common."""

from typing import Any

import keras

__all__ = ["VariableLayer", "share"]


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


def share(rate: float) -> float:
    """`rate`, a share of the inputs. Raises ValueError where it is not in [0, 1)."""
    if not 0 <= rate < 1:
        raise ValueError(f"rate {rate!r} is not in [0, 1): give the share of inputs to drop")
    return float(rate)
