"""Taking back jobs that were asked for once, that nobody has begun, and that nobody asks for any more."""

from collections.abc import Collection

from sqlalchemy import delete, select

from hpo.service.slots.queries import of_study
from hpo.service.storage import Storage, schema

__all__ = ["unwanted", "withdraw"]

_AT_ONCE = 500  # ids in one statement; SQLite and PostgreSQL limit how many values one may hold


def unwanted(storage: Storage, study: str, wanted: Collection[str]) -> list[int]:
    """Ids of the slots of a study that are not settled and whose job's key is none of `wanted`."""
    table = schema.slots
    query = select(table.c.id, table.c.digest).where(of_study(study), table.c.state != "settled")
    with storage.read() as connection:
        return [row.id for row in connection.execute(query) if row.digest not in wanted]


def withdraw(storage: Storage, study: str, wanted: Collection[str]) -> int:
    """Delete the open slots of a study whose job's key is none of `wanted`; how many that were.

    A comparison of 100 pairs that was stopped early must not make a later one of 12 wait for 100. What is settled
    stays, and so does what a worker has in hand.
    """
    table = schema.slots
    ids = unwanted(storage, study, wanted)
    gone = 0
    for first in range(0, len(ids), _AT_ONCE):
        these = delete(table).where(table.c.id.in_(ids[first : first + _AT_ONCE]), table.c.state == "open")
        with storage.write() as connection:
            gone += connection.execute(these).rowcount
    return gone
