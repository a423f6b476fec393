"""A connection to a SQLite file, and what can be asked of one that SQLAlchemy knows nothing of."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hpo.errors import StorageError
from hpo.storage import schema
from hpo.storage.storage_url import StorageUrl

__all__ = ["BUSY_SECONDS", "Connection", "Files", "Inode", "bring_in", "extent", "foreign", "lying", "opened"]

BUSY_SECONDS = 60
"""How long a statement on SQLite waits for another process's write."""

_BRING_IN_SECONDS = 5  # that others get to end what they are at, before changes are brought out of a log

Inode = tuple[int, int]
"""Device and number of a file: what it is, whatever its name."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """What lies at the path of a database, or what a connection has open; None where there is no such file."""

    database: Inode | None
    log: Inode | None  # the last changes, which are not in the database yet: PATH-wal
    index: Inode | None  # of the log, shared by all who have it open: PATH-shm
    size: int  # of the database, bytes

    @property
    def beside(self) -> dict[str, Inode | None]:
        """The files beside the database, by what is added to its name."""
        return {"-wal": self.log, "-shm": self.index}


class Connection(sqlite3.Connection):
    """A connection that knows which files it has open."""

    files: Files


def lying(path: Path) -> Files:
    """What lies there now. Nothing is opened: a process that closes a file loses all locks it has on it."""
    database = _stat(path)
    return Files(
        database=_inode(database),
        log=_inode(_stat(path.with_name(f"{path.name}-wal"))),
        index=_inode(_stat(path.with_name(f"{path.name}-shm"))),
        size=0 if database is None else database.st_size,
    )


def opened(where: StorageUrl, *, create: bool) -> Connection:
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


def bring_in(connection: sqlite3.Connection, *, whole: bool = False) -> bool:
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


def extent(connection: sqlite3.Connection) -> int | None:
    """Bytes of the database as the connection sees it, its log included; None where it can make nothing of it."""
    try:
        (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    except sqlite3.Error:
        return None
    return int(pages) * int(size)


def foreign(connection: sqlite3.Connection) -> str | None:
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


def _inode(found: os.stat_result | None) -> Inode | None:
    return None if found is None else (found.st_dev, found.st_ino)
