"""Every trial of a study as a record, whatever became of it: each table read once, nothing trained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hpo.optuna_internals import ATTEMPT, POSITION, SLOT
from hpo.storage import Storage, studies
from hpo.storage.queries import stored_trials
from hpo.storage.queries.stored_trials import StoredTrial
from hpo.storage.slots.slot import Outcome, Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import Params

__all__ = ["ExportedTrial", "TrialsPage", "page", "read"]


@dataclass(frozen=True, kw_only=True)
class ExportedTrial:
    """One trial, or a slot that was settled before a trial of it could begin."""

    number: int | None  # Optuna's; None: it never began, as its process died first
    state: str  # complete, pruned, failed, running, waiting
    outcome: Outcome | None
    # what its slot came to; None: the slot is not settled, or another attempt at it is what counts. So the trials with
    # an outcome are the settled slots, each once
    value: float | None  # a pruned one's is its last report
    params: Params  # a conditional one that is not active is absent
    seed: int | None  # its training's
    rung: int | None  # of its slot in the study, from 0, the lowest; None: another program made the trial
    fidelity: str | None  # of that rung, whose values alone can be compared with its own; None likewise
    position: int | None  # of its slot on the rung, from 0; None likewise
    attempt: int | None  # at its slot, from 1
    worker: str | None  # None: its slot has passed to somebody else, whose name replaced the one before
    started_at: datetime | None  # UTC
    ended_at: datetime | None  # UTC
    seconds: float | None  # from start to end
    reason: str | None  # why it was pruned or failed
    attributes: Mapping[str, Any]  # what else its training noted: train, epochs, compile_seconds, fit_seconds, …
    curve: tuple[tuple[int, float], ...]  # (step, value reported there): epochs or folds


@dataclass(frozen=True, kw_only=True)
class TrialsPage:
    """Some of a study's trials, one number after the other."""

    study: str  # name
    total: int  # trials the study has; what was settled before a trial of it could begin is not among them
    offset: int  # number of the first trial here
    trials: tuple[ExportedTrial, ...]  # by number


def page(storage: Storage, word: str, *, offset: int, limit: int) -> TrialsPage:
    """At most `limit` trials of a study of any kind from number `offset` on; only these are read.

    Raises:
        StudyError: there is no such study, or another program has deleted its trials.

    """
    record = studies.find(storage, word)
    found = stored_trials.read(storage, record.name, range(offset, offset + limit))
    slots = Slots(storage).by_id({id_ for trial in found if (id_ := trial.system.whole(SLOT)) is not None})
    its = {id_: slot for id_, slot in slots.items() if slot.study == record.name}
    told = tuple(_trial(record, trial, its.get(trial.system.whole(SLOT) or -1)) for trial in found)
    return TrialsPage(study=record.name, total=stored_trials.count(storage, record.name), offset=offset, trials=told)


def read(storage: Storage, word: str) -> tuple[StudyRecord, list[ExportedTrial]]:
    """A study of any kind and all its trials by number, then what was settled without one, by position.

    Raises:
        StudyError: there is no such study, or another program has deleted its trials.

    """
    record = studies.find(storage, word)
    found = stored_trials.read(storage, record.name)
    slots = {slot.id: slot for slot in Slots(storage).list(record.name)}
    told = [_trial(record, trial, slots.get(trial.system.whole(SLOT) or -1)) for trial in found]
    begun = {(trial.system.whole(SLOT), trial.system.whole(ATTEMPT)) for trial in found}
    unborn = [_unborn(record, s) for s in slots.values() if s.outcome is not None and (s.id, s.attempt) not in begun]
    return record, sorted(told + unborn, key=lambda trial: math.inf if trial.number is None else trial.number)


def _trial(record: StudyRecord, found: StoredTrial, slot: Slot | None) -> ExportedTrial:
    attempt = found.system.whole(ATTEMPT)
    own = slot if slot is not None and slot.attempt == attempt else None  # the slot's last word is about this trial
    settled = own if own is not None and own.outcome is not None else None
    seed, reason, noted = found.noted()
    state, value = found.state, found.value if found.state in ("complete", "pruned") else None
    started, ended = found.started_at, found.ended_at
    if settled is not None:  # its trial may still wait to be told
        state, value, reason = str(settled.outcome), settled.value, settled.reason or reason
        started, ended = _when(settled.started_at), _when(settled.settled_at)
    return ExportedTrial(
        number=found.number,
        state=state,
        outcome=settled.outcome if settled is not None else None,
        value=value,
        params=dict(own.params) if own is not None and own.params else found.params,
        seed=seed,
        rung=found.rung,
        fidelity=record.fidelity_of(found.rung),
        position=found.system.whole(POSITION),
        attempt=attempt,
        worker=own.worker if own is not None else None,
        started_at=started,
        ended_at=ended,
        seconds=(ended - started).total_seconds() if started is not None and ended is not None else None,
        reason=reason,
        attributes=noted,
        curve=found.curve,
    )


def _unborn(record: StudyRecord, slot: Slot) -> ExportedTrial:
    started, ended = _when(slot.started_at), _when(slot.settled_at)
    return ExportedTrial(
        number=slot.trial_number,  # there is one where the trial was made since the trials were read
        state=str(slot.outcome),
        outcome=slot.outcome,
        value=slot.value,
        params=dict(slot.params or {}),
        seed=None,
        rung=slot.rung,
        fidelity=record.fidelity_of(slot.rung),
        position=slot.position,
        attempt=slot.attempt,
        worker=slot.worker,
        started_at=started,
        ended_at=ended,
        seconds=(ended - started).total_seconds() if started is not None and ended is not None else None,
        reason=slot.reason,
        attributes={},
        curve=(),
    )


def _when(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
