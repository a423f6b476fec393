"""What a database holds: our tables and of which version, Optuna's alone, nothing yet, or another program's."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select

from hpo import optuna_internals
from hpo.errors import StorageError
from hpo.storage import schema
from hpo.storage.storage_url import StorageUrl

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

__all__ = ["found", "optuna_scripts", "refuse_incomplete", "refuse_newer", "refuse_other_optuna"]

_EARLIER = "hpo_version"  # a table of those who worked with hpo before its first release


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


def refuse_other_optuna(connection: Connection, where: StorageUrl) -> None:
    """Raise StorageError where Optuna's tables are not those of the Optuna installed here."""
    from alembic.migration import MigrationContext

    there = MigrationContext.configure(connection).get_current_revision()
    wanted = optuna_scripts().get_current_head()
    if there not in (None, wanted):
        raise StorageError(
            f"storage {where.safe} has trials of another Optuna (tables {there}, not {wanted}): nothing was changed; "
            "optuna storage upgrade --storage URL brings older ones up to date, pip install -U optuna knows newer ones"
        )


def optuna_scripts() -> "ScriptDirectory":
    """How Optuna's tables came to be what they are."""
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
