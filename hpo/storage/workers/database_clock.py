"""One clock for all who share a database: leases that workers on many machines compare run by it."""

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Double, cast, extract, func, literal

from hpo.storage import Storage

__all__ = ["Clock", "now"]

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
