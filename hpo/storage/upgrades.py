"""What tables a database holds, and making them or bringing those of an earlier version up to date: in one transaction.

They may be ours, of whatever version, Optuna's alone, none yet, or another program's.
"""

import functools
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.exc import OperationalError

from hpo import optuna_internals
from hpo.errors import StorageError
from hpo.storage import schema
from hpo.storage.engine import exclusive
from hpo.storage.sqlite_file import BUSY_SECONDS
from hpo.storage.storage_url import StorageUrl

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

__all__ = [
    "Upgrade",
    "bring_up",
    "found",
    "refuse_incomplete",
    "refuse_newer",
    "refuse_other_optuna",
    "refuse_without_studies",
]

_EARLIER = "hpo_version"  # a table of those who worked with hpo before its first release
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
        refuse_other_optuna(connection, where)
    if where.backend == "sqlite":
        _use_wal(engine)
    with exclusive(engine) as connection:
        before = found(connection, where)  # whoever came first may have done it meanwhile
        if before is None:
            _make_optunas(connection)
        else:
            refuse_newer(before, where)
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
        context.stamp(_optuna_scripts(), "head")


def found(connection: Connection, where: StorageUrl) -> int | None:
    """The version of our tables; None where there are none yet and they may be made.

    Raises:
        StorageError: the database is another program's, or was made by an hpo that was never released.

    """
    inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    columns = {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in tables & {_EARLIER, schema.studies.name, schema.revision.name}
    }
    if "incarnation" in columns.get(schema.studies.name, ()) or columns.get(_EARLIER) == {"id", "version"}:
        raise StorageError(
            f"storage {where.safe} was made by an earlier, unreleased version of hpo, which this one can neither read "
            "nor export: nothing was changed; name another one (--storage), or pip install the commit of hpo that made "
            "it"
        )
    if columns.get(schema.revision.name) == set(schema.revision.c.keys()):
        revisions = connection.execute(select(schema.revision.c.version_num)).scalars().all()
        if len(revisions) == 1 and revisions[0].isdecimal():
            return int(revisions[0])
    ours = tables & {_EARLIER, schema.revision.name, *schema.metadata.tables}
    if ours:  # without a version nobody can tell what they are
        raise _foreign(where, ours)
    if tables and not _is_optunas(connection, tables):
        raise _foreign(where, tables)
    return None


def refuse_incomplete(connection: Connection, where: StorageUrl) -> None:
    """Raise StorageError where a table is missing, of ours or of Optuna's, in a database of our version."""
    missing = ({*schema.metadata.tables, *optuna_internals.metadata().tables}) - set(
        inspect(connection).get_table_names()
    )
    if missing:
        tables = "the table" if len(missing) == 1 else "the tables"
        raise StorageError(
            f"storage {where.safe} lacks {tables} {', '.join(sorted(missing))}, which somebody has dropped: restore it "
            "from a backup, or name another database"
        )


def refuse_newer(version: int, where: StorageUrl) -> None:
    """Raise StorageError where the tables are of a version that this hpo does not know."""
    if version > schema.VERSION:
        raise StorageError(
            f"storage {where.safe} was made by a newer hpo (tables of version {version}, not {schema.VERSION}): "
            "pip install -U hpo-service"
        )


def refuse_without_studies(connection: Connection, where: StorageUrl) -> None:
    """Raise StorageError where Optuna has no studies in the database."""
    if not _is_optunas(connection, set(inspect(connection).get_table_names())):
        raise StorageError(f"storage {where.safe} has no studies of Optuna: name a database that Optuna has made")


def refuse_other_optuna(connection: Connection, where: StorageUrl) -> None:
    """Raise StorageError where Optuna's tables are not those of the Optuna installed here."""
    from alembic.migration import MigrationContext

    there = MigrationContext.configure(connection).get_current_revision()
    wanted = _optuna_scripts().get_current_head()
    if there not in (None, wanted):
        raise StorageError(
            f"storage {where.safe} has trials of another Optuna (tables {there}, not {wanted}): nothing was changed; "
            "optuna storage upgrade --storage URL brings older ones up to date, pip install -U optuna knows newer ones"
        )


@functools.cache
def _optuna_scripts() -> "ScriptDirectory":
    """How Optuna's tables came to be what they are: read once, as that is a file a revision."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(optuna_internals.revisions()))


def _is_optunas(connection: Connection, tables: set[str]) -> bool:
    """Whether the tables are those of Optuna, complete or, after a crash of its own, begun."""
    if "studies" not in tables:
        return False
    if {"study_id", "study_name"} != {column["name"] for column in inspect(connection).get_columns("studies")}:
        return False
    if "version_info" in tables:
        return True
    return tables <= set(optuna_internals.metadata().tables)


def _foreign(where: StorageUrl, tables: set[str]) -> StorageError:
    names = ", ".join(sorted(tables)[:3]) + (", …" if len(tables) > 3 else "")
    return StorageError(
        f"storage {where.safe} belongs to another program (it has the tables {names}): nothing was changed; "
        "name another database"
    )
