"""What a database says when something is wrong, said again in one line that names the remedy and no password."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, NoSuchTableError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hpo.errors import StorageError
from hpo.service.storage.url import StorageUrl, parse

__all__ = ["translated"]

_FULL = "the disk is full: free some space and run the same command again, nothing is lost"
_DAMAGED = "the file is damaged: restore it from a backup, or name another one"
_NO_HOST = "there is no such host: check the name"
_NO_SERVER = "no server answers there: start it, or check host and port"
_SILENT = "the server does not answer: check host and port"
_CROWDED = "the server has no connection left: use fewer workers, or raise its max_connections"
_STARTING = "the server is not ready yet: try again in a moment"
_AWAY = "the server went away: run the same command again when it is back, nothing is lost"

_SAYS = (
    # what the driver says, in lower case -> what it means for a person, and whether it may be over in a moment; the
    # first that fits is taken
    ("database or disk is full", _FULL, False),
    ("no space left on device", _FULL, False),
    ("could not extend file", "the server's disk is full: free some space and run the same command again", False),
    ("readonly database", "it cannot be written: check the permissions of the file and of its folder", False),
    ("read-only transaction", "it cannot be written: the server allows reading only", False),
    ("unable to open database file", "it cannot be opened: check that its folder exists and may be written", False),
    ("file is not a database", "the file is not a SQLite database, or is damaged: name another one", False),
    ("database disk image is malformed", _DAMAGED, False),
    ("malformed database schema", _DAMAGED, False),
    ("disk i/o error", "the disk failed to read or write the file: check the disk, and its free space", False),
    ("foreign key constraint", "the study was deleted while in use: start again", False),
    ("database is locked", "another process holds it locked for more than a minute: stop that, or wait for it", True),
    ("deadlock detected", "two writers waited for each other: run the same command again, nothing is lost", True),
    ("password authentication failed", "the server refuses this user and password: check both", False),
    ("no password supplied", "the server wants a password: postgresql://USER:PASSWORD@HOST/DATABASE", False),
    ("no pg_hba.conf entry", "the server does not let this user in from here: see its pg_hba.conf", False),
    ("permission denied", "the user has no right to do that: ask for the right to create and write tables", False),
    ("does not exist", "the server does not know it: create it first, or check its name", False),
    ("too many clients", _CROWDED, True),
    ("too many connections", _CROWDED, True),
    ("remaining connection slots", _CROWDED, True),
    ("not currently accepting connections", "the server lets nobody into it at present: ask who keeps it", True),
    ("temporary failure in name resolution", "the host's name cannot be looked up now: check the network", True),
    ("resolve host", _NO_HOST, False),
    ("could not translate host name", _NO_HOST, False),
    ("connection refused", _NO_SERVER, True),
    ("no such file or directory", _NO_SERVER, True),
    ("wait timeout expired", "the server has not answered for a minute: check it, and the network", True),
    ("timeout expired", _SILENT, True),
    ("connection timeout", _SILENT, True),
    ("no route to host", _SILENT, True),
    ("network is unreachable", _SILENT, True),
    ("starting up", _STARTING, True),
    ("recovery mode", _STARTING, True),
    ("not yet accepting connections", _STARTING, True),
    ("shutting down", _AWAY, True),
    ("terminating connection", _AWAY, True),
    ("server closed the connection", _AWAY, True),
    ("connection reset by peer", _AWAY, True),
    ("connection timed out", _AWAY, True),
    ("ssl connection has been closed", _AWAY, True),
    ("connection is lost", _AWAY, True),
    ("connection is closed", _AWAY, True),
)


@contextmanager
def translated(url: StorageUrl | str) -> Iterator[None]:
    """Turn what SQLAlchemy, a driver or Optuna's storage raises inside into a StorageError of one line.

    Raises:
        StorageError: naming the database, what is wrong with it, and the remedy; never a password.

    """
    try:
        yield
    except Exception as error:
        cause = _database_error(error)
        if cause is None:
            raise
        where = parse(url) if isinstance(url, str) else url
        # The original may quote the whole URL, so it is not chained: nobody prints what nobody has.
        meaning, transient = _meaning(cause, where)
        raise StorageError(f"storage {where.safe}: {meaning}", transient=transient) from None


def _database_error(error: BaseException) -> BaseException | None:
    """The innermost database error `error` stands for; None where it is about something else."""
    inner = error
    module = type(error).__module__
    if module.startswith("optuna.") and type(error).__name__ == "StorageInternalError":
        inner = error.__cause__ or error
    elif not isinstance(error, SQLAlchemyError) and module.split(".")[0] not in ("sqlite3", "psycopg", "alembic"):
        return None
    if isinstance(inner, DBAPIError) and inner.orig is not None:
        return inner.orig
    return inner


def _meaning(cause: BaseException, where: StorageUrl) -> tuple[str, bool]:
    """What it means for a person, and whether it may be over in a moment."""
    whole = " ".join(str(cause).split())
    said = where.hide(whole)
    lowered = whole.lower()  # as it was said: a password may be a word of it
    if (
        isinstance(cause, NoSuchTableError)
        or "no such table" in lowered
        or "undefinedtable" in type(cause).__name__.lower()
    ):
        return "its tables are gone: it was deleted or replaced while in use, so run the command again", False
    if isinstance(cause, PoolTimeout):
        return "no connection became free in time: use fewer threads, or try again", True
    if isinstance(cause, PendingRollbackError):
        # What follows a connection that was lost, where Optuna takes that for too long a statement and asks in pieces.
        return _AWAY, True
    for words, meaning, transient in _SAYS:
        if words in lowered:
            return f"{meaning} ({_short(said)})", transient
    return f"{type(cause).__name__}: {_short(said)}", False


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
