"""Gradient clipping: gradients kept within a threshold that lives in a variable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpo.errors import DefinitionError
from hpo.study.annotations import Name
from hpo.study.checked_records import check

__all__ = ["CLIPPINGS", "Clip", "clipped"]

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
