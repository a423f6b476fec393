"""Version 3: a fleet of workers, their GPUs, and studies that can be stopped."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the columns and the tables."""
    for column in (
        sa.Column("version", sa.String(64)),
        sa.Column("trial_timeout", sa.Double),
        sa.Column("until", sa.Double),
        sa.Column("stopped_at", sa.Double),
        sa.Column("stopped_by", sa.String(255)),
        sa.Column("stopped_why", sa.Text),
    ):
        op.add_column("hpo_study", column)
    op.create_table(
        "hpo_worker",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("program", sa.String(64), nullable=False),
        sa.Column("threads", sa.Integer),
        sa.Column("gpu", sa.String(96)),
        sa.Column("gpu_name", sa.String(255)),
        sa.Column("study", sa.String(512)),
        sa.Column("doing", sa.String(255), nullable=False, server_default=""),
        sa.Column("refuses", sa.Text, nullable=False, server_default="{}"),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("beaten_at", sa.Double, nullable=False),
        sa.Column("lease_expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "hpo_gpu",
        sa.Column("machine", sa.String(64), primary_key=True),
        sa.Column("uuid", sa.String(96), primary_key=True),
        sa.Column("seat", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("lease_expires_at", sa.Double, nullable=False),
    )
    for name, key, which in (
        ("hpo_slot_leased", "worker", "state = 'leased'"),
        ("hpo_slot_complete", "value", "outcome = 'complete'"),
    ):
        where = sa.text(which)
        op.create_index(name, "hpo_slot", ["study", key], postgresql_where=where, sqlite_where=where)
    if op.get_context().dialect.name == "postgresql":
        # A slot is written some five times, and what is free is looked for among what was: room in each page for the
        # next version of its rows, and the old ones cleared away after hundreds, however many slots there are.
        op.execute(
            "ALTER TABLE hpo_slot SET (fillfactor = 60, autovacuum_vacuum_threshold = 500, "
            "autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02)"
        )
