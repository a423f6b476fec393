"""Version 1: searches and their slots."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    version = op.create_table(
        "hpo_version",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.bulk_insert(version, [{"id": 1, "version": 1}])
    op.create_table(
        "hpo_study",
        sa.Column("name", sa.String(512), primary_key=True),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("definition", sa.String(255), nullable=False),
        sa.Column("space", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("fidelity", sa.String(255), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("metric", sa.String(255), nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("sampler", sa.String(64), nullable=False),
        sa.Column("pruner", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_index("ix_hpo_study_definition", "hpo_study", ["definition"])
    op.create_table(
        "hpo_slot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("study", sa.String(512), nullable=False),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("handed_back", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(255)),
        sa.Column("started_at", sa.Double),
        sa.Column("lease_expires_at", sa.Double),
        sa.Column("trial_number", sa.Integer),
        sa.Column("params", sa.Text),
        sa.Column("digest", sa.String(64)),
        sa.Column("outcome", sa.String(8)),
        sa.Column("value", sa.Double),
        sa.Column("reason", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("settled_at", sa.Double),
        sa.UniqueConstraint("study", "position", name="hpo_slot_position"),
        sa.UniqueConstraint("study", "digest", name="hpo_slot_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "hpo_slot_unsettled",
        "hpo_slot",
        ["study", "position"],
        postgresql_where=sa.text("state <> 'settled'"),
        sqlite_where=sa.text("state <> 'settled'"),
    )
