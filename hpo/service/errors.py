"""What a database says when something is wrong, said again in one line that names the remedy and no password."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hpo.errors import StorageError
from hpo.service.url import StorageUrl, parse

__all__ = ["translated"]

_SAYS = (
    # what the driver says, in lower case -> what it means for a person; the first that fits is taken
    ("database or disk is full", "the disk is full: free some space and run the same command again, nothing is lost"),
    ("no space left on device", "the disk is full: free some space and run the same command again, nothing is lost"),
    ("could not extend file", "the server's disk is full: free some space and run the same command again"),
    ("readonly database", "it cannot be written: check the permissions of the file and of its folder"),
    ("read-only transaction", "it cannot be written: the server allows reading only"),
    ("unable to open database file", "the file cannot be opened: check that its folder exists and may be written"),
    ("file is not a database", "the file is not a SQLite database, or is damaged: name another one"),
    ("database disk image is malformed", "the file is damaged: restore it from a backup, or name another one"),
    ("malformed database schema", "the file is damaged: restore it from a backup, or name another one"),
    ("disk i/o error", "the disk failed to read or write the file: check the disk, and its free space"),
    ("foreign key constraint", "the study was deleted while in use: start again"),
    ("database is locked", "another process holds it locked for more than a minute: stop that one, or wait for it"),
    ("password authentication failed", "the server refuses this user and password: check both"),
    ("no password supplied", "the server wants a password: postgresql://USER:PASSWORD@HOST/DATABASE"),
    ("no pg_hba.conf entry", "the server does not let this user in from here: see its pg_hba.conf"),
    ("permission denied", "the user has no right to do that there: ask for the right to create and write tables"),
    ("does not exist", "the server does not know it: create it first, or check its name"),
    ("too many clients", "the server has no connection left: use fewer workers, or raise its max_connections"),
    (
        "remaining connection slots",
        "the server has no connection left: use fewer workers, or raise its max_connections",
    ),
    ("resolve host", "there is no such host: check the name"),
    ("could not translate host name", "there is no such host: check the name"),
    ("connection refused", "no server answers there: start it, or check host and port"),
    ("no such file or directory", "no server answers there: start it, or check host and port"),
    ("timeout expired", "the server does not answer: check host and port"),
    ("connection timeout", "the server does not answer: check host and port"),
    ("starting up", "the server is not ready yet: try again in a moment"),
    ("shutting down", "the server went away: run the same command again when it is back, nothing is lost"),
    ("administrator command", "the server went away: run the same command again when it is back, nothing is lost"),
    (
        "server closed the connection",
        "the server went away: run the same command again when it is back, nothing is lost",
    ),
    ("connection is lost", "the server went away: run the same command again when it is back, nothing is lost"),
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
        raise StorageError(f"storage {where.safe}: {_meaning(cause, where)}") from None


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


def _meaning(cause: BaseException, where: StorageUrl) -> str:
    said = where.hide(" ".join(str(cause).split()))
    lowered = said.lower()
    if (
        isinstance(cause, NoSuchTableError)
        or "no such table" in lowered
        or "undefinedtable" in type(cause).__name__.lower()
    ):
        return "its tables are gone: it was deleted or replaced while in use, so run the command again"
    if isinstance(cause, PoolTimeout):
        return "no connection became free in time: use fewer threads, or try again"
    for words, meaning in _SAYS:
        if words in lowered:
            return f"{meaning} ({_short(said)})"
    return f"{type(cause).__name__}: {_short(said)}"


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
