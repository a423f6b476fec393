"""Leases: a slot, a worker's row and a seat at a GPU are held until a time, by one clock for all who share a database.

Who lets a lease run out is taken for dead, and what was held goes to others.
"""

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Double, Table, cast, extract, func, literal

from hpo.storage.database import Storage
from hpo.storage.process_identity import is_certainly_dead

__all__ = ["Clock", "is_alive", "now", "runs"]

Clock = Callable[[], float]
"""Seconds since 1970."""


def now(storage: Storage, clock: Clock | None = None) -> ColumnElement[float]:
    """The present time in seconds since 1970, as a part of a statement.

    It is `clock` where there is one (tests bring their own); else the server's on PostgreSQL, as no two machines agree
    on the time, and the current time rather than the transaction's start; this machine's on SQLite, which has one host.
    """
    if clock is None and storage.engine.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()), Double)
    return literal((clock or time.time)(), Double)


def runs(table: Table, at: ColumnElement[float]) -> ColumnElement[bool]:
    """Of a row that is leased: whether its lease runs at that time."""
    return table.c.lease_expires_at > at


def is_alive(worker: str, *, lease_runs: bool) -> bool:
    """Whether a worker holds what it leased: the lease runs, and it is not known to have died."""
    return lease_runs and not is_certainly_dead(worker)
