"""hpo: hyperparameter optimization on Optuna, for Keras models and any other, on one laptop or a fleet.

`tunable` says of an Optuna objective what hpo would like to know of it, and `seed` gives it a trial's seed. `objective`
makes one of a study definition, with none of the service around it. Each is imported on first use, so that `import hpo`
costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.search import objective
    from hpo.search.seeds import seed
    from hpo.study.plain_objective import tunable

__all__ = ["objective", "seed", "tunable"]


def __getattr__(name: str) -> Any:
    if name == "objective":
        from hpo.search import objective

        return objective
    if name == "seed":
        from hpo.search.seeds import seed

        return seed
    if name == "tunable":
        from hpo.study.plain_objective import tunable

        return tunable
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")
