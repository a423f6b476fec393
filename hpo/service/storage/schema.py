"""The tables of ours, beside Optuna's in one database: names begin with hpo_.

What is here is what they are now; `migrations` has how they came to be so, and makes them.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = [
    "LONGEST_NAME",
    "VERSION",
    "dashboard_keys",
    "dashboard_logouts",
    "gpus",
    "looks",
    "metadata",
    "slots",
    "studies",
    "version",
    "workers",
]

VERSION = 7
"""Of our tables: the last migration. A database that says more was made by a newer hpo."""

metadata = MetaData()

LONGEST_NAME = 512  # characters of a study's name; Optuna's limit
NAME = String(LONGEST_NAME)
KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER

# Every hpo there ever was looks here before it touches anything. Alembic goes by hpo_revision, which says the same.
version = Table(
    "hpo_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    Column("version", Integer, nullable=False),
)

studies = Table(
    "hpo_study",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("incarnation", String(32), nullable=False),  # drawn when made: tells a study from a later one of its name
    Column("reference", Text, nullable=False),
    Column("definition", String(255), nullable=False, index=True),
    Column("space", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("fidelity", String(255), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("metric", String(255), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("sampler", String(64), nullable=False),
    Column("pruner", String(64), nullable=False),
    Column("created_at", Double, nullable=False),  # seconds since 1970
    # Of version 2:
    Column("kind", String(16), nullable=False, server_default="search"),  # studies.Kind
    Column("parent", NAME),  # name of the search it measures; NULL: of none
    # Of version 3:
    Column("version", String(64)),  # of the definition's code when it was asked for last; NULL: not known
    Column("trial_timeout", Double),  # seconds of one trial; NULL: no limit of the study's own
    Column("until", Double),  # nothing is begun any more once a value is at least this good; NULL: no such value
    Column("stopped_at", Double),  # seconds since 1970; NULL: it is not stopped
    Column("stopped_by", String(255)),
    Column("stopped_why", Text),
    # Of version 4:
    Column("objectives", String(255)),  # the metric and the costs weighed against it, by commas; NULL: the metric alone
    # Of version 5:
    Column("data", String(64)),  # digest of the rows the study was begun with; NULL: not loaded yet
)

slots = Table(
    "hpo_slot",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("study", NAME, nullable=False),
    Column("incarnation", String(32), nullable=False),  # of its study
    Column("position", Integer, nullable=False),  # from 0
    Column("payload", Text, nullable=False),  # JSON object: what was asked for when the slot was made
    Column("state", String(8), nullable=False),  # open, leased, settled
    Column("attempt", Integer, nullable=False),  # claims so far: with the worker's name, the token of a lease
    Column("handed_back", Integer, nullable=False),  # claims that were given back and count as no attempt
    Column("worker", String(255)),
    Column("started_at", Double),  # of the last claim; all times are seconds since 1970
    Column("lease_expires_at", Double),
    Column("trial_number", Integer),
    Column("params", Text),  # JSON object: the whole configuration, once it is known
    Column("digest", String(64)),  # of the configuration, once it is known; of a job: its key, from the beginning
    Column("outcome", String(8)),  # complete, pruned, failed
    Column("value", Double),
    Column("reason", Text),
    Column("traceback", Text),
    Column("settled_at", Double),
    # Of version 4:
    Column("further", Text),  # JSON list: values of the objectives after the first; NULL: there is one objective
    # Of version 5:
    Column("output", Text),  # the end of what the last attempt printed; NULL: nothing
    # Of version 6:
    Column("turn", Integer, nullable=False, server_default="0"),
    # slots of the lowest are taken first: attempt, less 1 once one of them was given back
    UniqueConstraint("study", "position", name="hpo_slot_position"),
    UniqueConstraint("study", "digest", name="hpo_slot_digest"),
    # Ids are never used twice, so what an old process holds can never mean a new slot.
    sqlite_autoincrement=True,
)

looks = Table(
    "hpo_look",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("study", NAME, nullable=False, index=True),  # the search whose optimum is compared
    Column("incarnation", String(32), nullable=False),  # of that study
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
    Column("name", String(255), primary_key=True),  # hosts.liveness.identity
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

# Of version 7, both: what the dashboards of one database share, so that a login at one is a login at all of them.
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

# A claim looks at what is left to do, not at what is done: its cost does not grow with the study. Of version 6: in the
# order of turns.
Index(
    "hpo_slot_unsettled",
    slots.c.study,
    slots.c.turn,
    slots.c.position,
    postgresql_where=text("state <> 'settled'"),
    sqlite_where=text("state <> 'settled'"),
)
# Of version 3: who holds what, and how many hold something of a study, is asked at each look for work. When the leases
# run out is not in it: a renewal then changes no index, which PostgreSQL does within the row's own page.
Index(
    "hpo_slot_leased",
    slots.c.study,
    slots.c.worker,
    postgresql_where=text("state = 'leased'"),
    sqlite_where=text("state = 'leased'"),
)
# Likewise: the best of a study, and whether a value is as good as was asked for.
Index(
    "hpo_slot_complete",
    slots.c.study,
    slots.c.value,
    postgresql_where=text("outcome = 'complete'"),
    sqlite_where=text("outcome = 'complete'"),
)
