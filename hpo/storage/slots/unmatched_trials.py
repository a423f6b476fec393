"""Trials that Optuna has as RUNNING although nobody works on them: what `recovery` puts right, looked at only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from hpo.optuna_internals import ATTEMPT, SLOT, tables
from hpo.storage import Storage, schema
from hpo.storage.json_columns import Noted
from hpo.storage.slots.slot_queries import lease_runs
from hpo.storage.workers import database_clock

__all__ = ["Orphan", "orphans"]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A trial left RUNNING."""

    study: str  # name
    trial: int  # Optuna's number


def orphans(storage: Storage) -> Sequence[Orphan]:
    """The RUNNING trials of ours whose slot is not leased by the attempt that made them, or whose lease ran out.

    Trials that something else than hpo began are not ours to judge. Raises StorageError.
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
    # Trials first, slots second: a slot read later than its trial can only be further on.
    rows: dict[tuple[str, int], list[tuple[str, str]]] = {}
    with storage.read() as connection:
        for name, number, key, value in connection.execute(query):
            rows.setdefault((name, number), []).append((key, value))
        noted = {one: Noted.read(its) for one, its in rows.items()}
        tokens = {one: (its.whole(SLOT), its.whole(ATTEMPT)) for one, its in noted.items()}
        ids = {slot for slot, _ in tokens.values() if slot is not None}
        held = select(_slot.c.id, _slot.c.attempt).where(_slot.c.id.in_(ids), lease_runs(database_clock.now(storage)))
        live = {(id_, attempt) for id_, attempt in connection.execute(held)} if ids else set()
    return [
        Orphan(study=name, trial=number)
        for (name, number), token in sorted(tokens.items())
        if None not in token and token not in live
    ]
