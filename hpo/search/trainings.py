"""What every training of a configuration has in common: what is trained, the probe of its network, what it costs."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.study import Params, StudyDefinition
from hpo.study.contained import contained
from hpo.study.value_checks import shown

if TYPE_CHECKING:
    import keras

    from hpo.training import Recipe, Run
    from hpo.training.probes import Probe

__all__ = ["costs", "probe_network", "recipe"]


def recipe(definition: StudyDefinition, params: Params, inputs: NDArray[np.generic], *, seed: int) -> "Recipe":
    """What one training trains.

    Args:
        definition: whose `build` makes it, and whose `pretrain`, if it has one, has the last word.
        params: the configuration.
        inputs: (rows, ...) of the rows to train on, labelled or not; no row it is judged by is among them.
        seed: of the weights.

    """
    from hpo.training import build

    made = build(lambda given: contained(lambda: definition.build(given)), params, seed)
    pretrain = definition.pretrain
    if pretrain is None:
        return made
    begun = contained(lambda: pretrain(params, made, inputs))
    if not isinstance(begun, type(made)):
        raise DefinitionError(f"pretrain of {definition.name!r} gave {shown(begun)}: return the Recipe it was given")
    return begun


def probe_network(run: "Run", recipe: "Recipe", rows: Rows, number: int) -> "Probe":
    """What a training's network looks like now, on `number` of its training rows, spread evenly over them.

    Raises:
        DefinitionError: the model is a class of somebody's own, or no layer of it has a kernel.

    """
    from hpo.training.probes import probe

    stride = max(len(rows) // number, 1)
    some = Rows(x=rows.x[::stride][:number], y=rows.y[::stride][:number])
    return probe(run.model(), recipe.loss, some, epoch=run.epochs_done, clip=recipe.clip)


def costs(model: "keras.Model", names: Sequence[str]) -> tuple[float, ...]:
    """The costs of these names, keys of `hpo.study.objectives.COSTS`, in their order and units.

    Raises:
        DefinitionError: the model is a class of somebody's own, whose inputs are not known, so that it has no latency.

    """
    return tuple(_MEASURE[name](model) for name in names)


def _latency(model: "keras.Model") -> float:
    from hpo.training.after import latency
    from hpo.training.model_graph import symbolic

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
