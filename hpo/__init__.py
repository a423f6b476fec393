"""hpo: hyperparameter optimization for Keras models, on one laptop or a fleet.

`objective` is for whoever uses the library: a plain Optuna callable with none of the service around it. It is imported
on first use, so that `import hpo` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.search import objective

__all__ = ["objective"]


def __getattr__(name: str) -> Any:
    if name == "objective":
        from hpo.search import objective

        return objective
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")
