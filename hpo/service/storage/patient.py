"""Optuna's storage, waiting for a database that is away: a trial in training outlives an outage.

What a trial writes and reads on its way (reports, attributes, parameters, the trials it learns from) bears being done
twice, as it is the same value at the same place, so it is repeated until the database answers. What does not bear it,
creating and finishing, is done once; whoever calls that knows what to do about an answer that was lost.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import StoredStudy

__all__ = ["PatientStorage"]

T = TypeVar("T")


Call = Callable[[Callable[[], Any]], Any]
"""Makes a call."""


class PatientStorage(BaseStorage):
    """Another storage, made patient."""

    def __init__(self, inner: BaseStorage, patiently: Call, once: Call = lambda call: call()) -> None:
        self._inner = inner
        self._patiently = patiently  # calls until the database answers; raises StorageError where it gives up
        self._once = once  # calls; raises StorageError where that fails

    def replace(self, inner: BaseStorage) -> None:
        """Go on with another one, in whatever study has this one."""
        self._inner = inner

    def _repeat(self, call: Callable[[], T]) -> T:
        inner = self._inner
        answer: T = self._patiently(call)
        if self._inner is not inner:  # it came of what was remembered of another database
            answer = self._patiently(call)
        return answer

    # Done once: a second time would be another study, another trial, or an error.

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:  # noqa: D102
        id_: int = self._once(lambda: self._inner.create_new_study(directions, study_name))
        return id_

    def delete_study(self, study_id: int) -> None:  # noqa: D102
        self._once(lambda: self._inner.delete_study(study_id))

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:  # noqa: D102
        id_: int = self._once(lambda: self._inner.create_new_trial(study_id, template_trial))
        return id_

    def set_trial_state_values(  # noqa: D102
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        done: bool = self._once(lambda: self._inner.set_trial_state_values(trial_id, state, values))
        return done

    # Repeated: the same value comes to the same place.

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:  # noqa: D102
        self._repeat(lambda: self._inner.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:  # noqa: D102
        self._repeat(lambda: self._inner.set_study_system_attr(study_id, key, value))

    def set_trial_param(  # noqa: D102
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._repeat(lambda: self._inner.set_trial_param(trial_id, param_name, param_value_internal, distribution))

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:  # noqa: D102
        self._repeat(lambda: self._inner.set_trial_intermediate_value(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:  # noqa: D102
        self._repeat(lambda: self._inner.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:  # noqa: D102
        self._repeat(lambda: self._inner.set_trial_system_attr(trial_id, key, value))

    # Repeated: reading changes nothing. What is not here BaseStorage makes of what is.

    def get_study_id_from_name(self, study_name: str) -> int:  # noqa: D102
        return self._repeat(lambda: self._inner.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:  # noqa: D102
        return self._repeat(lambda: self._inner.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:  # noqa: D102
        return self._repeat(lambda: self._inner.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:  # noqa: D102
        return self._repeat(lambda: self._inner.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:  # noqa: D102
        return self._repeat(lambda: self._inner.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[StoredStudy]:  # noqa: D102
        return self._repeat(self._inner.get_all_studies)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:  # noqa: D102
        return self._repeat(lambda: self._inner.get_trial_system_attrs(trial_id))

    def get_trial(self, trial_id: int) -> FrozenTrial:  # noqa: D102
        return self._repeat(lambda: self._inner.get_trial(trial_id))

    def get_all_trials(  # noqa: D102
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return self._repeat(lambda: self._inner.get_all_trials(study_id, deepcopy, states))

    def get_best_trial(self, study_id: int) -> FrozenTrial:  # noqa: D102
        return self._repeat(lambda: self._inner.get_best_trial(study_id))

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:  # noqa: D102
        return self._repeat(lambda: self._inner.get_trial_id_from_study_id_trial_number(study_id, trial_number))
