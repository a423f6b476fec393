"""Which worker has which trial in hand."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from hpo.storage import Storage, schema
from hpo.storage.slots.slot_queries import STUDY, lease_runs, of_study
from hpo.storage.workers.database_clock import now

__all__ = ["RunningTrial", "running_trials"]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """What one worker is doing."""

    study: str  # name
    worker: str  # name
    position: int  # of the slot in the study, from 0
    attempt: int  # of the slot, from 1
    trial: int | None  # Optuna's number; None: the trial is not made yet
    since: datetime  # of the claim, UTC


def running_trials(storage: Storage, study: str | None = None) -> tuple[RunningTrial, ...]:
    """What is in anybody's hand in a study, or in all of them, by worker; a lease that ran out is in nobody's.

    Raises StorageError.
    """
    query = select(
        STUDY.label("study"),
        _slot.c.worker,
        _slot.c.position,
        _slot.c.attempt,
        _slot.c.trial_number,
        _slot.c.started_at,
    ).where(lease_runs(now(storage)))
    if study is not None:
        query = query.where(of_study(study))
    with storage.read() as connection:
        rows = connection.execute(query.order_by(_slot.c.worker, "study", _slot.c.position)).all()
    return tuple(
        RunningTrial(
            study=row.study,
            worker=row.worker,
            position=row.position,
            attempt=row.attempt,
            trial=row.trial_number,
            since=datetime.fromtimestamp(row.started_at, UTC),
        )
        for row in rows
    )
