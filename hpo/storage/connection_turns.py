"""Processes take turns where a server has fewer connections than they want.

A process keeps connections for its next question, which is quick, and keeps them while it trains, for which it needs
none. Where the server has hardly any left, each process gives its own back after every use, until there are enough.
"""

import random
import time
import warnings
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from hpo.errors import HpoWarning
from hpo.storage.postgresql_login import Login
from hpo.storage.storage_url import StorageUrl

__all__ = ["Turns"]

_WAIT = 10.0  # seconds a process waits for its turn before the server counts as having none for it
_LOOK_EVERY = 5.0  # seconds between looks at how many connections the server has left
_PLENTY, _SELDOM = 40, 6.0  # connections left from which on looks are rarer; times as rare at most
_SHORT_FOR = 60.0  # seconds a server stays short of them, after it was seen to be
_SPARE = 3  # connections that a server must have left for processes to keep theirs

_REFUSALS = ("too many clients", "too many connections", "remaining connection slots", "no more connections allowed")

_LEFT = """
    SELECT least(
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0)
            - (SELECT sum(pg_stat_get_db_numbackends(oid)) FROM pg_database),
        (SELECT rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)
         FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0),
        (SELECT datconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
         FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0))
"""


class Turns:
    """How one engine shares its server."""

    def __init__(self, where: StorageUrl) -> None:
        self._where = where
        self._login = Login(where)
        self._short_until = self._look_at = float("-inf")  # monotonic seconds

    def take(self, engine: Engine) -> None:
        """Have the engine take turns where it must."""
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "checkin", self._give_back)

    def _connect(
        self, _dialect: object, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        """A connection that does not wait for an answer for ever, once it is this process's turn."""
        deadline = time.monotonic() + _WAIT
        while True:
            try:
                return self._login.connect(*arguments, **options)
            except psycopg.OperationalError as error:
                if not any(words in str(error) for words in _REFUSALS):
                    raise
                self._short_until = time.monotonic() + _SHORT_FOR
                warnings.warn(
                    f"storage {self._where.safe}: the server has fewer connections than its users want, so they take "
                    "turns: use fewer workers, or raise its max_connections, or the limit of the role",
                    HpoWarning,
                    stacklevel=2,
                )
                if time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.05, 0.25))

    def _give_back(self, connection: psycopg.Connection[Any] | None, record: ConnectionPoolEntry) -> None:
        """Close what was used where the server is short; what is closed is opened again when it is needed."""
        if connection is None:
            return
        now = time.monotonic()
        if now >= self._look_at:
            left = _left(connection)
            self._look_at = now + _pause(left)
            if left < _SPARE:
                self._short_until = now + _SHORT_FOR
        if now < self._short_until:
            record.invalidate()


def _pause(left: int) -> float:
    """Seconds to the next look, where so many connections are left.

    The more processes there are, the more a look costs; and where many are left, it takes many to be short of them.
    """
    return _LOOK_EVERY * min(_SELDOM, max(1.0, left / _PLENTY))


def _left(connection: psycopg.Connection[Any]) -> int:
    """How many connections this user may open yet; one that is lost says none."""
    try:
        row = connection.execute(_LEFT).fetchone()
    except psycopg.Error:
        return 0
    return 0 if row is None else int(row[0])
