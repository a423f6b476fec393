"""Optuna's cache of finished trials, for processes that make many trials and need few of them again."""

import json
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial

__all__ = ["Cached"]

_OWN = 100  # trials made by one process of which it remembers anything, while nobody asks for all


class Cached(_CachedStorage):
    """Optuna's cache of finished trials, which would ask for a whole trial where attributes are asked for.

    The system attributes of a trial that was made here nobody else writes while it is RUNNING, so they are not asked
    for: pruners want them after each report. Optuna's cache keeps each trial that was made here for good; this one
    forgets all but the last of them, and those it has read since.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._own: dict[int, dict[str, Any]] = {}  # system attributes of the last trials made here, by id

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Optuna's."""
        made = super().create_new_trial(study_id, template_trial)
        attributes = {} if template_trial is None else template_trial.system_attrs
        self._own[made] = json.loads(json.dumps(attributes))
        for old in list(self._own)[:-_OWN]:
            self._own.pop(old, None)
            self._drop(old)
        return made

    def _drop(self, trial_id: int) -> None:
        """Forget a trial of which nothing was read but that it was made here, where nobody asks for trials."""
        with self._lock:
            place = self._trial_id_to_study_id_and_number.get(trial_id)
            if place is None or self._studies[place[0]].trials[place[1]].state.is_finished():
                return
            del self._trial_id_to_study_id_and_number[trial_id]
            del self._study_id_and_number_to_trial_id[place]
            del self._studies[place[0]].trials[place[1]]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Optuna's."""
        super().set_trial_system_attr(trial_id, key, value)
        if trial_id in self._own:
            self._own[trial_id][key] = json.loads(json.dumps(value))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Optuna's."""
        with self._lock:
            known = trial_id in self._trial_id_to_study_id_and_number
        if known:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        else:
            self._backend.set_trial_param(trial_id, param_name, param_value_internal, distribution)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """Optuna's."""
        with self._lock:
            known = self._get_cached_trial(trial_id)
        if known is not None:
            return known.system_attrs
        own = self._own.get(trial_id)
        return self._backend.get_trial_system_attrs(trial_id) if own is None else dict(own)
