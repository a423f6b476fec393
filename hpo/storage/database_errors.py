"""What a database says when something is wrong, said again in one line that names the remedy and no password."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from sqlalchemy.exc import DBAPIError, NoSuchTableError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hpo.errors import StorageError
from hpo.storage.storage_url import StorageUrl, parse

__all__ = ["translated"]

Lasts = Literal["moment", "mended", "good"]
"""How long a fault lasts: it may be over in a moment; until somebody mends it; for good."""

_FULL = "the disk is full: free some space and run the same command again, nothing is lost"
_DAMAGED = "the file is damaged: restore it from a backup, or name another one"
_LOCKED = "another process holds it locked for more than a minute: stop that, or wait for it"
_NO_HOST = "there is no such host: check the name"
_NO_SERVER = "no server answers there: start it, or check host and port"
_SILENT = "the server does not answer: check host and port"
_CROWDED = (
    "the server has no connection left: use fewer workers, or raise its max_connections, or the limit of the role"
)
_STARTING = "the server is not ready yet: try again in a moment"
_READ_ONLY = (
    "it cannot be written: the server allows reading only: name the primary, or see default_transaction_read_only"
)
_SERIALIZATION = "others changed the same rows at the same moment: run the same command again, nothing is lost"
_DEADLOCK = "two writers waited for each other: run the same command again, nothing is lost"
_TIMEOUT = "the server ended a statement that took too long: run it again, or raise its statement_timeout"
_LOCK_TIMEOUT = "the server ended a statement that waited for others: run it again, or raise its lock_timeout"
_IDLE = "the server ended a connection that was silent for too long: run the same command again, nothing is lost"
_AWAY = "the server went away: run the same command again when it is back, nothing is lost"

_STATES: Mapping[str, tuple[str, Lasts]] = {
    # SQLSTATE -> the same; servers say the words in the language they are set to
    "25006": (_READ_ONLY, "mended"),
    "25P03": (_IDLE, "moment"),
    "25P04": (_IDLE, "moment"),
    "40001": (_SERIALIZATION, "moment"),
    "40P01": (_DEADLOCK, "moment"),
    "53100": ("the server's disk is full: free some space and run the same command again", "mended"),
    "53300": (_CROWDED, "moment"),
    "55P03": (_LOCK_TIMEOUT, "moment"),
    "57014": (_TIMEOUT, "moment"),
    "57P05": (_IDLE, "moment"),
}

_SAYS: tuple[tuple[str, str, Lasts], ...] = (
    # what the driver says, in lower case -> what it means for a person, and how long it lasts; the first that fits is
    # taken
    ("database or disk is full", _FULL, "mended"),
    ("no space left on device", _FULL, "mended"),
    ("could not extend file", "the server's disk is full: free some space and run the same command again", "mended"),
    ("readonly database", "it cannot be written: check the permissions of the file and of its folder", "mended"),
    ("read-only transaction", _READ_ONLY, "mended"),
    ("read-only file system", "it cannot be written: its disk is mounted for reading only", "mended"),
    ("during recovery", _READ_ONLY, "mended"),
    ("unable to open database file", "it cannot be opened: check that its folder exists and may be written", "good"),
    ("file is not a database", "the file is not a SQLite database, or is damaged: name another one", "good"),
    ("database disk image is malformed", _DAMAGED, "good"),
    ("malformed database schema", _DAMAGED, "good"),
    ("disk i/o error", "the disk failed to read or write the file: check the disk, and its free space", "mended"),
    ("foreign key constraint", "the study was deleted while in use: start again", "good"),
    ("database is locked", _LOCKED, "moment"),
    ("deadlock detected", _DEADLOCK, "moment"),
    ("statement timeout", _TIMEOUT, "moment"),
    ("lock timeout", _LOCK_TIMEOUT, "moment"),
    ("idle-in-transaction timeout", _IDLE, "moment"),
    ("transaction timeout", _IDLE, "moment"),
    ("idle-session timeout", _IDLE, "moment"),
    ("password authentication failed", "the server refuses this user and password: check both", "mended"),
    ("no password supplied", "the server wants a password: postgresql://USER:PASSWORD@HOST/DATABASE", "mended"),
    ("no pg_hba.conf entry", "the server does not let this user in from here: see its pg_hba.conf", "mended"),
    ("not permitted to log in", "the server lets this user in no more: ALTER ROLE … LOGIN", "mended"),
    ("unsupported startup parameter", "the pooler takes no options: leave ?options=… out of the address", "good"),
    ("query_wait_timeout", "the pooler had no session of the server to give: raise its default_pool_size", "moment"),
    ("server login has been failing", "the pooler cannot reach the server: start it, or check the pooler", "moment"),
    ("server conn crashed", _AWAY, "moment"),
    ("idle transaction timeout", _IDLE, "moment"),
    ("query timeout", _TIMEOUT, "moment"),
    ("permission denied", "the user has no right to do that: ask for the right to create and write tables", "good"),
    ("does not exist", "the server does not know it: create it first, or check its name", "good"),
    ("too many clients", _CROWDED, "moment"),
    ("too many connections", _CROWDED, "moment"),
    ("no more connections allowed", "the pooler takes no more connections: raise its max_client_conn", "moment"),
    ("remaining connection slots", _CROWDED, "moment"),
    ("not currently accepting connections", "the server lets nobody into it at present: ask who keeps it", "moment"),
    ("temporary failure in name resolution", "the host's name cannot be looked up now: check the network", "moment"),
    ("resolve host", _NO_HOST, "good"),
    ("could not translate host name", _NO_HOST, "good"),
    ("connection refused", _NO_SERVER, "moment"),
    ("no such file or directory", _NO_SERVER, "moment"),
    ("wait timeout expired", "the server has not answered for a minute: check it, and the network", "moment"),
    ("timeout expired", _SILENT, "moment"),
    ("connection timeout", _SILENT, "moment"),
    ("no route to host", _SILENT, "moment"),
    ("network is unreachable", _SILENT, "moment"),
    ("starting up", _STARTING, "moment"),
    ("recovery mode", _STARTING, "moment"),
    ("not yet accepting connections", _STARTING, "moment"),
    ("shutting down", _AWAY, "moment"),
    ("terminating connection", _AWAY, "moment"),
    ("server closed the connection", _AWAY, "moment"),
    ("connection reset by peer", _AWAY, "moment"),
    ("connection timed out", _AWAY, "moment"),
    ("ssl connection has been closed", _AWAY, "moment"),
    ("connection is lost", _AWAY, "moment"),
    ("connection is closed", _AWAY, "moment"),
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
        meaning, lasts = _meaning(cause, where)
        said = f"storage {where.safe}: {meaning}"
        raise StorageError(said, transient=lasts == "moment", mendable=lasts == "mended") from None


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


def _meaning(cause: BaseException, where: StorageUrl) -> tuple[str, Lasts]:
    """What it means for a person, and how long it lasts."""
    whole = " ".join(str(cause).split())
    said = where.hide(whole)
    lowered = whole.lower()  # as it was said: a password may be a word of it
    if (
        isinstance(cause, NoSuchTableError)
        or "no such table" in lowered
        or "undefinedtable" in type(cause).__name__.lower()
    ):
        return "its tables are gone: it was deleted or replaced while in use, so run the command again", "good"
    if isinstance(cause, PoolTimeout):
        return "no connection became free in time: use fewer threads, or try again", "moment"
    if isinstance(cause, PendingRollbackError):
        # What follows a connection that was lost, where Optuna takes that for too long a statement and asks in pieces.
        return _AWAY, "moment"
    known = _STATES.get(getattr(cause, "sqlstate", None) or "")
    if known is not None:
        return f"{known[0]} ({_short(said)})", known[1]
    for words, meaning, lasts in _SAYS:
        if words in lowered:
            return f"{meaning} ({_short(said)})", lasts
    return f"{type(cause).__name__}: {_short(said)}", "good"


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
