"""Connections to PostgreSQL: what they are asked for, how a transaction begins, and that none waits for ever.

Nothing here lasts longer than a transaction, so that a pooler may give each transaction another session of the server,
as PgBouncer does: no startup options, no prepared statements, no SET but a SET LOCAL, no locks but a transaction's.

TCP notices a machine that vanished. It does not notice a server that hangs, or a proxy before one that is gone: they
take what they are sent and say nothing.
"""

import select
import time
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from hpo.storage.engine import ISOLATION
from hpo.storage.storage_url import StorageUrl

__all__ = ["ANSWER_SECONDS", "IDLE_SECONDS", "Answering", "connect_args", "converse"]

ANSWER_SECONDS = 60.0
"""How long a statement waits for its answer before the connection counts as dead."""

IDLE_SECONDS = 20
"""After how long PostgreSQL ends a transaction whose process stopped; less than a lease: nobody waits for the dead."""

_ISOLATION = "READ COMMITTED"  # what a claim relies on, whatever the server's default is

_FRESH = 1.0  # seconds after its use for which a connection lives, unless its server has said something

_READ_ONLY = "25006"  # SQLSTATE


def connect_args(url: StorageUrl) -> dict[str, Any]:
    """What a connection is asked for, where the URL says nothing else."""
    wanted: dict[str, Any] = {
        "connect_timeout": 10,  # seconds
        "application_name": "hpo",
        "prepare_threshold": None,  # never: what is prepared belongs to a session
        # A network that is cut says nothing. TCP notices within half a minute, less than a lease: 10 s of silence, then
        # four questions that nobody answers; or what was sent is not acknowledged.
        "keepalives_idle": 10,  # seconds
        "keepalives_interval": 5,  # seconds
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,  # milliseconds
    }
    given = url.sqlalchemy.query
    return {name: value for name, value in wanted.items() if name not in given}


class Answering(psycopg.Connection[Any]):
    """Closes itself, with psycopg's OperationalError, when a statement is not answered in time."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, for ANSWER_SECONDS at the most."""
        try:
            return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # its answer may still come, and must not be taken for that of another statement
            raise


def converse(engine: Engine) -> None:
    """Have an engine whose connections are in autocommit begin its transactions, and see before use who still lives."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "connect", _used)
    event.listen(engine, "checkin", _used)
    event.listen(engine, "checkout", _look)
    event.listen(engine, "handle_error", _part_from_read_only)


def _begin(connection: Connection) -> None:
    """Begin a transaction, in one exchange with all that holds for it."""
    level = connection.get_execution_options().get(ISOLATION, _ISOLATION)
    if level is not None:
        idle = f"SET LOCAL idle_in_transaction_session_timeout = {1000 * IDLE_SECONDS}"
        connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {level}; {idle}")


def _used(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _look(connection: psycopg.Connection[Any], record: ConnectionPoolEntry, _proxy: object) -> None:
    """Notice a server that restarted before a statement is lost to it; it is asked where that may be.

    Raises:
        InvalidatePoolError: it ended the connection, so the pool is to connect anew.

    """
    try:
        said = select.poll()
        said.register(connection.fileno(), select.POLLIN)
        if said.poll(0) or time.monotonic() - record.info["used"] > _FRESH:
            connection.execute("SELECT 1")
    except psycopg.Error:
        raise InvalidatePoolError from None


def _part_from_read_only(context: ExceptionContext) -> None:
    """Let go of connections that may only read: what lets them write again may hold for new ones alone."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
