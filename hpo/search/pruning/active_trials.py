"""What a pruner may see of a study: no superseded attempt."""

from collections.abc import Callable, Container
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import storage_of

__all__ = ["ActiveTrials"]


class ActiveTrials:
    """A study without its failed trials.

    A crashed attempt leaves its rungs and reports behind, and Optuna's halving pruners count the rungs of every trial
    that has them. This is the part of `optuna.Study` that Optuna's pruners use, no more.
    """

    def __init__(self, study: Study, counts: Callable[[FrozenTrial], bool] | None = None) -> None:
        self._study = study
        self._counts = counts  # which of the living trials to show; None: all
        self._storage = storage_of(study)  # halving pruners note rungs in the trial asked about

    @property
    def direction(self) -> StudyDirection:
        """Optuna's."""
        return self._study.direction

    @property
    def best_trial(self) -> FrozenTrial:
        """Optuna's; a failed trial has no value. Raises ValueError where none is complete."""
        return self._study.best_trial

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Optuna's, without the failed trials."""
        trials = self._study.get_trials(deepcopy=deepcopy, states=states)
        return [t for t in trials if t.state != TrialState.FAIL and (self._counts is None or self._counts(t))]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a pruner sees only the living trials of a study, not its {name!r}")
