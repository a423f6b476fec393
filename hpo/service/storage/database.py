"""An open database, for our tables and for Optuna's."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import NullPool

from hpo.errors import StorageError
from hpo.service.storage.errors import translated
from hpo.service.storage.file import File
from hpo.service.storage.holdings import Holdings
from hpo.service.storage.patience import PATIENCE, patiently
from hpo.service.storage.url import StorageUrl

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpo.service.storage.patient import PatientStorage

__all__ = ["Storage"]

T = TypeVar("T")


class Storage:
    """An open database: our tables through `engine`, Optuna's through `optuna`, both over the same connections."""

    def __init__(self, where: StorageUrl, engine: Engine, file: File | None = None) -> None:
        self.where = where
        self.engine = engine  # SQLAlchemy's
        self.holdings = Holdings()  # what of this database is in use here
        if file is not None:
            file.lacks, file.on_replaced = self.holdings.lacking, self._renew
        self.loaded: dict[str, int] = {}  # name -> id of the study of that name this process works on
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
            StorageError: as `patience.patiently`; whatever a database says within becomes one.

        """

        def answered() -> T:
            with translated(self.where):
                return call()

        return patiently(
            answered, seconds=self.patience, unless=self.unless, on_away=self.on_away, on_back=self.on_back
        )

    @cached_property
    def rdb(self) -> "RDBStorage":
        """Optuna's tables without a cache: for telling and for looking at what is running."""
        # Those of Alembic Optuna imports only when it has begun to ask for the version.
        import alembic.command
        import alembic.config
        import alembic.migration  # noqa: F401
        from optuna.storages import RDBStorage  # 0.5 s, which `hpo status` does not need
        from sqlalchemy.orm import scoped_session, sessionmaker

        with translated(self.where):
            try:
                # The schema is there already, so this only checks its version, on a throw-away engine of its own.
                rdb = RDBStorage(
                    self.where.sqlalchemy.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
                    engine_kwargs={"creator": self._detached, "poolclass": NullPool},
                    skip_table_creation=True,
                )
            except RuntimeError as error:
                raise StorageError(f"storage {self.safe_url}: {error}") from None
        rdb.engine.dispose()
        rdb.engine = self.engine
        rdb.scoped_session = scoped_session(sessionmaker(bind=self.engine))
        return rdb

    @cached_property
    def optuna(self) -> "PatientStorage":
        """Optuna's tables behind its cache of finished trials, and patient: for studies, samplers and trials."""
        from optuna.storages import get_storage

        from hpo.service.storage.patient import PatientStorage

        return PatientStorage(get_storage(self.rdb), self.patiently)

    def _detached(self) -> Any:
        """A connection of the driver's, for another engine to use and to close."""
        borrowed = self.engine.raw_connection()
        connection = borrowed.dbapi_connection
        borrowed.detach()
        return connection

    def optuna_within(self, connection: Connection) -> "RDBStorage":
        """Optuna's tables through the caller's transaction: what it writes is committed or undone with the rest."""
        from sqlalchemy.orm import scoped_session, sessionmaker

        rdb = _twin(self.rdb)
        # rollback_only: Optuna's own commits leave the outer transaction alone.
        session = sessionmaker(bind=connection, join_transaction_mode="rollback_only")
        rdb.scoped_session = scoped_session(session)
        return rdb

    def _renew(self) -> None:
        """Drop what Optuna's cache remembers, for studies that are loaded too: it is of another database."""
        if "optuna" in self.__dict__:
            from optuna.storages import get_storage

            self.optuna.replace(get_storage(self.rdb))

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
