"""Version 6: what was tried before waits behind what was not."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add the column, and exchange the index that a claim goes by."""
    op.add_column("hpo_slot", sa.Column("turn", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE hpo_slot SET turn = attempt - CASE WHEN handed_back > 0 THEN 1 ELSE 0 END")
    op.drop_index("hpo_slot_unsettled", "hpo_slot")
    op.create_index(
        "hpo_slot_unsettled",
        "hpo_slot",
        ["study", "turn", "position"],
        postgresql_where=sa.text("state <> 'settled'"),
        sqlite_where=sa.text("state <> 'settled'"),
    )
