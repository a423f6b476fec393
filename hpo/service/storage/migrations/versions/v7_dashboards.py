"""Version 7: dashboards that share a database share their logins."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "hpo_dashboard_key",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), nullable=False),
    )
    op.create_table(
        "hpo_dashboard_logout",
        sa.Column("session", sa.String(32), primary_key=True),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
