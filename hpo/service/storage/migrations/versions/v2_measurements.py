"""Version 2: studies that measure a search, and what was looked at of a comparison."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("hpo_study", sa.Column("kind", sa.String(16), nullable=False, server_default="search"))
    op.add_column("hpo_study", sa.Column("parent", sa.String(512)))
    op.create_table(
        "hpo_look",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("study", sa.String(512), nullable=False),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("rows", sa.String(16), nullable=False),
        sa.Column("baseline", sa.String(255), nullable=False),
        sa.Column("fidelity", sa.String(255), nullable=False),
        sa.Column("optimum", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("pairs", sa.Integer, nullable=False),
        sa.Column("alpha", sa.Double),
        sa.Column("p_value", sa.Double),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("looked_at", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_hpo_look_study", "hpo_look", ["study"])
