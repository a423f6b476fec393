"""The SQLite file an engine works on, looked at each time before anything is read or written.

SQLite goes by the file it has open. Where that is deleted, moved or replaced meanwhile it notices nothing: what is
written goes into a file that has no name any more, or the log beside the new file is taken for its own. So whoever
takes a connection from the pool has compared first which files lie at the path with those that connection has open,
which costs three looks at a folder.
"""

import contextlib
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

from hpo.errors import HpoWarning, ReplacedError, StorageError
from hpo.storage.sqlite import Connection, Files, Inode, bring_in, extent, foreign, lying, opened
from hpo.storage.storage_url import StorageUrl

__all__ = ["File", "Lacks"]

_GRACE = 2.0  # seconds a file may be gone, or be written: whoever restores a backup moves one file away, copies another
_LOOK = 0.1  # seconds between looks at it then

Lacks = Callable[[sqlite3.Connection], str | None]
"""What a database lacks that is to take the place of another one, in words; None: nothing."""


class File:
    """One SQLite file as one engine sees it."""

    def __init__(self, where: StorageUrl) -> None:
        assert where.path is not None
        self._where = where
        self._path = where.path
        self._lock = threading.RLock()
        self._accepted: Inode | None = None  # the database that is worked on; None: none was opened yet
        self._overwritten = False  # whether another file was written into this one
        self.lacks: Lacks = lambda _: None  # asked of a database of ours that took its place
        self.on_replaced: Callable[[], object] = lambda: None  # called before such a one is worked on

    def connect(self, *, create: bool = False) -> Connection:
        """A connection to the file; for reading alone where nothing can be written.

        Raises:
            ReplacedError: another database took its place, which cannot be worked on in its stead.
            StorageError: the file is gone, or as `sqlite.opened`.
            sqlite3.Error: it cannot be opened.

        """
        while True:
            if self._overwritten:
                raise self._written_over()
            before = lying(self._path)
            if self._accepted not in (None, before.database):
                before = self._still()
            connection = self._open(create=create and self._accepted is None)
            connection.files = lying(self._path)
            if before.database in (None, connection.files.database):
                break
            connection.close()  # it was replaced at this moment, so nobody knows which of the two it is
        try:
            self._accept(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def watch(self, engine: Engine) -> None:
        """Look at the file whenever a connection is taken from the engine's pool, and remember how it was left."""
        event.listen(engine, "checkout", self._look)
        event.listen(engine, "checkin", self._remember)

    def _look(self, connection: Connection, _record: object, _fairy: object) -> None:
        """Let go of a connection to files that lie there no more.

        Raises:
            InvalidatePoolError: for the pool, which opens another one and lets go of the others too.
            StorageError: as `connect`.

        """
        known, now = connection.files, lying(self._path)
        if now == known:
            return
        if now.database is None:
            bring_in(connection)  # it may only have been moved
            now = self._still()
        if now.database != known.database:
            bring_in(connection)
            self._clear(known, now)
            raise InvalidatePoolError
        if now.size < known.size:
            self._shrunk(connection)
            raise InvalidatePoolError
        if any(there is not None and now.beside[name] != there for name, there in known.beside.items()):
            self._rescue(connection)
            raise InvalidatePoolError
        connection.files = now  # it has grown; or its log was made, which is done when it is needed first

    def _remember(self, connection: Connection | None, _record: object) -> None:
        """How long the file is after it was written to; nothing else is believed before the next look."""
        if connection is not None:
            now = lying(self._path)
            if now.database == connection.files.database:
                connection.files = replace(connection.files, size=max(now.size, connection.files.size))

    def _still(self) -> Files:
        """What lies at the path once a database does that nobody is copying there. Raises ReplacedError."""
        deadline = time.monotonic() + _GRACE
        before = None
        while (now := lying(self._path)).database is None or now != before:
            if time.monotonic() > deadline:
                if now.database is not None:
                    return now
                raise ReplacedError(
                    f"storage {self._where.safe}: the file was deleted or moved while in use: put it back, or a backup "
                    "of it, and run the same command again"
                )
            before = now
            time.sleep(_LOOK)
        return now

    def _open(self, *, create: bool) -> Connection:
        try:
            return opened(self._where, create=create)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            if self._accepted in (None, lying(self._path).database):
                raise
            raise self._replaced("is not a SQLite database, or is damaged") from None

    def _accept(self, connection: Connection) -> None:
        """Work on the database of this connection, in place of the one before. Raises ReplacedError."""
        with self._lock:
            if self._accepted not in (None, connection.files.database):
                lacks = foreign(connection) or self.lacks(connection)
                if lacks is not None:
                    raise self._replaced(lacks)
                warnings.warn(
                    f"storage {self._where.safe}: the file was replaced while in use by another copy of its database, "
                    "with which work goes on",
                    HpoWarning,
                    stacklevel=2,
                )
                self.on_replaced()
            self._accepted = connection.files.database

    def _replaced(self, lacks: str) -> ReplacedError:
        return ReplacedError(
            f"storage {self._where.safe}: the file was replaced while in use, and the one that is there now {lacks}: "
            "put the right one there, and run the same command again"
        )

    def _clear(self, known: Files, now: Files) -> None:
        """Remove the log of the database that was there, which SQLite would take for that of the one there now."""
        for name, there in known.beside.items():
            if there is not None and now.beside[name] == there:
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + name).unlink()

    def _shrunk(self, connection: Connection) -> None:
        """The file is shorter than it was: it was vacuumed, or another one was written over it, as `cp` does.

        In the second case SQLite knows as many pages as before. None of them may come into the file that is there now,
        so its log is emptied; and nobody who has the file open can be helped, as SQLite has one idea of it a process.

        Raises:
            ReplacedError: it was written over.

        """
        length = extent(connection)
        if length is None or length >= connection.files.size:
            self._overwritten = True
            with contextlib.suppress(OSError):
                os.truncate(f"{self._path}-wal", 0)
            raise self._written_over()

    def _written_over(self) -> ReplacedError:
        return ReplacedError(
            f"storage {self._where.safe}: another file was written over it while in use: stop whatever uses it, put "
            "the right one there, and run the same command again"
        )

    def _rescue(self, connection: Connection) -> None:
        """Bring into the database what its deleted log holds, where nobody has begun another one.

        Raises:
            StorageError: somebody holds it up.

        """
        log = self._path.with_name(f"{self._path.name}-wal")
        with contextlib.suppress(OSError):
            if log.stat().st_size:
                return  # others have noticed before, have done it and gone on
        if not bring_in(connection, whole=True):
            raise StorageError(
                f"storage {self._where.safe}: {log.name} was deleted while in use, and others keep its changes from "
                "being saved: stop whatever uses the file, and run the same command again",
                mendable=True,
            )
