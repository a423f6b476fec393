"""L1 and L2: penalties on the kernels, their strengths in variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.errors import DefinitionError
from hpo.study.checked_records import check

__all__ = ["Penalty", "kernels", "penalize"]


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
