"""How long trials take, by those that have ended: for whoever has so much time and no more."""

import math

from sqlalchemy import select

from hpo.storage import Storage, schema
from hpo.storage.slots.slot import of_study
from hpo.storage.waiting import repeatable

__all__ = ["seconds_needed"]

_LATEST = 200  # trials that are looked at: those before may have run on other machines
_ENOUGH = 0.9  # of them that took no longer than what is said

_slot = schema.slots


@repeatable
def seconds_needed(storage: Storage, study: str, rung: int) -> float | None:
    """What nine in ten of the latest trials of that rung took at the most; None where nobody knows.

    Those that are complete, where there are any: one that is broken off late has cost the most. A rung of which none
    has ended takes as long as the next higher one that has some, or else the next lower one.

    Args:
        storage: where the study is.
        study: its name.
        rung: from 0, the lowest.

    Raises:
        StorageError: the database failed.

    """
    ended = (of_study(study), _slot.c.outcome.is_not(None), _slot.c.started_at.is_not(None))
    took = _slot.c.settled_at - _slot.c.started_at
    with storage.read() as connection:
        there = connection.execute(select(_slot.c.rung).where(*ended).distinct()).scalars()
        rungs = sorted(there, key=lambda other: (other < rung, abs(other - rung)))
        if not rungs:
            return None
        latest = select(took, _slot.c.outcome).where(*ended, _slot.c.rung == rungs[0])
        rows = connection.execute(latest.order_by(_slot.c.settled_at.desc()).limit(_LATEST)).all()
    seconds = sorted(row[0] for row in rows if row.outcome == "complete") or sorted(row[0] for row in rows)
    return float(max(0.0, seconds[math.ceil(_ENOUGH * len(seconds)) - 1]))
