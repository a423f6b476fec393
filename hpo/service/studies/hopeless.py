"""A study whose trials all fail is stopped rather than burnt through: by a fleet nobody may be watching."""

from sqlalchemy import desc, func, select

from hpo.errors import StudyError
from hpo.service.slots.queries import of_study
from hpo.service.storage import Storage, schema
from hpo.service.storage.patience import repeatable
from hpo.service.studies import halting

__all__ = ["HOPELESS", "stop_if_hopeless"]

HOPELESS = 5
"""Trials that may fail before one does not, after which a study is taken for hopeless."""

_slot = schema.slots


@repeatable
def stop_if_hopeless(storage: Storage, study: str) -> str | None:
    """Stop the study where its first trials have all failed; why, or None where it is not so or is stopped already.

    Raises:
        StorageError: the database failed.

    """
    settled = select(func.count()).where(of_study(study))
    failures = select(_slot.c.reason).where(of_study(study), _slot.c.outcome == "failed")
    with storage.read() as connection:
        if connection.execute(settled.where(_slot.c.outcome.in_(("complete", "pruned")))).scalar_one():
            return None
        reasons = connection.execute(failures.order_by(desc(_slot.c.settled_at))).scalars().all()
    if len(reasons) < HOPELESS:
        return None
    why = f"its first {len(reasons)} trials all failed, the last with: {reasons[0] or 'no reason was recorded'}"
    try:
        return why if halting.stop(storage, study, by=halting.BY_HPO, why=why) else None
    except StudyError:  # deleted meanwhile
        return None
