"""How our tables came to be what they are: a migration a version, run by Alembic in the caller's transaction.

Alembic keeps its count in hpo_revision, as alembic_version is Optuna's. A migration says what a version was, so it
declares its tables itself and is never changed once it is released.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["REVISIONS", "migrate"]

REVISIONS = "hpo_revision"
"""The table in which Alembic keeps its count."""

_one_at_a_time = threading.Lock()  # `alembic.op`, through which a migration speaks, is one for all threads


def migrate(connection: "Connection", found: int | None) -> None:
    """Bring our tables from version `found` (None: there are none) up to the last one.

    Args:
        connection: in a transaction that nobody else can be in.
        found: what hpo_version says.

    """
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    folder = Path(__file__).parent
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    options: dict[str, Any] = {
        "version_table": REVISIONS,
        "script": scripts,
        "fn": lambda heads, _: scripts._upgrade_revs("head", heads),
        "on_version_apply": (_say_so,),
    }
    context = MigrationContext.configure(connection, opts=options)
    if found is not None and context.get_current_revision() is None:
        context.stamp(scripts, str(found))  # made before we had Alembic
    with _one_at_a_time, Operations.context(context):
        context.run_migrations()


def _say_so(ctx: Any, step: Any, **_: object) -> None:
    """Keep hpo_version in step: it is what earlier programs look at, and what keeps them out."""
    from hpo.service.storage.schema import version

    ctx.connection.execute(version.update().values(version=int(step.up_revision_id)))
