"""An open database, for our tables and for Optuna's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Connection, Engine

from hpo import optuna_internals
from hpo.errors import StorageError
from hpo.storage.database_errors import translated
from hpo.storage.engine import exclusive
from hpo.storage.in_use import Holdings
from hpo.storage.sqlite_file import File
from hpo.storage.storage_url import StorageUrl
from hpo.storage.waiting import PATIENCE, patiently

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpo.storage.optuna_storage import PatientStorage

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
        return patiently(
            lambda: self.once(call),
            seconds=self.patience,
            unless=self.unless,
            on_away=self.on_away,
            on_back=self.on_back,
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to look with; here as below a StorageError is whatever the database says within."""
        with translated(self.where), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, committed at the end of the block."""
        with translated(self.where), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """A transaction that at most one process is in at a time; for what must happen exactly once."""
        with translated(self.where), exclusive(self.engine) as connection:
            yield connection

    @property
    def patient(self) -> "Storage":
        """The same for whoever waits for a database that is away: as long as `patience` says."""
        return cast("Storage", _Patient(self))

    def answer(self, call: Callable[[], T]) -> T:
        """Make a call that bears being made twice: here once, on `patient` until the database answers."""
        return call()

    def once(self, call: Callable[[], T]) -> T:
        """Call it; whatever a database says within becomes a StorageError."""
        with translated(self.where):
            return call()

    @cached_property
    def rdb(self) -> "PatientStorage":
        """Optuna's tables without a cache: for telling and for looking at what is running."""
        from hpo.storage.optuna_storage import PatientStorage

        return PatientStorage(self._optunas, self.once, self.once)

    @cached_property
    def optuna(self) -> "PatientStorage":
        """Optuna's tables behind its cache of finished trials, and patient: for studies, samplers and trials."""
        from optuna.storages import get_storage

        from hpo.storage.optuna_storage import PatientStorage

        return PatientStorage(get_storage(self._optunas), self.patiently, self.once)

    @cached_property
    def _optunas(self) -> "RDBStorage":
        url = self.where.sqlalchemy.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
        try:
            return self.once(lambda: optuna_internals.storage_over(self.engine, url, self._detached))
        except RuntimeError as error:
            raise StorageError(f"storage {self.safe_url}: {error}") from None

    def _detached(self) -> Any:
        """A connection of the driver's, for another engine to use and to close."""
        borrowed = self.engine.raw_connection()
        connection = borrowed.dbapi_connection
        borrowed.detach()
        return connection

    def optuna_within(self, connection: Connection) -> "RDBStorage":
        """Optuna's tables through the caller's transaction: what it writes is committed or undone with the rest."""
        return optuna_internals.storage_within(self._optunas, connection)

    def _renew(self) -> None:
        """Drop what Optuna's cache remembers, for studies that are loaded too: it is of another database."""
        if "optuna" in self.__dict__:
            from optuna.storages import get_storage

            self.optuna.replace(get_storage(self._optunas))

    def forget(self) -> None:
        """Drop what Optuna's cache remembers; studies loaded before must be loaded again."""
        self.__dict__.pop("optuna", None)

    def close(self) -> None:
        """Close the connections that are idle; a statement later opens new ones."""
        self.engine.dispose()


class _Patient:
    """A storage whose repeatable calls are made until the database answers."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    @property
    def patient(self) -> "_Patient":
        return self

    def answer(self, call: Callable[[], T]) -> T:
        return self._storage.patiently(call)
