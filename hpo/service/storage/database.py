"""Opening the database studies live in: made or checked once, before any worker starts."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import scoped_session, sessionmaker

from hpo.errors import StorageError
from hpo.service.storage import schema
from hpo.service.storage.engine import BUSY_SECONDS, connect, exclusive
from hpo.service.storage.errors import translated
from hpo.service.storage.patience import PATIENCE, patiently
from hpo.service.storage.url import StorageUrl, parse

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

__all__ = ["Storage", "find", "open", "prepare"]

T = TypeVar("T")


class Storage:
    """An open database: our tables through `engine`, Optuna's through `optuna`, both over the same connections."""

    def __init__(self, where: StorageUrl, engine: Engine) -> None:
        self.where = where
        self.engine = engine  # SQLAlchemy's
        self.incarnations: dict[str, str] = {}  # study name -> which study of that name this process works on
        self.patience = PATIENCE  # seconds to wait for a database that is away; math.inf: for ever
        self.unless: Callable[[], object] | None = None  # true: do not wait for it any longer
        self.on_away: Callable[[StorageError], object] | None = None  # told what is wrong before a wait
        self.on_back: Callable[[], object] | None = None  # called when the database answers after a wait

    @property
    def url(self) -> str:
        """The whole URL, password included: to hand on, never to print."""
        return self.where.url

    @property
    def safe_url(self) -> str:
        """The URL as it may be printed."""
        return self.where.safe

    def patiently(self, call: Callable[[], T]) -> T:
        """Call until the database answers, as patient as this storage is; the call must bear being made twice.

        Raises:
            StorageError: as `patience.patiently`.

        """
        return patiently(call, seconds=self.patience, unless=self.unless, on_away=self.on_away, on_back=self.on_back)

    @cached_property
    def rdb(self) -> "RDBStorage":
        """Optuna's tables without a cache: for telling and for looking at what is running."""
        from optuna.storages import RDBStorage  # 0.5 s, which `hpo status` does not need

        with translated(self.where):
            try:
                # The schema is there already, so this only checks its version, on a throw-away engine of its own.
                rdb = RDBStorage(
                    self.where.sqlalchemy.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
                    skip_table_creation=True,
                )
            except RuntimeError as error:
                raise StorageError(f"storage {self.safe_url}: {error}") from None
        rdb.engine.dispose()
        rdb.engine = self.engine
        rdb.scoped_session = scoped_session(sessionmaker(bind=self.engine))
        return rdb

    @cached_property
    def optuna(self) -> "BaseStorage":
        """Optuna's tables behind its cache of finished trials: for studies and samplers."""
        from optuna.storages import get_storage

        return get_storage(self.rdb)

    def optuna_within(self, connection: Connection) -> "RDBStorage":
        """Optuna's tables through the caller's transaction: what it writes is committed or undone with the rest."""
        rdb = _twin(self.rdb)
        # rollback_only: Optuna's own commits leave the outer transaction alone.
        session = sessionmaker(bind=connection, join_transaction_mode="rollback_only")
        rdb.scoped_session = scoped_session(session)
        return rdb

    def forget(self) -> None:
        """Drop what Optuna's cache remembers; studies loaded before must be loaded again."""
        self.__dict__.pop("optuna", None)

    def close(self) -> None:
        """Close the connections that are idle; a statement later opens new ones."""
        self.engine.dispose()


def _twin(rdb: "RDBStorage") -> "RDBStorage":
    """A shallow copy; `copy.copy` would connect anew, as RDBStorage pickles itself without its engine."""
    twin = object.__new__(type(rdb))
    twin.__dict__.update(rdb.__dict__)
    return twin


def prepare(url: str) -> Storage:
    """Open the database at `url`, made or completed where needed; any number of processes may do so at once.

    A database that Optuna alone made is taken over: our tables are added.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: the database cannot be reached, read or written, is another program's, or is newer than this hpo.

    """
    where = parse(url)
    if where.path is not None:
        _refuse_folders(where)
    engine = connect(where, create=True)
    with translated(where):
        found = _version(engine, where)
        if found is None:
            if where.backend == "sqlite":
                _use_wal(engine)
            with exclusive(engine) as connection:
                if _version_within(connection, where) is None:  # whoever came first has made it meanwhile
                    _make(connection)
        else:
            _refuse_newer(found, where)
            _refuse_unwritable(engine)
            _upgrade(engine, where, found)
    return Storage(where, engine)


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
        raise StorageError(f"there is no database at {where.safe}: hpo optimize makes one, or name another: --storage")
    raise StorageError(f"storage {where.safe} holds no studies of hpo: hpo optimize makes it ready, or name another")


def find(url: str) -> Storage | None:
    """Open the database at `url`; None where there is none yet, or one that `prepare` has still to make ready.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: as for `prepare`; nothing is written but tables of an earlier version.

    """
    where = parse(url)
    if where.path is not None:
        _refuse_folders(where)
        if not where.path.exists():
            return None
    engine = connect(where, create=False)
    with translated(where):
        version = _version(engine, where)
        if version is None:
            engine.dispose()
            return None
        _refuse_newer(version, where)
        _upgrade(engine, where, version)
    return Storage(where, engine)


def _refuse_folders(where: StorageUrl) -> None:
    path = where.path
    assert path is not None
    try:
        if path.is_dir():
            raise StorageError(f"storage {where.safe} is a folder: name a file in it, sqlite:///{path.name}/hpo.db")
        if not path.parent.is_dir():
            raise StorageError(f"storage {where.safe}: there is no folder {path.parent}: create it first")
        if path.exists() and not path.is_file():
            raise StorageError(f"storage {where.safe} is no ordinary file: name another one")
    except OSError as error:
        raise StorageError(f"storage {where.safe}: {error.strerror or error}: name another file") from None


def _version(engine: Engine, where: StorageUrl) -> int | None:
    """The version of our tables; None where there are none yet and they may be made. Raises StorageError."""
    with engine.connect() as connection:
        return _version_within(connection, where)


def _version_within(connection: Connection, where: StorageUrl) -> int | None:
    tables = set(inspect(connection).get_table_names())
    if schema.version.name in tables:
        return connection.execute(select(schema.version.c.version)).scalar_one_or_none()
    if tables and not _is_optunas(connection, tables):
        names = ", ".join(sorted(tables)[:3]) + (", …" if len(tables) > 3 else "")
        raise StorageError(
            f"storage {where.safe} belongs to another program (it has the tables {names}): nothing was changed; "
            "name another database"
        )
    return None


def _is_optunas(connection: Connection, tables: set[str]) -> bool:
    """Whether the tables are those of Optuna, complete or, after a crash of its own, begun."""
    if "studies" not in tables:
        return False
    if {"study_id", "study_name"} != {column["name"] for column in inspect(connection).get_columns("studies")}:
        return False
    from optuna.storages._rdb.models import BaseModel

    return "version_info" in tables or tables <= set(BaseModel.metadata.tables)


def _refuse_newer(found: int, where: StorageUrl) -> None:
    if found > schema.VERSION:
        raise StorageError(
            f"storage {where.safe} was made by a newer hpo (tables of version {found}, not {schema.VERSION}): "
            "pip install -U hpo-service"
        )


def _upgrade(engine: Engine, where: StorageUrl, found: int) -> None:
    """Bring tables of an earlier version up to ours; of several processes exactly one does it."""
    if found == schema.VERSION:
        return
    with exclusive(engine) as connection:
        found = _version_within(connection, where) or found  # whoever came first has done it meanwhile
        if found < schema.VERSION:
            schema.upgrade(connection, found)


def _refuse_unwritable(engine: Engine) -> None:
    """Find out before the first trial, not after it, that nothing can be written; nothing is."""
    with engine.connect() as connection:
        connection.execute(schema.version.update().values(version=schema.version.c.version))
        connection.rollback()


def _use_wal(engine: Engine) -> None:
    """Let readers and the writer work side by side; the file remembers it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
        except OperationalError as error:
            # The switch wants the file alone and does not wait for that by itself.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _make(connection: Connection) -> None:
    """Optuna's tables and ours, in the caller's transaction: after a crash there is all of it or nothing."""
    from pathlib import Path

    import optuna
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from optuna.storages import _rdb
    from optuna.storages._rdb import models

    models.BaseModel.metadata.create_all(connection)
    if connection.execute(select(models.VersionInfoModel.__table__)).first() is None:
        info = {"version_info_id": 1, "schema_version": models.SCHEMA_VERSION, "library_version": optuna.__version__}
        connection.execute(models.VersionInfoModel.__table__.insert().values(info))
    context = MigrationContext.configure(connection)
    if context.get_current_revision() is None:
        scripts = ScriptDirectory(str(Path(_rdb.__file__).parent / "alembic"))
        context.stamp(scripts, "head")
    schema.create(connection)
