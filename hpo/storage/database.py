"""An open database, for our tables and for Optuna's, and what of it is in use here."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Connection, Engine

from hpo import optuna_internals
from hpo.errors import StorageError
from hpo.storage import schema
from hpo.storage.database_errors import translated
from hpo.storage.engine import ISOLATION, exclusive
from hpo.storage.sqlite_file import File
from hpo.storage.storage_url import StorageUrl
from hpo.storage.waiting import PATIENCE, patiently

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpo.storage.optuna_storage import PatientStorage

__all__ = ["Holdings", "Storage"]

T = TypeVar("T")


class Storage:
    """An open database: our tables through `engine`, Optuna's through `optuna`, both over the same connections."""

    def __init__(self, where: StorageUrl, engine: Engine, file: File | None = None) -> None:
        self.where = where
        self.engine = engine  # SQLAlchemy's
        self.holdings = Holdings()  # what of this database is in use here
        self._transactions = threading.local()  # outer: the exclusive one this thread is in
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

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to look with, each look by itself; here as below a StorageError is what the database says.

        Within an exclusive transaction of this thread it is that one's: a second connection might have to wait for
        somebody who waits for this one.
        """
        outer: Connection | None = getattr(self._transactions, "outer", None)
        if outer is not None:
            yield outer
            return
        with translated(self.where), self.engine.connect() as connection:
            yield connection.execution_options(**{ISOLATION: None})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, committed at the end of the block; within an exclusive one of this thread a part of that."""
        outer: Connection | None = getattr(self._transactions, "outer", None)
        if outer is not None:
            yield outer
            return
        with translated(self.where), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """As `write`, for a block of one statement, which is a transaction by itself and so takes one exchange."""
        outer: Connection | None = getattr(self._transactions, "outer", None)
        if outer is not None:
            yield outer
            return
        with translated(self.where), self.engine.connect() as connection:
            yield connection.execution_options(**{ISOLATION: None})
            connection.commit()

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """A transaction that at most one process is in at a time; for what must happen exactly once.

        What this thread writes within, by `write` or by another such block, is committed or undone with the rest.
        """
        outer: Connection | None = getattr(self._transactions, "outer", None)
        if outer is not None:
            yield outer
            return
        with translated(self.where), exclusive(self.engine) as connection:
            self._transactions.outer = connection
            try:
                yield connection
            finally:
                self._transactions.outer = None

    @property
    def patient(self) -> "Storage":
        """The same for whoever waits for a database that is away: as long as `patience` says."""
        return cast("Storage", _Patient(self))

    def answer(self, call: Callable[[], T]) -> T:
        """Make a call that bears being made twice: here once, on `patient` until the database answers."""
        return call()

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call until the database answers, as patient as this storage is; the call must bear being made twice.

        Raises:
            StorageError: as `waiting.patiently`; whatever a database says within becomes one.

        """
        return patiently(
            lambda: self.once(call),
            seconds=self.patience,
            unless=self.unless,
            on_away=self.on_away,
            on_back=self.on_back,
        )

    def once(self, call: Callable[[], T]) -> T:
        """Call it; whatever a database says within becomes a StorageError."""
        with translated(self.where):
            return call()

    @cached_property
    def rdb(self) -> "PatientStorage":
        """Optuna's tables without a cache: for telling and for looking at what is running."""
        from hpo.storage.optuna_storage import PatientStorage

        return PatientStorage(self._optunas, self.once, self.once)

    @property
    def rdb_inner(self) -> "RDBStorage":
        """Optuna's own storage, for what is asked of nothing else."""
        return self._optunas

    @cached_property
    def optuna(self) -> "PatientStorage":
        """Optuna's tables behind its cache of finished trials, and patient: for studies, samplers and trials."""
        from hpo.storage.optuna_storage import PatientStorage
        from hpo.storage.trial_cache import Cached

        return PatientStorage(Cached(self._optunas), self._patiently, self.once)

    @cached_property
    def _optunas(self) -> "RDBStorage":
        from hpo.storage.optuna_statements import FewStatements

        url = self.where.sqlalchemy.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
        try:
            return self.once(lambda: optuna_internals.storage_over(FewStatements, self.engine, url, self._detached))
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
            from hpo.storage.trial_cache import Cached

            self.optuna.replace(Cached(self._optunas))

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
        return self._storage._patiently(call)


@dataclass(frozen=True, kw_only=True)
class _Holding:
    """A slot that is in hand, with its trial: ids that mean the same only in a copy of the same database."""

    study: str  # name
    study_id: int
    slot: int  # id
    attempt: int
    worker: str  # name
    trial: int | None = None  # Optuna's id; None: there is none yet


class Holdings:
    """What this process uses of a database; several threads may ask and change it."""

    def __init__(self) -> None:
        self._studies: dict[str, tuple[int, float]] = {}  # name -> id, and when it was made
        self._in_hand: _Holding | None = None  # by the worker this process is

    @contextmanager
    def slot(self, study: str, study_id: int, slot: int, attempt: int, worker: str) -> Iterator[None]:
        """While inside, no database will do that does not know of this attempt at a slot."""
        self._in_hand = _Holding(study=study, study_id=study_id, slot=slot, attempt=attempt, worker=worker)
        try:
            yield
        finally:
            self._in_hand = None

    def trial(self, trial: int) -> None:
        """The slot in hand has this trial."""
        assert self._in_hand is not None
        self._in_hand = replace(self._in_hand, trial=trial)

    @contextmanager
    def study(self, name: str, id_: int, created_at: float) -> Iterator[None]:
        """While inside, no database will do that has not this study.

        In another one the same id may be another study's of the same name, which was made at another moment.
        """
        before = dict(self._studies)
        self._studies[name] = (id_, created_at)
        try:
            yield
        finally:
            self._studies = before

    def lacking(self, connection: sqlite3.Connection) -> str | None:
        """What another database of ours lacks to be worked on in place of this one, in words; None: nothing."""
        for name, made in self._studies.items():
            query = f"SELECT id, created_at FROM {schema.studies.name} WHERE name = ?"
            found = connection.execute(query, (name,)).fetchone()
            if found is None:
                return f"has no study {name!r}"
            if found != made:
                return f"has another study of the name {name!r}"
        held = self._in_hand
        if held is not None and not _knows(connection, held):
            return f"knows nothing of the trial in hand of study {held.study!r}"
        return None


def _knows(connection: sqlite3.Connection, held: _Holding) -> bool:
    """Whether the slot is held by that attempt there, and the trial is its."""
    token = (held.slot, held.study_id, held.attempt, held.worker)
    query = (
        f"SELECT 1 FROM {schema.slots.name} "
        "WHERE id = ? AND study_id = ? AND attempt = ? AND worker = ? AND state = 'leased'"
    )
    if connection.execute(query, token).fetchone() is None:
        return False
    if held.trial is None:
        return True
    query = (
        "SELECT 1 FROM trials JOIN trial_system_attributes USING (trial_id) "
        "WHERE trial_id = ? AND state = 'RUNNING' AND key = ? AND value_json = ?"
    )
    return connection.execute(query, (held.trial, optuna_internals.SLOT, json.dumps(held.slot))).fetchone() is not None
