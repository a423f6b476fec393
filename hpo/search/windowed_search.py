"""A sampler and a pruner that look at a study through a window; whoever else asks the study is told of all trials."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import forget_trials_at_hand

__all__ = ["WindowedPruner", "WindowedSampler"]


class WindowedSampler(BaseSampler):
    """Has `inner` draw from what `view`, the same study through a window, shows."""

    def __init__(self, inner: BaseSampler, view: Study) -> None:
        self.inner = inner
        self._view = view

    def __str__(self) -> str:
        return str(self.inner)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Of `inner`."""
        return self.inner.infer_relative_search_space(self._view, trial)

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Of `inner`."""
        return self.inner.sample_relative(self._view, trial, search_space)

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Of `inner`."""
        return self.inner.sample_independent(self._view, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:  # noqa: ARG002
        """Look again at what there is, and pass on to `inner`."""
        forget_trials_at_hand(self._view)
        self.inner.before_trial(self._view, trial)

    def after_trial(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Pass on to `inner`."""
        self.inner.after_trial(self._view, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass on to `inner`."""
        self.inner.reseed_rng()


class WindowedPruner(BasePruner):
    """Has `inner` compare a trial with what `view`, the same study through a window, shows."""

    def __init__(self, inner: BasePruner, view: Study) -> None:
        self.inner = inner
        self.by_fold = bool(getattr(inner, "by_fold", False))  # whether a step is a fold
        self._view = view

    def prune(self, study: Study, trial: FrozenTrial) -> bool:  # noqa: ARG002
        """Of `inner`."""
        return self.inner.prune(self._view, trial)
