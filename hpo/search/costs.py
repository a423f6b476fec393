"""What a trained model costs: the objectives of a search beside its metric."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["costs"]


def costs(model: "keras.Model", names: Sequence[str]) -> tuple[float, ...]:
    """The costs of these names, keys of `hpo.study.objectives.COSTS`, in their order and units."""
    return tuple(_MEASURE[name](model) for name in names)


def _latency(model: "keras.Model") -> float:
    from hpo.training.after import latency

    return latency(model, 1)


def _parameters(model: "keras.Model") -> float:
    from hpo.training.after import size

    return float(size(model).parameters)


_MEASURE: "Mapping[str, Callable[[keras.Model], float]]" = {"latency": _latency, "parameters": _parameters}
