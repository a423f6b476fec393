"""Optuna's trials for our slots: created with the slot's parameters, told exactly what the slot says."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from hpo.errors import StudyError
from hpo.service.slots.slot import Outcome, Slot
from hpo.service.storage import Storage
from hpo.service.storage.errors import translated
from hpo.service.storage.noted import Noted
from hpo.study import Params

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, TrialState

__all__ = ["ATTEMPT", "JOB", "POSITION", "SLOT", "create", "fail", "of_slot", "tell", "token"]

SLOT, ATTEMPT, POSITION = "hpo:slot", "hpo:attempt", "hpo:position"
"""The system attributes that say which slot, attempt and position a trial is."""

JOB = "hpo:job"
"""The one that says which rows and seed the trial of a measurement has; a search's has none."""


def create(storage: Storage, study: "optuna.Study", slot: Slot) -> "optuna.Trial":
    """A RUNNING trial for the slot this worker has claimed: it takes the slot's parameters and samples the others.

    A retry takes what the attempt before it had drawn, has none of that one's attributes, and fails its trial where
    that is still RUNNING.

    Args:
        storage: where the study is.
        study: from `studies.load`, with the sampler and the pruner.
        slot: from `Slots.claim`.

    Raises:
        StudyError: the study was deleted, and perhaps made anew, since it was loaded.

    """
    import optuna

    if storage.loaded.get(slot.study) != slot.study_id:
        raise StudyError(f"study {slot.study!r} was deleted and made anew meanwhile: start this worker again")
    with translated(storage.where):
        fixed = dict(slot.fixed)
        if slot.attempt > 1:
            fixed = {**_supersede(storage, study._study_id, slot), **fixed}
        attributes: dict[str, Any] = {SLOT: slot.id, ATTEMPT: slot.attempt, POSITION: slot.position}
        if "job" in slot.payload:
            attributes[JOB] = slot.payload["job"]
        if fixed:  # each attribute costs two statements
            attributes["fixed_params"] = fixed
        template = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            system_attrs=attributes,
        )
        # As Study.ask does: the sampler must see what was told since the last trial.
        study._thread_local.cached_all_trials = None
        try:
            trial_id = study._storage.create_new_trial(study._study_id, template)
        except KeyError:
            raise StudyError(f"study {slot.study!r} was deleted meanwhile") from None
        return optuna.trial.Trial(study, trial_id)


def token(trial: "FrozenTrial") -> tuple[int, int] | None:
    """The slot's id and the attempt that a trial of ours is; None: something else than hpo made it, or wrote there."""
    noted = Noted(trial.system_attrs)
    slot, attempt = noted.whole(SLOT), noted.whole(ATTEMPT)
    return None if slot is None or attempt is None else (slot, attempt)


def tell(
    storage: Storage,
    trial_id: int,
    outcome: Outcome,
    value: float | None = None,
    further: Sequence[float] = (),
) -> bool:
    """Finish a trial as its settled slot says; whether it is now finished so.

    Anyone may do it again: a trial that is finished in the same state has been told.

    `further`: values of the objectives after the first.
    """
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[outcome]
    values = None if value is None or outcome == "failed" else [value, *further]
    with translated(storage.where):
        for _ in range(3):
            try:
                if storage.rdb.set_trial_state_values(trial_id, state, values):
                    return True
            except UpdateFinishedTrialError:
                pass
            except KeyError:
                return False  # deleted with its study
            # False: somebody else is telling it at this moment and has written the value first.
            now = _state(storage, trial_id)
            if now is None or now.is_finished():
                return now == state
    return False


def fail(storage: Storage, trial_id: int, slot_id: int, attempt: int, reason: str) -> bool:
    """Fail the trial of an attempt that will never count, if it still is that attempt's and still RUNNING."""
    from optuna.exceptions import UpdateFinishedTrialError

    with translated(storage.where):
        try:
            attributes = storage.rdb.get_trial_system_attrs(trial_id)
            # After a deletion SQLite may have given the id to a trial of another slot.
            if attributes.get(SLOT) != slot_id or attributes.get(ATTEMPT) != attempt:
                return False
            storage.rdb.set_trial_user_attr(trial_id, "reason", reason)
        except (KeyError, UpdateFinishedTrialError):
            return False
    return tell(storage, trial_id, "failed")


def of_slot(storage: Storage, study_id: int, slot_id: int) -> "list[tuple[FrozenTrial, int]]":
    """Every trial of one slot and its attempt, the latest first. It looks through the study: for retries only."""
    from optuna.storages._rdb.models import TrialModel, TrialSystemAttributeModel

    query = (
        select(TrialModel.trial_id)
        .join(TrialSystemAttributeModel, TrialSystemAttributeModel.trial_id == TrialModel.trial_id)
        .where(
            TrialModel.study_id == study_id,
            TrialSystemAttributeModel.key == SLOT,
            TrialSystemAttributeModel.value_json == json.dumps(slot_id),
        )
    )
    with translated(storage.where), storage.engine.connect() as connection:
        ids = connection.execute(query).scalars().all()
    trials = [storage.rdb.get_trial(trial_id) for trial_id in ids]
    found = [(trial, its[1]) for trial in trials if (its := token(trial)) is not None]
    return sorted(found, key=lambda each: (each[1], each[0].number), reverse=True)


def _supersede(storage: Storage, study_id: int, slot: Slot) -> Params:
    """Fail the trials of earlier attempts; the parameters of the latest that drew any."""
    earlier = [each for each in of_slot(storage, study_id, slot.id) if each[1] < slot.attempt]
    for trial, number in earlier:
        if not trial.state.is_finished():
            fail(storage, trial._trial_id, slot.id, number, f"attempt {slot.attempt} took its place")
    return next((trial.params for trial, _ in earlier if trial.params), {})


def _state(storage: Storage, trial_id: int) -> "TrialState | None":
    try:
        return storage.rdb.get_trial(trial_id).state
    except KeyError:
        return None
