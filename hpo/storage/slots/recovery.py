"""Putting right what a crash left between two steps; run when work starts and when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from hpo.optuna_internals import ATTEMPT, SLOT, tables, trial_id
from hpo.settings import MAX_ATTEMPTS
from hpo.storage import Storage, leases, schema
from hpo.storage.json_columns import Noted
from hpo.storage.slots import slot_trials
from hpo.storage.slots.promotion import promote, waiting
from hpo.storage.slots.slot import lease_runs
from hpo.storage.slots.slots import Slots
from hpo.storage.waiting import repeatable

__all__ = ["Orphan", "Recovered", "orphans", "recover", "recover_all"]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What one sweep put right."""

    promoted: int  # slots of higher rungs filled
    exhausted: int  # slots settled as failed because their attempts were used up
    told: int  # trials finished as their settled slot says
    failed: int  # trials of attempts that will never count


@repeatable
def recover(storage: Storage, study: str, *, max_attempts: int = MAX_ATTEMPTS) -> Recovered:
    """Promote what is due, tell what is settled but not told, and fail the trials nobody works on any more.

    Any number of processes may do it at once, beside live workers; doing it again changes nothing. A slot whose lease
    ran out stays as it is, as its worker may yet come back with a result: the next claim takes it over.

    Args:
        storage: where the study is.
        study: its name; one that does not exist has nothing to recover.
        max_attempts: as the workers' `Slots` have it.

    """
    from optuna.trial import TrialState

    slots = Slots(storage, max_attempts=max_attempts)
    exhausted = slots.exhaust(study)
    promoted = promote(storage, study)
    told = failed = 0
    try:
        study_id = storage.rdb.get_study_id_from_name(study)
        # Trials first, slots second: a slot read later than its trial can only be further on.
        running = storage.rdb.get_all_trials(study_id, deepcopy=False, states=(TrialState.RUNNING,))
    except KeyError:
        return Recovered(promoted=promoted, exhausted=exhausted, told=0, failed=0)
    ours = [(trial, *token) for trial in running if (token := slot_trials.token(trial.system_attrs)) is not None]
    by_id = slots.by_id({slot_id for _, slot_id, _ in ours})
    for trial, slot_id, attempt in ours:
        slot = by_id.get(slot_id)
        if slot is not None and slot.attempt == attempt:
            if slot.state == "leased":
                continue
            if slot.outcome is not None and slot.trial_number in (None, trial.number):
                told += slot_trials.tell(
                    storage, trial_id(trial), slot.outcome, slot.value, slot.further, highest=slot.highest
                )
                continue
        reason = (slot and slot.reason) or "its worker vanished or gave it back"
        failed += slot_trials.fail(
            storage, trial_id(trial), slot_id, attempt, f"attempt {attempt} did not count: {reason}"
        )
    return Recovered(promoted=promoted, exhausted=exhausted, told=told, failed=failed)


@repeatable
def recover_all(storage: Storage, *, max_attempts: int = MAX_ATTEMPTS) -> int:
    """As `recover`, of every study that has something to put right; how many trials that were.

    Raises:
        StorageError: the database failed.

    """
    Slots(storage, max_attempts=max_attempts).exhaust()
    for study in waiting(storage):
        promote(storage, study)
    found = [recover(storage, study, max_attempts=max_attempts) for study in {each.study for each in orphans(storage)}]
    return sum(each.told + each.failed for each in found)


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A trial that Optuna has as RUNNING although nobody works on it."""

    study: str  # name
    trial: int  # Optuna's number


def orphans(storage: Storage) -> Sequence[Orphan]:
    """The RUNNING trials of ours whose slot is not leased by the attempt that made them, or whose lease ran out.

    Nothing is changed. Trials that something else than hpo began are not ours to judge. Raises StorageError.
    """
    from optuna.trial import TrialState

    theirs = tables()
    study, trial, attribute = theirs.studies.c, theirs.trials.c, theirs.system.c
    query = (
        select(study.study_name, trial.number, attribute.key, attribute.value_json)
        .join(theirs.trials, trial.study_id == study.study_id)
        .join(theirs.system, attribute.trial_id == trial.trial_id)
        .where(trial.state == TrialState.RUNNING, attribute.key.in_([SLOT, ATTEMPT]))
    )
    # Trials first, slots second, as above.
    rows: dict[tuple[str, int], list[tuple[str, str]]] = {}
    with storage.read() as connection:
        for name, number, key, value in connection.execute(query):
            rows.setdefault((name, number), []).append((key, value))
        tokens = {one: slot_trials.token(Noted.read(its)) for one, its in rows.items()}
        ids = {token[0] for token in tokens.values() if token is not None}
        held = select(_slot.c.id, _slot.c.attempt).where(_slot.c.id.in_(ids), lease_runs(leases.now(storage)))
        live = {(id_, attempt) for id_, attempt in connection.execute(held)} if ids else set()
    return [
        Orphan(study=name, trial=number)
        for (name, number), token in sorted(tokens.items())
        if token is not None and token not in live
    ]
