"""How many of a model's weights are as good as zero, and how large it is."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hpo.errors import UsageError
from hpo.study.annotations import Count
from hpo.study.checked_records import check
from hpo.training.after.copies import copied

__all__ = ["ModelSize", "pruned", "size", "sparsity"]


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """What a model's weights come to."""

    parameters: Count  # numbers kept for prediction: weights and moving averages; no random states, no dropout rates
    zeros: Count  # of them exactly 0
    bytes: Count  # of all of them as they are stored

    def __post_init__(self) -> None:
        check(self)


def sparsity(model: keras.Model, threshold: float) -> float:
    """Share of the kernels' weights with |w| <= threshold, from 0 to 1; biases are few and no part of it.

    Raises:
        UsageError: the threshold is negative, or the model has no kernels.

    """
    kernels = [variable.numpy() for variable in _kernels(model, threshold)]
    return float(sum(np.count_nonzero(np.abs(k) <= threshold) for k in kernels) / sum(k.size for k in kernels))


def pruned(model: keras.Model, threshold: float) -> keras.Model:
    """A copy of the model in which the kernels' weights with |w| <= threshold are 0.

    Raises:
        UsageError: the threshold is negative, or the model has no kernels.
        DefinitionError: the model is a class of somebody's own.

    """
    _kernels(model, threshold)
    copy = copied(model)
    for kernel in _kernels(copy, threshold):
        values = kernel.numpy()
        kernel.assign(np.where(np.abs(values) <= threshold, 0, values))
    return copy


def size(model: keras.Model) -> ModelSize:
    """How large the model is."""
    kept = [v for v in model.weights if v.shape != ()]
    return ModelSize(
        parameters=sum(int(np.prod(v.shape)) for v in kept),
        zeros=sum(int(np.count_nonzero(v.numpy() == 0)) for v in kept),
        bytes=sum(v.numpy().nbytes for v in kept),
    )


def _kernels(model: keras.Model, threshold: float) -> list[Any]:
    if not threshold >= 0:
        raise UsageError(f"threshold {threshold}: give a size of weights, at least 0")
    kernels = [variable for variable in model.trainable_variables if variable.name.endswith("kernel")]
    if not kernels:
        raise UsageError("the model has no kernels to look for zeros in")
    return kernels
