"""Chores that any process can do and one is to do: whoever asks first once it is due, of all that share a database."""

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hpo.storage import leases, schema
from hpo.storage.database import Storage
from hpo.storage.waiting import repeatable

__all__ = ["take"]

_chore = schema.chores


@repeatable
def take(storage: Storage, chore: str, every: float, *, clock: leases.Clock | None = None) -> bool:
    """Whether the caller is to do the chore now; nobody else is told so for `every` seconds.

    Where the answer is lost, or the caller dies, it is not done this time. To ask costs a look at a row.

    Args:
        storage: where the processes are that share it.
        chore: its name.
        every: seconds.
        clock: as `leases.now` takes it.

    Raises:
        StorageError: the database failed.

    """
    now = leases.now(storage, clock)
    due = or_(_chore.c.done_at <= now - every, _chore.c.done_at > now + every)  # a clock may have been set back
    named = select(_chore.c.name).where(_chore.c.name == chore)
    with storage.read() as connection:
        if connection.execute(named.where(~due)).one_or_none() is not None:
            return False
    # Who finds that another is taking it leaves it at that: to wait for the row, one after another, would take longer.
    free = named.where(due).with_for_update(skip_locked=True).scalar_subquery()
    mine = update(_chore).where(_chore.c.name == free).values(done_at=now)
    with storage.write() as connection:
        if connection.execute(mine).rowcount > 0:
            return True
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        first = insert(_chore).values(name=chore, done_at=now).on_conflict_do_nothing()
        return connection.execute(first.returning(_chore.c.name)).one_or_none() is not None
