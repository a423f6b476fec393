"""Which parameters of a search matter, and how far the trials at hand can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.study import Params

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Importance", "Importances", "importances"]


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much of what separates good trials from the others lies in one parameter."""

    name: str
    share: float  # of the importance of all parameters, from 0 to 1; they sum to 1
    ci95: tuple[float, float]  # percentile bootstrap interval of the share
    trials: int  # complete trials in which the parameter was active
    chance: float  # the share a parameter without any effect stays below in 95 % of cases; below it: perhaps noise


@dataclass(frozen=True, kw_only=True)
class Importances:
    """The parameters of a search by importance, or, where `parameters` is empty, why nothing can be said."""

    evaluator: str  # the method: ped-anova
    trials: int  # complete trials it stands on
    parameters: tuple[Importance, ...]  # the most important first; empty where the trials are too few
    note: str  # what to keep in mind, or why there is nothing; may be empty


def importances(
    trials: Sequence[tuple[Params, float]],
    distributions: Mapping[str, "BaseDistribution"],
    *,
    direction: str,
    seed: int = 0,
) -> Importances:
    """How much each parameter matters for being among the best of `trials`."""
    raise NotImplementedError
