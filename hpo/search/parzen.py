"""Optuna's TPE, told of each configuration once: as it did at the highest fidelity it was trained at.

TPE takes the best tenth of all trials for good. What climbs is a trial on each rung, and the hand-picked configuration
one on every rung and one more where it is confirmed. Told all of them, TPE finds the same two or three configurations
over and over among its good ones, and draws next to them alone.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hpo.optuna_internals import one_trial_each

__all__ = ["ParzenSampler"]


class ParzenSampler(TPESampler):
    """Optuna's, of a study in which a configuration may be trained again."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As Optuna's."""
        return super().sample_relative(one_trial_each(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As Optuna's."""
        return super().sample_independent(one_trial_each(study), trial, param_name, param_distribution)
