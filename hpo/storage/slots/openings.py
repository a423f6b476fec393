"""News of slots that open: a number that whoever waits for work asks for, which costs the server next to nothing.

Whoever opens slots, gives one back, stops a study, lets it go on or changes what it asks for counts one up, in the
transaction that does it. Whoever waits looks for a slot where the number has changed, and once in a while, too: a lease
that runs out is counted by nobody.

It is a question rather than a notification (PostgreSQL's LISTEN): that needs a session of the server for each worker
that waits, which PgBouncer does not give, and wakes all of them for one slot. Of many that wait each asks the more
seldom, so that all together ask as often, and one of them hears of a slot as soon.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select, text, true

from hpo.storage import Storage, schema
from hpo.storage.slots.slot import UNSETTLED
from hpo.storage.waiting import repeatable

__all__ = ["News", "announce", "news"]

_STRIPES = 16
"""Rows the number is the sum of. Each process counts in one, so that many seldom wait for each other's commit."""

_study, _slot, _opening = schema.studies, schema.slots, schema.openings

_COUNT = text(
    f"INSERT INTO {_opening.name} (stripe, number) VALUES (:stripe, 1) "
    f"ON CONFLICT (stripe) DO UPDATE SET number = {_opening.name}.number + 1"
)


@dataclass(frozen=True, kw_only=True)
class News:
    """What has changed where it is not equal to what it was before."""

    openings: int  # times that slots were opened, given back, or may be had again, of whatever study
    settled: bool | None  # whether all slots of the studies in question are; None: it was not asked


def announce(connection: Connection) -> None:
    """Say within the caller's transaction, as the last thing it does, that there may be something to claim."""
    connection.execute(_COUNT, {"stripe": os.getpid() % _STRIPES})


@repeatable
def news(storage: Storage, *, only: Collection[str] = (), settled: bool = False) -> News:
    """What there is to compare with an earlier answer, which must be older than the last look for work.

    Args:
        storage: where the studies are.
        only: names of the studies in question; empty: all.
        settled: whether to ask if all their slots are settled.

    Raises:
        StorageError: the database failed.

    """
    query = select(func.coalesce(func.sum(_opening.c.number), 0).label("openings"))
    if settled:
        its = _slot.c.study_id.in_(select(_study.c.id).where(_study.c.name.in_(only))) if only else true()
        query = query.add_columns(exists(select(_slot.c.id).where(UNSETTLED, its)).label("unsettled"))
    with storage.read() as connection:
        row = connection.execute(query).one()
    return News(openings=int(row.openings), settled=not row.unsettled if settled else None)
