"""The SQLite file an engine works on: connections to it, and a look at it before anything is read or written.

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

from hpo.errors import HpoWarning, ReplacedError, StorageError
from hpo.storage import schema
from hpo.storage.storage_url import StorageUrl

__all__ = ["BUSY_SECONDS", "Connection", "File", "Lacks"]

BUSY_SECONDS = 60
"""How long a statement on SQLite waits for another process's write."""

_BRING_IN_SECONDS = 5  # that others get to end what they are at, before changes are brought out of a log

_GRACE = 2.0  # seconds a file may be gone, or be written: whoever restores a backup moves one file away, copies another
_LOOK = 0.1  # seconds between looks at it then

_Inode = tuple[int, int]  # device and number of a file: what it is, whatever its name

Lacks = Callable[[sqlite3.Connection], str | None]
"""What a database lacks that is to take the place of another one, in words; None: nothing."""


@dataclass(frozen=True, kw_only=True)
class _Files:
    """What lies at the path of a database, or what a connection has open; None where there is no such file."""

    database: _Inode | None
    log: _Inode | None  # the last changes, which are not in the database yet: PATH-wal
    index: _Inode | None  # of the log, shared by all who have it open: PATH-shm
    size: int  # of the database, bytes

    @property
    def beside(self) -> dict[str, _Inode | None]:
        """The files beside the database, by what is added to its name."""
        return {"-wal": self.log, "-shm": self.index}


class Connection(sqlite3.Connection):
    """A connection that knows which files it has open."""

    files: _Files


class File:
    """One SQLite file as one engine sees it."""

    def __init__(self, where: StorageUrl) -> None:
        assert where.path is not None
        self._where = where
        self._path = where.path
        self._lock = threading.RLock()
        self._accepted: _Inode | None = None  # the database that is worked on; None: none was opened yet
        self._overwritten = False  # whether another file was written into this one
        self.lacks: Lacks = lambda _: None  # asked of a database of ours that took its place
        self.on_replaced: Callable[[], object] = lambda: None  # called before such a one is worked on

    def connect(self, *, create: bool = False) -> Connection:
        """A connection to the file; for reading alone where nothing can be written.

        Raises:
            ReplacedError: another database took its place, which cannot be worked on in its stead.
            StorageError: the file is gone, or as `_opened`.
            sqlite3.Error: it cannot be opened.

        """
        while True:
            if self._overwritten:
                raise self._written_over()
            before = _lying(self._path)
            if self._accepted not in (None, before.database):
                before = self._still()
            connection = self._open(create=create and self._accepted is None)
            connection.files = _lying(self._path)
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
        known, now = connection.files, _lying(self._path)
        if now == known:
            return
        if now.database is None:
            _bring_in(connection)  # it may only have been moved
            now = self._still()
        if now.database != known.database:
            _bring_in(connection)
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
            now = _lying(self._path)
            if now.database == connection.files.database:
                connection.files = replace(connection.files, size=max(now.size, connection.files.size))

    def _still(self) -> _Files:
        """What lies at the path once a database does that nobody is copying there. Raises ReplacedError."""
        deadline = time.monotonic() + _GRACE
        before = None
        while (now := _lying(self._path)).database is None or now != before:
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
            return _opened(self._where, create=create)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            if self._accepted in (None, _lying(self._path).database):
                raise
            raise self._replaced("is not a SQLite database, or is damaged") from None

    def _accept(self, connection: Connection) -> None:
        """Work on the database of this connection, in place of the one before. Raises ReplacedError."""
        with self._lock:
            if self._accepted not in (None, connection.files.database):
                lacks = _foreign(connection) or self.lacks(connection)
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

    def _clear(self, known: _Files, now: _Files) -> None:
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
        length = _extent(connection)
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
        if not _bring_in(connection, whole=True):
            raise StorageError(
                f"storage {self._where.safe}: {log.name} was deleted while in use, and others keep its changes from "
                "being saved: stop whatever uses the file, and run the same command again",
                mendable=True,
            )


def _lying(path: Path) -> _Files:
    """What lies there now. Nothing is opened: a process that closes a file loses all locks it has on it."""
    database = _stat(path)
    return _Files(
        database=_inode(database),
        log=_inode(_stat(path.with_name(f"{path.name}-wal"))),
        index=_inode(_stat(path.with_name(f"{path.name}-shm"))),
        size=0 if database is None else database.st_size,
    )


def _opened(where: StorageUrl, *, create: bool) -> Connection:
    """A connection to the file at `where`; for reading alone where nothing can be written.

    Raises:
        StorageError: nothing can be written there, and without that the last changes cannot be read.
        sqlite3.Error: it cannot be opened.

    """
    assert where.path is not None
    try:
        # mode=rw: whoever only looks never leaves an empty file behind.
        connection = _connection(where.path, f"mode={'rwc' if create else 'rw'}")
    except sqlite3.OperationalError as error:
        kind = error.sqlite_errorcode
        beside = kind in (sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.SQLITE_CANTOPEN) and where.path.exists()
        if not beside or os.access(where.path.parent, os.W_OK):
            raise
        connection = _unchanging(where, where.path)
    # The database is in WAL mode, where NORMAL is safe against any death of a process; only a power failure
    # can take the last few transactions, and never corrupts.
    connection.execute("PRAGMA synchronous=NORMAL")
    # Else a trial could be created in a study that was deleted at that moment, and turn up in the next one of its id.
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _bring_in(connection: sqlite3.Connection, *, whole: bool = False) -> bool:
    """Bring the changes in a connection's log into its database; whether all of them are there now.

    `whole`: wait for others who use that log, and leave nothing in it for them to go on with.
    """
    try:
        connection.execute(f"PRAGMA busy_timeout={_BRING_IN_SECONDS * 1000 if whole else 0}")
        how = "TRUNCATE" if whole else "PASSIVE"
        busy, logged, done = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    except sqlite3.Error:
        return False
    return not busy and logged == done


def _extent(connection: sqlite3.Connection) -> int | None:
    """Bytes of the database as the connection sees it, its log included; None where it can make nothing of it."""
    try:
        (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    except sqlite3.Error:
        return None
    return int(pages) * int(size)


def _foreign(connection: sqlite3.Connection) -> str | None:
    """Why a database is none of ours, of the version this hpo works with; None where it is."""
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return "is empty"
        versions: list[Any] = connection.execute(f"SELECT version_num FROM {schema.revision.name}").fetchall()
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        return "is another program's"
    except sqlite3.DatabaseError:
        return "is not a SQLite database, or is damaged"
    if versions != [(str(schema.VERSION),)]:
        return f"has tables of another version than {schema.VERSION}"
    return None


def _connection(path: Path, options: str) -> Connection:
    uri = f"file:{quote(str(path))}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, factory=Connection)
    try:
        # The first look inside shows whether there can be any; with it the log is open too.
        connection.execute("PRAGMA schema_version")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _unchanging(url: StorageUrl, path: Path) -> Connection:
    """A connection that takes the file for one that nobody changes, which alone works where nothing can be written.

    Somebody else may, who writes into a file beside this one first, and into this one much later. So it is made only
    where that is empty, and no such connection is kept: the next one looks again.
    """
    beside = path.with_name(f"{path.name}-wal")
    if beside.exists() and beside.stat().st_size:
        raise StorageError(
            f"storage {url.safe}: its last changes are in {beside.name} and cannot be read, as its folder cannot be "
            "written: copy both files to a folder that can"
        )
    return _connection(path, "mode=ro&immutable=1")


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _inode(found: os.stat_result | None) -> _Inode | None:
    return None if found is None else (found.st_dev, found.st_ino)
