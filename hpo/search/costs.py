"""What a trained model costs: the objectives of a search beside its metric."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from hpo.errors import DefinitionError

if TYPE_CHECKING:
    import keras

__all__ = ["costs"]


def costs(model: "keras.Model", names: Sequence[str]) -> tuple[float, ...]:
    """The costs of these names, keys of `hpo.study.objectives.COSTS`, in their order and units.

    Raises:
        DefinitionError: the model is a class of somebody's own, whose inputs are not known, so that it has no latency.

    """
    return tuple(_MEASURE[name](model) for name in names)


def _latency(model: "keras.Model") -> float:
    from hpo.training.after import latency
    from hpo.training.signature import symbolic

    if not symbolic(model):
        raise DefinitionError(
            "latency is taken of a Sequential or Functional model, whose inputs are known, not of "
            f"{type(model).__name__}: build it as one of these, or leave latency out of --objectives"
        )
    return latency(model, 1)


def _parameters(model: "keras.Model") -> float:
    from hpo.training.after import size

    return float(size(model).parameters)


_MEASURE: "Mapping[str, Callable[[keras.Model], float]]" = {"latency": _latency, "parameters": _parameters}
