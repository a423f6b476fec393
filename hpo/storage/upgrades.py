"""Making the tables, and bringing those of an earlier version up to date: once, in one transaction."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from hpo import optuna_internals
from hpo.storage import contents, schema
from hpo.storage.engine import exclusive
from hpo.storage.sqlite import BUSY_SECONDS
from hpo.storage.storage_url import StorageUrl

__all__ = ["Upgrade", "bring_up"]

_SCRIPTS = Path(__file__).parent / "migrations"
_one_at_a_time = threading.Lock()  # `alembic.op`, through which a revision speaks, is one for all threads


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What became of the tables of a database."""

    before: int | None  # version found; None: there were none of ours
    after: int | None  # version now
    needed: int  # version this hpo works with


def bring_up(engine: Engine, where: StorageUrl) -> Upgrade:
    """Optuna's tables and ours, made or brought up to date; of several processes exactly one does it.

    It is one transaction, so after a crash there is all of it or nothing.

    Raises:
        StorageError: the tables are another program's or a newer hpo's, or Optuna's are of another version.

    """
    # All that this takes is imported first: nobody shall wait for that, and no server end a transaction that idles.
    import alembic.command
    import alembic.config
    import alembic.migration  # noqa: F401

    optuna_internals.tables()

    with engine.connect() as connection:
        contents.refuse_other_optuna(connection, where)
    if where.backend == "sqlite":
        _use_wal(engine)
    with exclusive(engine) as connection:
        before = contents.found(connection, where)  # whoever came first may have done it meanwhile
        if before is None:
            _make_optunas(connection)
        else:
            contents.refuse_newer(before, where)
        if before != schema.VERSION:
            _migrate(connection)
    return Upgrade(before=before, after=schema.VERSION, needed=schema.VERSION)


def _migrate(connection: Connection) -> None:
    """Run the revisions that are missing, within the caller's transaction."""
    from alembic.command import upgrade
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with _one_at_a_time:
        upgrade(config, "head")


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


def _make_optunas(connection: Connection) -> None:
    """Optuna's tables as the Optuna installed here wants them; it would make them without a lock."""
    from alembic.migration import MigrationContext

    optuna_internals.make_tables(connection)
    context = MigrationContext.configure(connection)
    if context.get_current_revision() is None:
        context.stamp(contents.optuna_scripts(), "head")
