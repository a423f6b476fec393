"""Version 5: what trials print, and which rows a study was begun with."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("hpo_study", sa.Column("data", sa.String(64)))
    op.add_column("hpo_slot", sa.Column("output", sa.Text))
