"""Logging in to PostgreSQL, also where the password is changed while processes work.

A connection stays open whatever becomes of the password, but the next one needs the new one. Who was told it by the
environment, as by a file that a variable names, finds it there when the old one is refused.
"""

from typing import Any

import psycopg

from hpo.errors import HpoError
from hpo.settings import storage_url
from hpo.storage.postgresql import Answering
from hpo.storage.storage_url import StorageUrl, parse

__all__ = ["Login"]

_REFUSED = "password authentication failed"


class Login:
    """How one process is let in."""

    def __init__(self, where: StorageUrl) -> None:
        self._where = where
        self._renewed: str | None = None  # the password found later; None: that of the URL will do

    def connect(self, *arguments: Any, **options: Any) -> Answering:
        """A connection, with the password of the URL or the one that took its place.

        Raises psycopg's OperationalError: the server cannot be reached, or lets nobody in with either.
        """
        if self._renewed is not None:
            options["password"] = self._renewed
        try:
            return Answering.connect(*arguments, **options)
        except psycopg.OperationalError as error:
            now = self._now() if _REFUSED in str(error) else None
            if now is None or now == options.get("password"):
                raise
        self._renewed = options["password"] = now
        return Answering.connect(*arguments, **options)

    def _now(self) -> str | None:
        """The password that the environment has for the same user at the same database; None: it has none."""
        try:
            there = parse(storage_url()).sqlalchemy
        except HpoError:  # the file is being written, or the environment is of no use
            return None
        mine = self._where.sqlalchemy
        return there.password if there.set(password="-") == mine.set(password="-") else None
