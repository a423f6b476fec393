"""Every configuration of a finite space, in order.

Optuna's GridSampler ends the study itself, which raises outside `study.optimize`, and knows no conditions.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hpo.search.seeds import position
from hpo.search.suggest import distributions
from hpo.study import Space

__all__ = ["GridSampler"]


class GridSampler(BaseSampler):
    """Gives the trial at position p (its slot's, or its own number) the space's p-th configuration, then starts over.

    Workers need no agreement: a position belongs to one of them.
    """

    def __init__(self, space: Space) -> None:
        self._distributions = distributions(space)
        self._configurations = list(space.configurations())
        self._random = RandomSampler(seed=0)  # for what given parameters bring to life

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Every parameter of the space."""
        return self._distributions

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """The configuration of the trial's position."""
        place = position(trial.system_attrs, trial.number)
        return dict(self._configurations[place % len(self._configurations)])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Uniform: only for a parameter the position's configuration does not have."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)
