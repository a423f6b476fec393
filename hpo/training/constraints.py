"""Max-norm: what comes into a unit is never longer than a limit that lives in a variable."""

from collections.abc import Sequence
from typing import Any

__all__ = ["constrain"]

_EPSILON = 1e-7  # Keras' own, against a norm of 0


def constrain(kernels: Sequence[Any], limit: Any) -> None:
    """Scale the weights that come into each unit down to a norm of `limit` where theirs is larger.

    w min(1, limit / |w|), the same as `keras.constraints.MaxNorm`: its axis 0 for a Dense kernel (inputs, units), all
    axes but the last for a convolution's. Source: Srivastava et al. 2014, section 5.1.

    Args:
        kernels: tf.Variables, the last axis the units.
        limit: a scalar tensor, above 0.

    """
    import tensorflow as tf

    for kernel in kernels:
        axes = list(range(kernel.shape.rank - 1))
        norms = tf.sqrt(tf.reduce_sum(tf.square(kernel), axis=axes, keepdims=True))
        kernel.assign(kernel * (tf.minimum(norms, tf.cast(limit, norms.dtype)) / (_EPSILON + norms)))
