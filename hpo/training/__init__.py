"""Training of Keras models: by a compiled loop, or by Keras's own fit what that cannot take.

Recipes and schedules are plain records; Keras is imported when something that trains is first asked for.

- An epoch is one compiled program. Programs are shared by runs of one shape (layers, optimizer, loss, batch size,
  shapes of the rows) in a cache that is bounded in number and in bytes. Weights, rates, weight decay, penalties and
  dropout live in variables, and a schedule is an array with a rate for each step: varying them compiles nothing.
- It is the same as Keras: losses and metrics are those of `keras.Model.compile`, masks included, and a step does to
  weights what Keras's optimizers do, to 1e-5; `make parity` compares all of them.
- A shared program trains a clone of the model, and only where no difference is found between the two: attributes,
  outputs, and a step with the same weights and random numbers. Else the model itself is trained, compiled for that run
  alone, and a note says so.
- `route.why_fit` says of a recipe and its data why the compiled loop cannot take it: several inputs, outputs or losses,
  callbacks, streams, a `train_step` of its own, Keras on another backend. Keras's fit trains it then, an epoch at a
  time, slower, with the same scores, stopping and schedules; a note says so. What fit cannot do is refused by name.
- Targets that a loss or metric would take for something else are refused (`Infeasible`). What is not finite ends a run
  (`Diverged`): the loss of any step, and after each epoch weights, outputs and scores.
- What follows from scores is asked between epochs: performance scheduling and early stopping. Phases are parts of one
  training with some layers frozen; weights are carried over, the optimizer begins anew.
- A short training may be the miniature of a long one (`FullTraining`): the same schedule in fewer steps.
- `Checkpoints` say in files how far trainings are; another process goes on from them to the bit.
- One thread of a process builds or trains at a time, so `study.optimize(..., n_jobs=2)` is safe and no faster. Threads
  and GPU memory are set by `configure`, before TensorFlow is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpo.training.augmentation import AUGMENTATIONS
from hpo.training.checkpoints import Checkpoints, Pace
from hpo.training.early_stopping import EarlyStopping
from hpo.training.hidden_layers import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS, activation, hidden, initializer
from hpo.training.miniature import FullTraining
from hpo.training.optimizers import OPTIMIZERS, coupled, decoupled, optimizer
from hpo.training.phases import Phase
from hpo.training.recipe import Recipe, build
from hpo.training.regularization import Clip, Penalty
from hpo.training.runtime import configure, load_keras
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
    Triangular,
)

if TYPE_CHECKING:
    from hpo.training.run import Epoch, Run, fit
    from hpo.training.variable_layers import AlphaDropout, Dropout

__all__ = [
    "ACTIVATIONS",
    "AUGMENTATIONS",
    "INITIALIZERS",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "AlphaDropout",
    "Checkpoints",
    "Clip",
    "Constant",
    "CosineDecay",
    "Dropout",
    "EarlyStopping",
    "Epoch",
    "ExponentialDecay",
    "FullTraining",
    "LinearOneCycle",
    "OneCycle",
    "Pace",
    "Penalty",
    "Performance",
    "Phase",
    "PiecewiseConstant",
    "Power",
    "Recipe",
    "Run",
    "Schedule",
    "Triangular",
    "activation",
    "build",
    "configure",
    "coupled",
    "decoupled",
    "fit",
    "hidden",
    "initializer",
    "optimizer",
]

_HEAVY = {
    "AlphaDropout": "hpo.training.variable_layers",
    "Dropout": "hpo.training.variable_layers",
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
