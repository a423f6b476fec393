"""Optuna's storage, waiting for a database that is away: a trial in training outlives an outage.

What a trial writes and reads on its way (reports, attributes, parameters, the trials it learns from) bears being done
twice, as it is the same value at the same place, so it is repeated until the database answers. What does not bear it,
creating and finishing, is done once; whoever calls that knows what to do about an answer that was lost.
"""

from collections.abc import Callable
from typing import Any

from optuna.storages import BaseStorage

__all__ = ["PatientStorage"]

Call = Callable[[Callable[[], Any]], Any]
"""Makes a call to the database in one way or another: once, or until it answers."""


def _directly(call: Callable[[], Any]) -> Any:
    """Make a call as it is; at the top of the module, so that a storage can be pickled."""
    return call()


def _once(name: str) -> Any:
    """A method of the other storage that is called once."""

    def method(self: "PatientStorage", *args: Any, **options: Any) -> Any:
        return self._once(lambda: getattr(self._inner, name)(*args, **options))

    return method


def _repeated(name: str) -> Any:
    """A method of the other storage that is called until the database answers."""

    def method(self: "PatientStorage", *args: Any, **options: Any) -> Any:
        inner = self._inner
        answer = self._patiently(lambda: getattr(self._inner, name)(*args, **options))
        if self._inner is not inner:  # it came of what was remembered of another database
            answer = self._patiently(lambda: getattr(self._inner, name)(*args, **options))
        return answer

    return method


class PatientStorage(BaseStorage):
    """Another storage, made patient."""

    def __init__(self, inner: BaseStorage, patiently: Call, once: Call = _directly) -> None:
        self._inner = inner
        self._patiently = patiently  # calls until the database answers; raises StorageError where it gives up
        self._once = once  # calls; raises StorageError where that fails

    def replace(self, inner: BaseStorage) -> None:
        """Go on with another one, in whatever study has this one."""
        self._inner = inner

    @property
    def source(self) -> BaseStorage:
        """The other one."""
        return self._inner

    def patiently(self, call: Callable[[], Any]) -> Any:
        """Make a call to the database as patiently as what is repeated here; it must bear being made twice."""
        return self._patiently(call)

    # A second time would be another study, another trial, or an error.
    create_new_study = _once("create_new_study")
    delete_study = _once("delete_study")
    create_new_trial = _once("create_new_trial")
    set_trial_state_values = _once("set_trial_state_values")

    # The same value comes to the same place.
    set_study_user_attr = _repeated("set_study_user_attr")
    set_study_system_attr = _repeated("set_study_system_attr")
    set_trial_param = _repeated("set_trial_param")
    set_trial_intermediate_value = _repeated("set_trial_intermediate_value")
    set_trial_user_attr = _repeated("set_trial_user_attr")
    set_trial_system_attr = _repeated("set_trial_system_attr")

    # Reading changes nothing. What is not here BaseStorage makes of what is.
    get_study_id_from_name = _repeated("get_study_id_from_name")
    get_study_name_from_id = _repeated("get_study_name_from_id")
    get_study_directions = _repeated("get_study_directions")
    get_study_user_attrs = _repeated("get_study_user_attrs")
    get_study_system_attrs = _repeated("get_study_system_attrs")
    get_all_studies = _repeated("get_all_studies")
    get_trial_system_attrs = _repeated("get_trial_system_attrs")
    get_trial = _repeated("get_trial")
    get_all_trials = _repeated("get_all_trials")
    get_best_trial = _repeated("get_best_trial")
    get_trial_id_from_study_id_trial_number = _repeated("get_trial_id_from_study_id_trial_number")
