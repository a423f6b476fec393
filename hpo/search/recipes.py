"""From a configuration and the rows it may look at to what is trained, pretrained where the definition says so."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DefinitionError
from hpo.study import Params, StudyDefinition
from hpo.study.checks import shown
from hpo.study.contained import contained

if TYPE_CHECKING:
    from hpo.training import Recipe

__all__ = ["recipe"]


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
