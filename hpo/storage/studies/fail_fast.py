"""A study whose first trials all fail is ended rather than burnt through: something is wrong with all of it."""

from sqlalchemy import desc, func, select

from hpo.errors import StudyError
from hpo.storage import Storage, schema
from hpo.storage.slots.slot import of_study
from hpo.storage.studies import halting
from hpo.storage.waiting import repeatable

__all__ = ["FAIL_FAST", "first_all_failed", "stop_if_all_failed"]

FAIL_FAST = 5
"""Trials of a study that may fail before one does not; with this many, none of the rest is begun."""

_slot = schema.slots


@repeatable
def first_all_failed(storage: Storage, study: str, *, known: int = 0) -> str | None:
    """What is wrong where all trials of a study have failed so far, and enough of them; None where it may go on.

    Args:
        storage: where the study is.
        study: its name.
        known: failures of an earlier run, whose cause somebody may have mended since; only later ones count as enough.

    Raises:
        StorageError: the database failed.

    """
    settled = select(func.count()).where(of_study(study))
    failures = select(_slot.c.reason).where(of_study(study), _slot.c.outcome == "failed")
    with storage.read() as connection:
        if connection.execute(settled.where(_slot.c.outcome.in_(("complete", "pruned")))).scalar_one():
            return None
        reasons = connection.execute(failures.order_by(desc(_slot.c.settled_at))).scalars().all()
    if len(reasons) - known < FAIL_FAST:
        return None
    return f"its first {len(reasons)} trials all failed, the last with: {reasons[0] or 'no reason was recorded'}"


@repeatable
def stop_if_all_failed(storage: Storage, study: str) -> str | None:
    """Stop the study where its first trials have all failed; why, or None where it is not so or is stopped already.

    In a fleet nobody may be watching, so whoever settles a trial as failed asks this.

    Raises:
        StorageError: the database failed.

    """
    why = first_all_failed(storage, study)
    try:
        return why if why is not None and halting.stop(storage, study, by=halting.BY_HPO, why=why) else None
    except StudyError:  # deleted meanwhile
        return None
