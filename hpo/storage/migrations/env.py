"""What Alembic runs for each upgrade: the revisions that are missing, in the caller's transaction."""

from alembic import context

from hpo.storage.schema import REVISIONS

__all__: list[str] = []

context.configure(connection=context.config.attributes["connection"], version_table=REVISIONS)
context.run_migrations()
