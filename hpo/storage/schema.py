"""The tables of ours, beside Optuna's in one database: names begin with hpo_.

What is here is what they are now; `migrations` has how they came to be so, and makes them.

A study is one row of hpo_study and one of Optuna's `studies`, made in one transaction and deleted in one; the name says
which two belong together. It is unique in both and never changes: neither hpo nor Optuna renames a study, and the pages
refuse what optuna-dashboard calls renaming, a copy under another name. Our id is never used again, which Optuna's
`study_id` may be: SQLite gives the last one a second time once its study was deleted. So what must not be taken for
another study's goes by our id, and all that belongs to a study refers to it and goes with it. A worker's row is no
study's: it only names the study the worker was told to serve.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    ScalarSelect,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    text,
)

__all__ = [
    "LONGEST_NAME",
    "REVISIONS",
    "VERSION",
    "chores",
    "dashboard_keys",
    "dashboard_logouts",
    "gpus",
    "id_of",
    "looks",
    "metadata",
    "observers",
    "openings",
    "revision",
    "rungs",
    "slots",
    "studies",
    "tokens",
    "told",
    "workers",
]

VERSION = 1
"""Of our tables: the last migration. A database that says more was made by a newer hpo."""

REVISIONS = "hpo_revision"
"""The table in which Alembic keeps its count; alembic_version is Optuna's."""

metadata = MetaData()

LONGEST_NAME = 512  # characters of a study's name; Optuna's limit
NAME = String(LONGEST_NAME)
KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER


def _of_study() -> ForeignKey:
    return ForeignKey("hpo_study.id", ondelete="CASCADE")


# Where Alembic keeps which revision the tables are of: one row. In a MetaData of its own, as Alembic makes it.
revision = Table(REVISIONS, MetaData(), Column("version_num", String(32), primary_key=True))

studies = Table(
    "hpo_study",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("reference", Text, nullable=False),
    Column("definition", String(255), nullable=False, index=True),
    Column("space", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("fidelity", String(255), nullable=False),  # of its values: where it climbs, the highest
    Column("rungs", Text),  # fidelities of its rungs, lowest first, by commas; NULL: it does not climb
    Column("direction", String(8), nullable=False),
    Column("metric", String(255), nullable=False),
    Column("objectives", String(255)),  # the metric and the costs weighed against it, by commas; NULL: the metric alone
    Column("seed", BigInteger, nullable=False),
    Column("prior", Text),  # JSON, the hand-picked configuration it began with; NULL: with none
    Column("sampler", String(64), nullable=False),
    Column("pruner", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # studies.Kind
    Column("parent_id", KEY, _of_study(), index=True),  # the search it measures; NULL: of none
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Column("version", String(64)),  # of the definition's code when it was asked for last; NULL: not known
    Column("data", String(64)),  # digest of the rows the study was begun with; NULL: not loaded yet
    Column("trial_timeout", Double),  # seconds of one trial; NULL: no limit of the study's own
    Column("until", Double),  # nothing is begun any more once a value is at least this good; NULL: no such value
    Column("margin", Double),  # a difference of values too small to matter; NULL: not said
    Column("stopped_at", Double),  # seconds since 1970; NULL: it is not stopped
    Column("stopped_by", String(255)),
    Column("stopped_why", Text),
    sqlite_autoincrement=True,  # ids are never used twice, here and below: what an old process holds means no new one
)

slots = Table(
    "hpo_slot",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("study_id", KEY, _of_study(), nullable=False),
    Column("rung", Integer, nullable=False),  # from 0, the lowest
    Column("position", Integer, nullable=False),  # on its rung, from 0
    Column("highest", Boolean, nullable=False),  # whether its value is one of the study's: of the highest fidelity
    Column("payload", Text, nullable=False),  # JSON object: what was asked for when the slot was made
    Column("state", String(8), nullable=False),  # waiting (for a promotion), open, leased, settled
    Column("attempt", Integer, nullable=False),  # claims so far: with the worker's name, the token of a lease
    Column("releases", Integer, nullable=False),  # claims that were given back and count as no attempt
    # Slots of the lowest turn are taken first: attempt, less 1 once one of them was given back; of what fills in where
    # there is nothing else to begin, 1 more.
    Column("turn", Integer, nullable=False),
    Column("worker", String(255)),
    Column("started_at", Double),  # of the last claim; all times are seconds since 1970
    Column("lease_expires_at", Double),
    Column("trial_number", Integer),
    Column("params", Text),  # JSON object: the whole configuration, once it is known
    Column("digest", String(64)),  # of the configuration, once it is known; of a job: its key, from the beginning
    Column("outcome", String(8)),  # complete, pruned, failed
    Column("value", Double),
    Column("further", Text),  # JSON list: values of the objectives after the first; NULL: there is one objective
    Column("reason", Text),
    Column("traceback", Text),
    Column("output", Text),  # the end of what the last attempt printed; NULL: nothing
    Column("settled_at", Double),
    Column("promoted_at", Double),  # NULL: its configuration has not climbed from here
    UniqueConstraint("study_id", "rung", "position", name="hpo_slot_position"),
    UniqueConstraint("study_id", "rung", "digest", name="hpo_slot_digest"),
    sqlite_autoincrement=True,
)

# How many slots each rung of a study has, and how many of them are settled or wait. It is asked after each trial, and
# to count them takes the longer, the longer the study is. No code writes here: triggers of the database do, with each
# slot that is made or changes its state, whoever changes it. Slots are deleted with their study alone, as these are.
rungs = Table(
    "hpo_rung",
    metadata,
    Column("study_id", KEY, _of_study(), primary_key=True),
    Column("rung", Integer, primary_key=True, autoincrement=False),
    Column("slots", Integer, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
)

looks = Table(
    "hpo_look",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("study_id", KEY, _of_study(), nullable=False, index=True),  # the search whose optimum is compared
    Column("rows", String(16), nullable=False),  # share or resampled: what the pairs were run on
    Column("baseline", String(255), nullable=False),  # name
    Column("fidelity", String(255), nullable=False),
    Column("optimum", String(64), nullable=False),  # digest of its configuration
    Column("number", Integer, nullable=False),  # from 1; 0: a look that spends nothing
    Column("pairs", Integer, nullable=False),
    Column("alpha", Double),  # what this look may decide at
    Column("p_value", Double),
    Column("verdict", String(16), nullable=False),
    Column("looked_at", Double, nullable=False),  # seconds since 1970
    Column("document", Text, nullable=False),  # JSON object: the whole report of the comparison
)

workers = Table(
    "hpo_worker",
    metadata,
    Column("name", String(255), primary_key=True),  # process_identity.identity
    Column("host", String(255), nullable=False),  # its name, for people
    Column("machine", String(64), nullable=False),  # key of the running machine; containers on one share it
    Column("pid", Integer, nullable=False),  # as the worker's own container counts
    Column("program", String(64), nullable=False),  # version of hpo
    Column("threads", Integer),  # it trains with; NULL: not settled yet
    Column("gpu", String(96)),  # UUID; NULL: it trains on cores
    Column("gpu_name", String(255)),
    Column("study", NAME),  # the only one it serves; NULL: it serves any
    Column("doing", String(255), nullable=False, server_default=""),  # in words, while no trial is in hand
    Column("refuses", Text, nullable=False, server_default="{}"),  # JSON object: study -> why it cannot serve it
    Column("started_at", Double, nullable=False),  # seconds since 1970
    Column("beaten_at", Double, nullable=False),  # last sign of life
    Column("lease_expires_at", Double, nullable=False),  # after which it is taken for dead
)

gpus = Table(
    "hpo_gpu",
    metadata,
    Column("machine", String(64), primary_key=True),  # as in hpo_worker
    Column("uuid", String(96), primary_key=True),
    Column("seat", Integer, primary_key=True, autoincrement=False),  # from 0: so many workers share the GPU
    Column("worker", String(255), nullable=False),
    Column("lease_expires_at", Double, nullable=False),  # seconds since 1970
)

# How often slots have opened; see slots/openings.py.
openings = Table(
    "hpo_opening",
    metadata,
    Column("stripe", Integer, primary_key=True, autoincrement=False),  # from 0
    Column("number", BigInteger, nullable=False),  # the sum over the stripes is what counts
)

# When what one process of all does was done last; see chores.py.
chores = Table(
    "hpo_chore",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("done_at", Double, nullable=False),  # seconds since 1970
)

observers = Table(
    "hpo_observer",
    metadata,
    Column("study_id", KEY, _of_study(), primary_key=True),
    Column("observer", String(64), primary_key=True),  # digest of what names it
    Column("phase", String(16), nullable=False),  # of the study as it was told last; empty: nothing was told yet
    Column("turn", Integer, nullable=False),  # how often the study was told to have been resumed
    Column("best", String(255), nullable=False),  # which best was told last; empty: none
    Column("holder", String(255), nullable=False),  # name of the process that tells it
    Column("lease_expires_at", Double, nullable=False),  # seconds since 1970; then another may tell it
)

# Which settled slots each observer was told of.
told = Table(
    "hpo_told",
    metadata,
    Column("observer", String(64), primary_key=True),
    Column("slot_id", KEY, ForeignKey("hpo_slot.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# What the dashboards of one database share, so that a login at one is a login at all of them.
dashboard_keys = Table(
    "hpo_dashboard_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    Column("key", String(64), nullable=False),  # signs cookies; without it, all logins are over
)

dashboard_logouts = Table(
    "hpo_dashboard_logout",
    metadata,
    Column("session", String(32), primary_key=True),  # that was ended before its time
    Column("expires_at", Double, nullable=False),  # seconds since 1970; its cookie is void from then on by itself
)

# By which programs are known to the HTTP interface of every dashboard of the database.
tokens = Table(
    "hpo_token",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),  # SHA-256 of its secret, hexadecimal
    Column("scope", String(8), nullable=False),  # program_tokens.Scope
    Column("budget", Integer, nullable=False),  # trials it may open in all
    Column("spent", Integer, nullable=False),  # trials it has opened
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Column("expires_at", Double, nullable=False),  # seconds since 1970
    sqlite_autoincrement=True,
)

# A claim looks at what is left to do, not at what is done: its cost does not grow with the study.
Index(
    "hpo_slot_unsettled",
    slots.c.study_id,
    slots.c.turn,
    slots.c.rung.desc(),
    slots.c.position,
    postgresql_where=text("state <> 'settled'"),
    sqlite_where=text("state <> 'settled'"),
)
# Who holds what, and how many hold something of a study, is asked at each look for work. When the leases
# run out is not in it: a renewal then changes no index, which PostgreSQL does within the row's own page.
Index(
    "hpo_slot_leased",
    slots.c.study_id,
    slots.c.worker,
    postgresql_where=text("state = 'leased'"),
    sqlite_where=text("state = 'leased'"),
)
# Likewise: the best of a study, and whether a value is as good as was asked for.
Index(
    "hpo_slot_complete",
    slots.c.study_id,
    slots.c.value,
    postgresql_where=text("outcome = 'complete' AND highest"),
    sqlite_where=text("outcome = 'complete' AND highest"),
)
# And whether a configuration is yet to climb, asked after each trial.
Index(
    "hpo_slot_waiting",
    slots.c.study_id,
    slots.c.rung,
    slots.c.position,
    postgresql_where=text("state = 'waiting'"),
    sqlite_where=text("state = 'waiting'"),
)
# The best of a rung that has not climbed yet.
Index(
    "hpo_slot_candidate",
    slots.c.study_id,
    slots.c.rung,
    slots.c.value,
    slots.c.position,
    postgresql_where=text("outcome = 'complete' AND promoted_at IS NULL AND digest IS NOT NULL"),
    sqlite_where=text("outcome = 'complete' AND promoted_at IS NULL AND digest IS NOT NULL"),
)


def id_of(study: str) -> ScalarSelect[int]:
    """The id of the study of that name, as a part of a statement; NULL where there is none."""
    named = studies.alias("named")  # so that it stays a question of its own within one on hpo_study
    return select(named.c.id).where(named.c.name == study).scalar_subquery()
