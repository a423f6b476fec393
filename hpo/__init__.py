"""Hyperparameter optimization on Optuna, for Keras models and any other, on one laptop or a fleet.

    import hpo

    def objective(trial):
        return (trial.suggest_float("x", -4, 4) - 1) ** 2

    study = hpo.optimize(objective, trials=50, direction="minimize")
    print(study.best.params, study.best.value)

`optimize` searches, `create` makes a study for ask and tell, and `load` finds one again, each as a `Study`. `tunable`
says of an Optuna objective what hpo would like to know of it, and `seed` gives it a trial's seed. `objective` makes one
of a study definition, with none of the service around it. `compare` judges paired scores from anywhere. An `Observer`
is told how studies go. Each is imported on first use, so that `import hpo` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.analysis import compare
    from hpo.api import Study, create, load, optimize
    from hpo.observers.observer import Observer
    from hpo.search.objective import objective
    from hpo.search.seeds import seed
    from hpo.study.plain_objective import tunable

__all__ = ["Observer", "Study", "compare", "create", "load", "objective", "optimize", "seed", "tunable"]

_HOMES = {
    "Observer": "hpo.observers",
    "Study": "hpo.api",
    "compare": "hpo.analysis",
    "create": "hpo.api",
    "load": "hpo.api",
    "objective": "hpo.search",
    "optimize": "hpo.api",
    "seed": "hpo.search.seeds",
    "tunable": "hpo.study.plain_objective",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is to use: `help(hpo)` and completion import and show it, and nothing of how it is found."""
    return list(__all__)
