"""Version 1: studies and their slots, looks at comparisons, workers and their GPUs, logins, tokens of programs."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "1"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_CHANGED = """
    WHEN ((NEW.state = 'settled') <> (OLD.state = 'settled') OR (NEW.state = 'waiting') <> (OLD.state = 'waiting'))
"""
_CHANGE = """
    UPDATE hpo_rung SET
        settled = settled + CAST(NEW.state = 'settled' AS INTEGER) - CAST(OLD.state = 'settled' AS INTEGER),
        waiting = waiting + CAST(NEW.state = 'waiting' AS INTEGER) - CAST(OLD.state = 'waiting' AS INTEGER)
    WHERE study_id = NEW.study_id AND rung = NEW.rung;
"""
_ADD = """
    ON CONFLICT (study_id, rung) DO UPDATE SET
        slots = hpo_rung.slots + excluded.slots,
        settled = hpo_rung.settled + excluded.settled,
        waiting = hpo_rung.waiting + excluded.waiting;
"""
_COUNTING = {
    "sqlite": (
        "CREATE TRIGGER hpo_slot_made AFTER INSERT ON hpo_slot FOR EACH ROW BEGIN"
        " INSERT INTO hpo_rung (study_id, rung, slots, settled, waiting)"
        f" VALUES (NEW.study_id, NEW.rung, 1, NEW.state = 'settled', NEW.state = 'waiting') {_ADD} END",
        "CREATE TRIGGER hpo_slot_changed AFTER UPDATE OF state ON hpo_slot FOR EACH ROW"
        f" {_CHANGED} BEGIN {_CHANGE} END",
    ),
    "postgresql": (
        # All that one statement made at once: rows of hpo_rung written a hundred thousand times in one transaction
        # would leave as many versions to step over.
        "CREATE FUNCTION hpo_slots_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO hpo_rung (study_id, rung, slots, settled, waiting)"
        " SELECT study_id, rung, count(*), count(*) FILTER (WHERE state = 'settled'),"
        " count(*) FILTER (WHERE state = 'waiting') FROM made GROUP BY study_id, rung ORDER BY study_id, rung"
        f" {_ADD} RETURN NULL; END $$",
        "CREATE TRIGGER hpo_slot_made AFTER INSERT ON hpo_slot REFERENCING NEW TABLE AS made"
        " FOR EACH STATEMENT EXECUTE FUNCTION hpo_slots_made()",
        "CREATE FUNCTION hpo_slot_changed() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {_CHANGE} RETURN NULL; END $$",
        f"CREATE TRIGGER hpo_slot_changed AFTER UPDATE OF state ON hpo_slot FOR EACH ROW {_CHANGED}"
        " EXECUTE FUNCTION hpo_slot_changed()",
    ),
}
"""What keeps hpo_rung: how many slots there are, settled and waiting, is counted where they change."""


def _of_study() -> sa.Column[int]:
    return sa.Column("study_id", _KEY, sa.ForeignKey("hpo_study.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "hpo_study",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", sa.String(512), nullable=False, unique=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("definition", sa.String(255), nullable=False),
        sa.Column("space", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("fidelity", sa.String(255), nullable=False),
        sa.Column("rungs", sa.Text),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("metric", sa.String(255), nullable=False),
        sa.Column("objectives", sa.String(255)),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("prior", sa.Text),
        sa.Column("sampler", sa.String(64), nullable=False),
        sa.Column("pruner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("parent_id", _KEY, sa.ForeignKey("hpo_study.id", ondelete="CASCADE")),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("version", sa.String(64)),
        sa.Column("data", sa.String(64)),
        sa.Column("trial_timeout", sa.Double),
        sa.Column("until", sa.Double),
        sa.Column("margin", sa.Double),
        sa.Column("stopped_at", sa.Double),
        sa.Column("stopped_by", sa.String(255)),
        sa.Column("stopped_why", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hpo_study_definition", "hpo_study", ["definition"])
    op.create_index("ix_hpo_study_parent_id", "hpo_study", ["parent_id"])
    op.create_table(
        "hpo_slot",
        sa.Column("id", _KEY, primary_key=True),
        _of_study(),
        sa.Column("rung", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("highest", sa.Boolean, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("releases", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(255)),
        sa.Column("started_at", sa.Double),
        sa.Column("lease_expires_at", sa.Double),
        sa.Column("trial_number", sa.Integer),
        sa.Column("params", sa.Text),
        sa.Column("digest", sa.String(64)),
        sa.Column("outcome", sa.String(8)),
        sa.Column("value", sa.Double),
        sa.Column("further", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("output", sa.Text),
        sa.Column("settled_at", sa.Double),
        sa.Column("promoted_at", sa.Double),
        sa.UniqueConstraint("study_id", "rung", "position", name="hpo_slot_position"),
        sa.UniqueConstraint("study_id", "rung", "digest", name="hpo_slot_digest"),
        sqlite_autoincrement=True,
    )
    indexes: tuple[tuple[str, list[str | sa.TextClause], str], ...] = (
        ("hpo_slot_unsettled", ["study_id", "turn", sa.text("rung DESC"), "position"], "state <> 'settled'"),
        ("hpo_slot_leased", ["study_id", "worker"], "state = 'leased'"),
        ("hpo_slot_complete", ["study_id", "value"], "outcome = 'complete' AND highest"),
        ("hpo_slot_waiting", ["study_id", "rung", "position"], "state = 'waiting'"),
        (
            "hpo_slot_candidate",
            ["study_id", "rung", "value", "position"],
            "outcome = 'complete' AND promoted_at IS NULL AND digest IS NOT NULL",
        ),
    )
    for name, columns, which in indexes:
        where = sa.text(which)
        op.create_index(name, "hpo_slot", columns, postgresql_where=where, sqlite_where=where)
    if op.get_context().dialect.name == "postgresql":
        # A slot is written some five times, and what is free is looked for among what was: room in each page for the
        # next version of its rows, and the old ones cleared away after hundreds, however many slots there are.
        op.execute(
            "ALTER TABLE hpo_slot SET (fillfactor = 60, autovacuum_vacuum_threshold = 500, "
            "autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02)"
        )
    op.create_table(
        "hpo_rung",
        sa.Column("study_id", _KEY, sa.ForeignKey("hpo_study.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("rung", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("settled", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
    )
    for statement in _COUNTING[op.get_context().dialect.name]:
        op.execute(statement)
    op.create_table(
        "hpo_look",
        sa.Column("id", _KEY, primary_key=True),
        _of_study(),
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
    op.create_index("ix_hpo_look_study_id", "hpo_look", ["study_id"])
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
    op.create_table(
        "hpo_opening",
        sa.Column("stripe", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "hpo_chore",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("done_at", sa.Double, nullable=False),
    )
    op.create_table(
        "hpo_observer",
        sa.Column("study_id", _KEY, sa.ForeignKey("hpo_study.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("observer", sa.String(64), primary_key=True),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("best", sa.String(255), nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("lease_expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "hpo_told",
        sa.Column("observer", sa.String(64), primary_key=True),
        sa.Column("slot_id", _KEY, sa.ForeignKey("hpo_slot.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_hpo_told_slot_id", "hpo_told", ["slot_id"])
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
    op.create_table(
        "hpo_token",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("budget", sa.Integer, nullable=False),
        sa.Column("spent", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
