"""Gradient clipping, L1 and L2 penalties and max-norm, their numbers in variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.errors import DefinitionError
from hpo.study.checked_records import Name, check

__all__ = [
    "CLIPPINGS",
    "Clip",
    "Penalty",
    "clipped",
    "constrain",
    "kernels",
    "penalize",
]

CLIPPINGS = {
    "value": "each component between -threshold and threshold: Keras' clipvalue; may change the direction",
    "norm": "the gradient of each variable scaled down to a norm of threshold: Keras' clipnorm",
    "global_norm": "all gradients scaled down together to a norm of threshold: Keras' global_clipnorm",
}


@dataclass(frozen=True, kw_only=True)
class Clip:
    """How gradients are clipped before each step. Source: Pascanu et al., arXiv 1211.5063.

    Raises:
        DefinitionError: there is no such kind, or the threshold is not above 0.

    """

    by: Name  # a key of CLIPPINGS
    threshold: float = 1.0  # above 0, in the unit of the gradients

    def __post_init__(self) -> None:
        check(self)
        if self.by not in CLIPPINGS:
            raise DefinitionError(f"clipping by {self.by!r} is unknown: choose one of {', '.join(CLIPPINGS)}")
        if not self.threshold > 0:
            raise DefinitionError(f"clipping to {self.threshold}: give a threshold above 0, such as 1")


def clipped(gradients: Sequence[Any], by: str, threshold: Any) -> list[Any]:
    """The gradients within the threshold, a scalar tensor; those that are None stay None."""
    import tensorflow as tf

    if by == "global_norm":
        return list(tf.clip_by_global_norm(gradients, threshold)[0])
    if by == "norm":
        return [g if g is None else tf.clip_by_norm(g, threshold) for g in gradients]
    return [g if g is None else tf.clip_by_value(g, -threshold, threshold) for g in gradients]


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """l1 Σ|w| + l2 Σw², added to the loss for every kernel that is trained, the output layer's included.

    The same as `kernel_regularizer=keras.regularizers.L1L2(l1, l2)` in every layer. Sources: Tibshirani 1996 (L1),
    Hoerl and Kennard 1970 (L2), Zou and Hastie 2005 (both).

    Raises:
        DefinitionError: a strength is below 0, or both are 0.

    """

    l1: float = 0.0  # many weights end at 0: a sparse model
    l2: float = 0.0  # weights stay small

    def __post_init__(self) -> None:
        check(self)
        if min(self.l1, self.l2) < 0 or not (self.l1 or self.l2):
            raise DefinitionError(f"a penalty of l1={self.l1}, l2={self.l2}: give one of them above 0, none below it")


def kernels(variables: Sequence[Any]) -> list[bool]:
    """Which Keras variables are kernels, as kernel_regularizer and kernel_constraint mean them."""
    return [variable.name == "kernel" for variable in variables]


def penalize(weights: Sequence[Any], strengths: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """What the penalty adds to the gradient of each kernel, and the penalty itself, a scalar.

    The gradient is written down instead of taken: l1 sign(w) + 2 l2 w.

    Args:
        weights: the kernels.
        strengths: "l1" and "l2" as scalar tensors, those that are on; at least one is.

    """
    import tensorflow as tf

    total = tf.constant(0.0)
    gradients = []
    for weight in weights:
        value = tf.convert_to_tensor(weight)
        given = {name: tf.cast(strength, value.dtype) for name, strength in strengths.items()}
        gradient = tf.zeros_like(value)
        penalty = tf.zeros((), value.dtype)
        if "l1" in given:
            gradient += given["l1"] * tf.sign(value)
            penalty += given["l1"] * tf.reduce_sum(tf.abs(value))
        if "l2" in given:
            gradient += 2 * given["l2"] * value
            penalty += given["l2"] * 2 * tf.nn.l2_loss(value)
        gradients.append(gradient)
        total += tf.cast(penalty, tf.float32)
    return gradients, total


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
