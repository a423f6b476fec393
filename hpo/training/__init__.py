"""Training of Keras models by a compiled loop.

Recipes and schedules are plain records; TensorFlow is imported when something that trains is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpo.training.activations import ACTIVATIONS, activation
from hpo.training.building import build
from hpo.training.clipping import Clip
from hpo.training.initializers import INITIALIZERS, initializer
from hpo.training.loading import load_keras
from hpo.training.normalization import NORMALIZATIONS, hidden
from hpo.training.optimizers import OPTIMIZERS, optimizer
from hpo.training.penalties import Penalty
from hpo.training.phases import Phase
from hpo.training.recipe import Recipe
from hpo.training.runtime import configure
from hpo.training.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearOneCycle,
    OneCycle,
    Performance,
    PiecewiseConstant,
    Power,
    Schedule,
)
from hpo.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from hpo.training.layers import AlphaDropout, Dropout
    from hpo.training.run import Epoch, Run, fit

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "AlphaDropout",
    "Clip",
    "Constant",
    "CosineDecay",
    "Dropout",
    "EarlyStopping",
    "Epoch",
    "ExponentialDecay",
    "LinearOneCycle",
    "OneCycle",
    "Penalty",
    "Performance",
    "Phase",
    "PiecewiseConstant",
    "Power",
    "Recipe",
    "Run",
    "Schedule",
    "activation",
    "build",
    "configure",
    "fit",
    "hidden",
    "initializer",
    "optimizer",
]

_HEAVY = {
    "AlphaDropout": "hpo.training.layers",
    "Dropout": "hpo.training.layers",
    "Epoch": "hpo.training.run",
    "Run": "hpo.training.run",
    "fit": "hpo.training.run",
}


def __getattr__(name: str) -> Any:
    """What needs TensorFlow, imported when it is first used."""
    if name in _HEAVY:
        load_keras()
        return getattr(import_module(_HEAVY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
