"""Optuna's trials for our slots: created with the slot's parameters, told exactly what the slot says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from hpo.errors import StudyError
from hpo.optuna_internals import (
    ATTEMPT,
    FIXED_PARAMS,
    FROM,
    JOB,
    POSITION,
    RUNG,
    RUNG_COMPLETE,
    SLOT,
    forget_trials_at_hand,
    storage_of,
    study_id,
    tables,
    trial_id,
)
from hpo.storage import Storage
from hpo.storage.json_columns import Noted
from hpo.storage.slots.slot import Outcome, Slot
from hpo.storage.waiting import repeatable
from hpo.study import Params, Space

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, TrialState

__all__ = ["Earlier", "create", "fail", "of_slot", "tell", "tell_earlier", "token"]


@repeatable
def create(storage: Storage, study: "optuna.Study", slot: Slot) -> "optuna.Trial":
    """A RUNNING trial for the slot this worker has claimed: it takes the slot's parameters and samples the others.

    A retry takes what the attempt before it had drawn, has none of that one's attributes, and fails its trial where
    that is still RUNNING. Making one twice makes two: of a try whose answer was lost, `recovery` fails the trial.

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
    fixed = dict(slot.fixed)
    if slot.attempt > 1:
        fixed = {**_supersede(storage, study_id(study), slot), **fixed}
    attributes: dict[str, Any] = {SLOT: slot.id, ATTEMPT: slot.attempt, POSITION: slot.position}
    if slot.rung:
        attributes[RUNG] = slot.rung
    if "job" in slot.payload:
        attributes[JOB] = slot.payload["job"]
    if fixed:  # each attribute costs two statements
        attributes[FIXED_PARAMS] = fixed
    template = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        system_attrs=attributes,
    )
    # As Study.ask does: the sampler must see what was told since the last trial.
    forget_trials_at_hand(study)
    try:
        made = storage_of(study).create_new_trial(study_id(study), template)
    except KeyError:
        raise StudyError(f"study {slot.study!r} was deleted meanwhile") from None
    return optuna.trial.Trial(study, made)


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What another study found of a configuration."""

    params: Params  # whole
    value: float
    step: int  # epochs it was trained, by which samplers take it for more or less


def tell_earlier(study: "optuna.Study", source: str, found: Sequence[Earlier], space: Space) -> int:
    """Tell a study what another one found, for its sampler to begin with; how many trials that were.

    They are pruned to Optuna, so that none of them is the study's best; TPE takes them for as good as their value and
    as far as they came. What was told before is not told again.

    Args:
        study: from `studies.load`.
        source: name of the other study.
        found: configurations of `space`.
        space: the study's.

    """
    from optuna.trial import TrialState, create_trial

    from hpo.search.suggest import distributions

    own = storage_of(study)
    there = own.get_all_trials(study_id(study), deepcopy=False, states=(TrialState.PRUNED,))
    if any(trial.system_attrs.get(FROM) == source for trial in there):
        return 0
    known = distributions(space)
    for each in found:
        template = create_trial(
            state=TrialState.PRUNED,
            value=each.value,
            params=dict(each.params),
            distributions={name: known[name] for name in each.params},
            intermediate_values={each.step: each.value},
            system_attrs={FROM: source},
            user_attrs={"reason": f"found by study {source}, and no trial of this one"},
        )
        own.create_new_trial(study_id(study), template)
    return len(found)


def token(attributes: Mapping[str, Any]) -> tuple[int, int] | None:
    """Slot id and attempt, by a trial's system attributes; None: something else than hpo made it, or wrote there."""
    noted = Noted(attributes)
    slot, attempt = noted.whole(SLOT), noted.whole(ATTEMPT)
    return None if slot is None or attempt is None else (slot, attempt)


@repeatable
def tell(
    storage: Storage,
    trial: int,
    outcome: Outcome,
    value: float | None = None,
    further: Sequence[float] = (),
    *,
    highest: bool = True,
) -> bool:
    """Finish a trial as its settled slot says; whether it is now finished so.

    What is complete on a lower rung is pruned to Optuna: its value is none of the study's, whose best trial and whose
    samplers go by the highest fidelity. TPE takes complete trials for better than pruned ones, and these by how far
    they came, so it learns from both.

    Anyone may do it again: a trial that is finished in the same state has been told.

    Args:
        storage: where it is.
        trial: Optuna's id of it.
        outcome: as `Slots.settle` stored it, like what follows.
        value: of the metric.
        further: values of the objectives after the first.
        highest: whether its slot is of the study's highest fidelity.

    """
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[outcome]
    below = outcome == "complete" and not highest
    if below:
        state = TrialState.PRUNED
    values = None if value is None or outcome == "failed" else [value, *further]
    for _ in range(3):
        try:
            if below:
                storage.rdb.set_trial_system_attr(trial, RUNG_COMPLETE, True)
            if storage.rdb.set_trial_state_values(trial, state, values):
                return True
        except UpdateFinishedTrialError:
            pass
        except KeyError:
            return False  # deleted with its study
        # False: somebody else is telling it at this moment and has written the value first.
        now = _state(storage, trial)
        if now is None or now.is_finished():
            return now == state
    return False


@repeatable
def fail(storage: Storage, trial: int, slot_id: int, attempt: int, reason: str) -> bool:
    """Fail the trial of an attempt that will never count, if it still is that attempt's and still RUNNING."""
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        attributes = storage.rdb.get_trial_system_attrs(trial)
        # After a deletion SQLite may have given the id to a trial of another slot.
        if attributes.get(SLOT) != slot_id or attributes.get(ATTEMPT) != attempt:
            return False
        storage.rdb.set_trial_user_attr(trial, "reason", reason)
    except (KeyError, UpdateFinishedTrialError):
        return False
    return tell(storage, trial, "failed")


def of_slot(storage: Storage, study: int, slot_id: int) -> "list[tuple[FrozenTrial, int]]":
    """Every trial of one slot and its attempt, the latest first. It looks through the study: for retries only.

    `study`: Optuna's id of it.
    """
    trial, attribute = tables().trials.c, tables().system.c
    query = (
        select(trial.trial_id)
        .join(tables().system, attribute.trial_id == trial.trial_id)
        .where(trial.study_id == study, attribute.key == SLOT, attribute.value_json == json.dumps(slot_id))
    )
    with storage.read() as connection:
        ids = connection.execute(query).scalars().all()
    trials = [storage.rdb.get_trial(id_) for id_ in ids]
    found = [(each, its[1]) for each in trials if (its := token(each.system_attrs)) is not None]
    return sorted(found, key=lambda each: (each[1], each[0].number), reverse=True)


def _supersede(storage: Storage, study: int, slot: Slot) -> Params:
    """Fail the trials of earlier attempts; the parameters of the latest that drew any."""
    earlier = [each for each in of_slot(storage, study, slot.id) if each[1] < slot.attempt]
    for trial, number in earlier:
        if not trial.state.is_finished():
            fail(storage, trial_id(trial), slot.id, number, f"attempt {slot.attempt} took its place")
    return next((trial.params for trial, _ in earlier if trial.params), {})


def _state(storage: Storage, trial: int) -> "TrialState | None":
    try:
        state: TrialState = storage.rdb.get_trial(trial).state
        return state
    except KeyError:
        return None
