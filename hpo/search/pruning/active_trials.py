"""What a pruner may see of a study: no superseded attempt."""

import copy
from collections.abc import Callable, Container
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import RUNG_COMPLETE, storage_of
from hpo.search.seeds import rung

__all__ = ["ActiveTrials"]


class ActiveTrials:
    """A study without its failed trials, and of one that climbs, its first rung alone.

    What is complete on a rung below the highest is pruned to Optuna; here it is complete.

    A crashed attempt leaves its rungs and reports behind, and Optuna's halving pruners count the rungs of every trial
    that has them. This is the part of `optuna.Study` that Optuna's pruners use, no more.
    """

    def __init__(self, study: Study, counts: Callable[[FrozenTrial], bool] | None = None) -> None:
        self._study = study
        self._counts = counts  # which of the active trials to show; None: all
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
        """Optuna's, without the failed trials and those that climbed."""
        trials = (
            _as_complete(each)
            for each in self._study.get_trials(deepcopy=deepcopy)
            if each.state != TrialState.FAIL and not rung(each.system_attrs)
        )
        return [
            each
            for each in trials
            if (states is None or each.state in states) and (self._counts is None or self._counts(each))
        ]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a pruner sees only the living trials of a study, not its {name!r}")


def _as_complete(trial: FrozenTrial) -> FrozenTrial:
    if RUNG_COMPLETE not in trial.system_attrs:
        return trial
    shown = copy.copy(trial)
    shown.state = TrialState.COMPLETE
    return shown
