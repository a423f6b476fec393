"""Version 4: searches with several objectives."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("hpo_study", sa.Column("objectives", sa.String(255)))
    op.add_column("hpo_slot", sa.Column("further", sa.Text))
