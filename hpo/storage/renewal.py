"""Renewing all that a worker holds at once: its place in the roster, the slot in hand, its seat at a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Update, exists, literal, select, update

from hpo.storage import leases, schema
from hpo.storage.database import Storage
from hpo.storage.slots.slot import Slot, held_by_attempt
from hpo.storage.waiting import repeatable

__all__ = ["Renewed", "renew"]

_slot, _worker, _seat = schema.slots, schema.workers, schema.gpus


@dataclass(frozen=True, kw_only=True)
class Renewed:
    """Which of its leases a worker still has; one that was not to be renewed counts as kept."""

    listed: bool = True  # False: it is not in the roster any more, having been silent for too long
    slot: bool = True  # False: the slot went to somebody else
    seat: bool = True  # False: the seat at the GPU did


@repeatable
def renew(
    storage: Storage,
    worker: str,
    lease_seconds: float,
    *,
    listed: bool = True,
    said: Mapping[str, object] | None = None,
    slot: Slot | None = None,
    seated: bool = False,
    clock: leases.Clock | None = None,
) -> Renewed:
    """Let what the worker holds run for `lease_seconds` from now, in one transaction, on PostgreSQL one statement.

    A lease that is lost does not keep the others from being renewed.

    Args:
        storage: where the worker is known.
        worker: its name.
        lease_seconds: from now on.
        listed: whether its row in the roster is to be renewed, which also says when it was heard of last.
        said: what is new of it, by columns of the roster.
        slot: in hand, as claimed; None: none is to be renewed.
        seated: whether its seat at a GPU is.
        clock: as `leases.now` takes it.

    Raises:
        StorageError: the database failed.

    """
    now = leases.now(storage, clock)
    until = {"lease_expires_at": now + lease_seconds}
    changes: dict[str, Update] = {}
    if listed:
        row = update(_worker).where(_worker.c.name == worker)
        changes["listed"] = row.values({**(said or {}), "beaten_at": now, **until})
    if slot is not None:
        changes["slot"] = update(_slot).where(held_by_attempt(slot)).values(until)
    if seated:
        changes["seat"] = update(_seat).where(_seat.c.worker == worker).values(until)
    return Renewed(**_made(storage, changes)) if changes else Renewed()


def _made(storage: Storage, changes: Mapping[str, Update]) -> dict[str, bool]:
    """Make the changes; of each, whether there was anything to change."""
    if storage.engine.dialect.name != "postgresql":  # SQLite has no statement that changes several tables
        with storage.write() as connection:
            return {name: connection.execute(change).rowcount > 0 for name, change in changes.items()}
    made = {name: change.returning(literal(1).label("one")).cte(f"renewed_{name}") for name, change in changes.items()}
    question = select(*(exists(select(each.c.one)).label(name) for name, each in made.items()))
    with storage.change() as connection:
        return dict(connection.execute(question).one()._mapping)
