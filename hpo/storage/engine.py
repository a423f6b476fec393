"""Connections: SQLite and PostgreSQL set up so that many processes can share a study.

How many: an engine keeps `KEPT` connections once it has used them and has `MOST` at the most. A worker trains in one
thread and renews its lease in another, so it holds two; a supervisor one or two; a dashboard as many as it has requests
at once, and `MOST` at the most. Where a server has fewer, `connection_turns.py` has them shared.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Integer, Table, create_engine, func, literal, select, text
from sqlalchemy.pool import NullPool, QueuePool

from hpo.storage.sqlite_file import File
from hpo.storage.storage_url import StorageUrl

__all__ = ["ISOLATION", "KEPT", "MOST", "connect", "exclusive", "insert", "insert_numbered"]

KEPT, MOST = 2, 6
"""Connections to a server that one process keeps, and has at the most."""

ISOLATION = "hpo_isolation"
"""Execution option of a connection to PostgreSQL: how its transactions are isolated; None: each statement is one."""

_AT_ONCE = 1000  # rows inserted by one statement: some milliseconds, which any server grants
_MANY = 500  # rows that change how a table is best read

_LOCK = 0x6870_6F00  # "hpo": the advisory lock of everything that must happen once in a PostgreSQL database


def connect(url: StorageUrl, *, create: bool, file: File | None = None) -> Engine:
    """The engine for `url`; connections are made on use.

    Args:
        url: of the database.
        create: a SQLite file that is missing may be made.
        file: the SQLite file, for whoever has something to say about one that takes its place.

    """
    if url.path is not None:
        file = file or File(url)
        pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 2, "max_overflow": 8}
        if not os.access(url.path.parent, os.W_OK):
            pool = {"poolclass": NullPool}  # no connection that takes the file for unchanging is kept, see `File`
        engine = create_engine("sqlite://", creator=lambda: file.connect(create=create), **pool)
        file.watch(engine)
        return engine
    from hpo.storage import postgresql  # which needs the driver
    from hpo.storage.connection_turns import Turns

    engine = create_engine(
        url.sqlalchemy,
        isolation_level="AUTOCOMMIT",  # to SQLAlchemy: what begins a transaction is `converse`
        use_native_hstore=False,  # it would ask each session for the type
        pool_size=KEPT,
        max_overflow=MOST - KEPT,
        pool_recycle=1800,  # seconds
        connect_args=postgresql.connect_args(url),
    )
    postgresql.converse(engine)
    Turns(url).take(engine)
    return engine


@contextmanager
def exclusive(engine: Engine) -> Iterator[Connection]:
    """One transaction that at most one process is in at a time; for what must happen exactly once."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert any number of rows, none too, within the caller's transaction."""
    for first in range(0, len(rows), _AT_ONCE):
        connection.execute(table.insert(), rows[first : first + _AT_ONCE])
    _many(connection, table, len(rows))


def insert_numbered(
    connection: Connection, table: Table, column: str, numbers: range, row: Mapping[str, object]
) -> None:
    """Insert a row for each number, alike but for that column, within the caller's transaction.

    The server makes them: to send 100,000 would take as many seconds as it takes tenths, with a lock held.
    """
    names = list(row)
    same = [literal(row[name], table.c[name].type) for name in names]
    for first in range(numbers.start, numbers.stop, _AT_ONCE):
        number = _series(connection, first, min(first + _AT_ONCE, numbers.stop) - 1)
        connection.execute(table.insert().from_select([column, *names], select(number, *same)))
    _many(connection, table, len(numbers))


def _series(connection: Connection, first: int, last: int) -> ColumnElement[int]:
    """The whole numbers from the first to the last, as a column."""
    if connection.dialect.name == "postgresql":
        made = func.generate_series(literal(first, Integer), literal(last, Integer))
        return made.table_valued("number").render_derived().c.number
    numbers = select(literal(first).label("number")).cte(recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < last))
    return numbers.c.number


def _many(connection: Connection, table: Table, inserted: int) -> None:
    if inserted >= _MANY and connection.dialect.name == "postgresql":
        # It would notice by itself within a minute, and read all of them for each claim until then.
        connection.exec_driver_sql(f"ANALYZE {table.name}")
