"""Opening the database studies live in: made or checked once, before any worker starts."""

from collections.abc import Callable

from sqlalchemy import Engine

from hpo.errors import StorageError
from hpo.storage import schema, upgrades
from hpo.storage.database import Storage
from hpo.storage.database_errors import translated
from hpo.storage.engine import connect
from hpo.storage.sqlite_file import File
from hpo.storage.storage_url import StorageUrl, parse
from hpo.storage.upgrades import Upgrade, bring_up
from hpo.storage.waiting import patiently

__all__ = ["await_open", "examine", "find", "open", "open_foreign", "prepare", "upgrade"]

OnAway = Callable[[StorageError], object]


def prepare(url: str) -> Storage:
    """Open the database at `url`, made or completed where needed; any number of processes may do so at once.

    A database that Optuna alone made is taken over: our tables are added. Tables of an earlier version are brought up
    to date in a SQLite file; on a server, where workers of that version may be at them, only `upgrade` does that.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: the database cannot be reached, read or written, is another program's, or is of another version.

    """
    opened = _open(parse(url), create=True, to_write=True)
    assert opened is not None
    return opened


def open(url: str) -> Storage:  # noqa: A001 - as in storage.open(url)
    """Open the database at `url`, which must be there and ours; nothing is written but tables of an earlier version.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: there is none, or as for `prepare`.

    """
    found = find(url)
    if found is not None:
        return found
    where = parse(url)
    if where.path is not None and not where.path.exists():
        raise StorageError(
            f"there is no database at {where.safe}: hpo optimize makes one, or name another: --storage", mendable=True
        )
    raise StorageError(f"storage {where.safe} holds no studies of hpo: hpo optimize makes it ready, or name another")


def await_open(
    url: str,
    *,
    seconds: float,
    unless: Callable[[], object],
    on_away: OnAway,
    on_back: Callable[[], object],
) -> Storage:
    """As `open`, waiting for a database that is away; and so will whoever goes on with its `patient`.

    Args:
        url: its storage URL.
        seconds: to wait for it, now and later; `math.inf`: for ever.
        unless: true: do not wait any longer.
        on_away: told what is wrong before each wait.
        on_back: called when it answers after a wait.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: as for `open`.

    """
    opened = patiently(lambda: open(url), seconds=seconds, unless=unless, on_away=on_away, on_back=on_back)
    opened.patience, opened.unless, opened.on_away, opened.on_back = seconds, unless, on_away, on_back
    return opened


def find(url: str, *, to_write: bool = False) -> Storage | None:
    """Open the database at `url`; None where there is none yet, or one that `prepare` has still to make ready.

    Args:
        url: its storage URL.
        to_write: refuse one that can only be read.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: as for `prepare`; nothing is written but tables of an earlier version.

    """
    return _open(parse(url), create=False, to_write=to_write)


def open_foreign(url: str) -> Storage:
    """Open a database in which Optuna has studies, whether any of them is ours or not; nothing is written.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: there is none, it cannot be read, or has no studies of an Optuna like the one installed here.

    """
    where = parse(url)
    _refuse_folders(where)
    if where.path is not None and not where.path.exists():
        raise StorageError(f"there is no database at {where.safe}: name one that Optuna has made")
    file = None if where.path is None else File(where)
    engine = connect(where, create=False, file=file)
    try:
        with translated(where), engine.connect() as connection:
            upgrades.refuse_without_studies(connection, where)
            upgrades.refuse_other_optuna(connection, where)
    except BaseException:
        engine.dispose()
        raise
    return Storage(where, engine, file)


def upgrade(url: str, *, on_away: OnAway | None = None) -> Upgrade:
    """Make the tables in the database at `url`, or bring those of an earlier version up to date; say what was done.

    Any number of processes may do so at once: one does it, and to the others there is nothing to do.

    Args:
        url: of the database.
        on_away: told what is wrong before one that is away is waited for, a minute at most; None: it is not waited for.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: as for `prepare`, but for an earlier version.

    """
    if on_away is not None:
        return patiently(lambda: upgrade(url), on_away=on_away)
    where = parse(url)
    _refuse_folders(where)
    engine = connect(where, create=True)
    try:
        with translated(where):
            if _version(engine, where) == schema.VERSION:
                _refuse_unwritable(engine)
            return bring_up(engine, where)
    finally:
        engine.dispose()


def examine(url: str, *, on_away: OnAway | None = None) -> Upgrade:
    """Of which version the tables at `url` are; nothing is changed. `on_away` as for `upgrade`.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: as for `upgrade`; or a table is missing.

    """
    if on_away is not None:
        return patiently(lambda: examine(url), on_away=on_away)
    where = parse(url)
    _refuse_folders(where)
    version = None
    if where.path is None or where.path.exists():
        engine = connect(where, create=False)
        try:
            with translated(where):
                version = _version(engine, where)
                with engine.connect() as connection:
                    upgrades.refuse_other_optuna(connection, where)
                    if version == schema.VERSION:
                        upgrades.refuse_incomplete(connection, where)
        finally:
            engine.dispose()
    return Upgrade(before=version, after=version, needed=schema.VERSION)


def _open(where: StorageUrl, *, create: bool, to_write: bool) -> Storage | None:
    """Open a database; where it has no tables of ours, make them or give None."""
    _refuse_folders(where)
    if where.path is not None and not create and not where.path.exists():
        return None
    file = None if where.path is None else File(where)
    engine = connect(where, create=create, file=file)
    with translated(where):
        version = _version(engine, where)
        if version is not None:
            _complete(engine, where, version)
            if to_write:
                _refuse_unwritable(engine)
        elif create:
            bring_up(engine, where)
        else:
            engine.dispose()
            return None
    return Storage(where, engine, file)


def _version(engine: Engine, where: StorageUrl) -> int | None:
    """The version of our tables, not newer than ours; None where there are none yet."""
    with engine.connect() as connection:
        version = upgrades.found(connection, where)
    if version is not None:
        upgrades.refuse_newer(version, where)
    return version


def _complete(engine: Engine, where: StorageUrl, version: int) -> None:
    """Bring a SQLite file of an earlier version up to date; refuse a server's."""
    if version == schema.VERSION:
        return
    if where.backend != "sqlite":
        raise StorageError(
            f"storage {where.safe} has tables of version {version}, and this hpo needs {schema.VERSION}: "
            "stop the workers of the earlier hpo, then run hpo db upgrade"
        )
    try:
        with translated(where):
            bring_up(engine, where)
    except StorageError as error:
        why = f"its tables of version {version} have to be brought to {schema.VERSION} before they are read"
        raise StorageError(f"{error}; {why}", transient=error.transient) from None


def _refuse_unwritable(engine: Engine) -> None:
    """Find out before the first trial, not after it, that nothing can be written; nothing is."""
    with engine.connect() as connection:
        connection.execute(schema.revision.update().values(version_num=schema.revision.c.version_num))
        connection.rollback()


def _refuse_folders(where: StorageUrl) -> None:
    path = where.path
    if path is None:
        return
    try:
        if path.is_dir():
            raise StorageError(f"storage {where.safe} is a folder: name a file in it, sqlite:///{path.name}/hpo.db")
        if not path.parent.is_dir():
            raise StorageError(f"storage {where.safe}: there is no folder {path.parent}: create it first")
        if path.exists() and not path.is_file():
            raise StorageError(f"storage {where.safe} is no ordinary file: name another one")
    except OSError as error:
        raise StorageError(f"storage {where.safe}: {error.strerror or error}: name another file") from None
