"""Quick looks at what goes on, cheap enough to be taken every few seconds for as long as somebody watches.

None reads a whole study's slots with their payloads, and none opens a transaction that writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, desc, func, select

from hpo.optuna_internals import tables
from hpo.storage import Storage, leases, schema
from hpo.storage.slots.slot import COLUMNS, GIVEN, Outcome, Slot, lease_runs, of_study, read
from hpo.study import Params

__all__ = [
    "Ages",
    "Failure",
    "Settled",
    "ages",
    "failures",
    "history",
    "in_hand",
    "numbers",
    "of_configuration",
    "recent",
    "state",
]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A trial that came to its end, as far as a curve of the search needs it."""

    trial: int | None  # Optuna's number
    outcome: Outcome
    value: float | None
    at: float  # seconds since 1970
    highest: bool = True  # whether it is of the study's highest fidelity, whose values alone are compared
    digest: str | None = None  # of its configuration; two trainings of one count together
    given: bool = False  # whether it is the hand-picked configuration's

    @property
    def ranked(self) -> bool:
        """Whether it is complete, with a value that compares with others."""
        return self.outcome == "complete" and self.highest and self.value is not None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Trials of one study that ended for the same reason."""

    reason: str
    outcome: Outcome  # pruned: the reason lies in the configuration; failed: it does not
    trials: int
    last: int | None  # Optuna's number of the latest of them
    at: float | None  # of the latest, seconds since 1970


@dataclass(frozen=True, kw_only=True)
class Ages:
    """How long ago things happened in one study, by the clock of the database."""

    oldest_claim_seconds: float | None  # since the oldest live claim; None: nobody is at work
    idle_seconds: float | None  # since a slot settled last; None: none has


def recent(storage: Storage, study: str, limit: int) -> Sequence[Slot]:
    """The slots that settled last, the latest first. Raises StorageError."""
    query = (
        select(*COLUMNS)
        .where(of_study(study), _slot.c.outcome.is_not(None))
        .order_by(desc(_slot.c.settled_at), desc(_slot.c.id))
        .limit(limit)
    )
    with storage.read() as connection:
        return [read(row) for row in connection.execute(query)]


def in_hand(storage: Storage, study: str) -> Sequence[Slot]:
    """The slots that somebody holds, the lease not run out, and whose trial is made. Raises StorageError."""
    held = lease_runs(leases.now(storage)), _slot.c.trial_number.is_not(None)
    query = select(*COLUMNS).where(of_study(study), *held).order_by(_slot.c.started_at, _slot.c.id)
    with storage.read() as connection:
        return [read(row) for row in connection.execute(query)]


def of_configuration(storage: Storage, study: str, params: Params) -> Slot | None:
    """The settled slot of that configuration at the highest fidelity; None where there is none. Raises StorageError."""
    from hpo.search import digest

    # A slot has no digest where no sampler had to draw anew (continuous spaces): there, those given from the start.
    given = and_(_slot.c.digest.is_(None), _slot.c.payload != "{}")
    query = (
        select(*COLUMNS)
        .where(of_study(study), _slot.c.outcome.is_not(None), (_slot.c.digest == digest(params)) | given)
        .where(_slot.c.highest)
        .order_by(_slot.c.rung, _slot.c.position)
    )
    with storage.read() as connection:
        slots = map(read, connection.execute(query))
        return next((slot for slot in slots if dict(slot.params or {}) == dict(params)), None)


def history(storage: Storage, study: str) -> Sequence[Settled]:
    """Every trial that came to its end, in the order they did. Raises StorageError."""
    query = (
        select(
            _slot.c.trial_number.label("trial"),
            _slot.c.outcome,
            _slot.c.value,
            func.coalesce(_slot.c.settled_at, 0.0).label("at"),
            _slot.c.highest,
            _slot.c.digest,
            GIVEN.label("given"),
        )
        .where(of_study(study), _slot.c.outcome.is_not(None))
        .order_by(_slot.c.settled_at, _slot.c.id)
    )
    with storage.read() as connection:
        return [Settled(**row._mapping) for row in connection.execute(query)]


def failures(storage: Storage, study: str, limit: int) -> Sequence[Failure]:
    """Why trials failed or could not be tried, the most frequent reason first; what a pruner stopped is no failure.

    A configuration that is infeasible or diverges settles as pruned, too, with another reason than a pruner's.

    Raises:
        StorageError: the database failed.

    """
    number = func.count().label("trials")
    stopped = (_slot.c.outcome == "pruned") & _slot.c.reason.startswith("pruned after ")  # as hpo.search says it
    ended = _slot.c.outcome.in_(("failed", "pruned")) & _slot.c.reason.is_not(None) & ~stopped
    query = (
        select(
            _slot.c.reason,
            _slot.c.outcome,
            number,
            func.max(_slot.c.trial_number).label("last"),
            func.max(_slot.c.settled_at).label("at"),
        )
        .where(of_study(study), ended)
        .group_by(_slot.c.reason, _slot.c.outcome)
        .order_by(_slot.c.outcome, desc(number), _slot.c.reason)
        .limit(limit)
    )
    with storage.read() as connection:
        return [Failure(**row._mapping) for row in connection.execute(query)]


def ages(storage: Storage) -> Mapping[str, Ages]:
    """Of every study that has slots, by name. One query; raises StorageError."""
    now = leases.now(storage)
    claimed = func.min(case((lease_runs(now), _slot.c.started_at)))
    its = schema.studies
    query = select(its.c.name, now - claimed, now - func.max(_slot.c.settled_at)).join(_slot).group_by(its.c.name)
    with storage.read() as connection:
        rows = connection.execute(query).all()
    return {study: Ages(oldest_claim_seconds=_past(claim), idle_seconds=_past(idle)) for study, claim, idle in rows}


def state(storage: Storage, study: str, definition: str) -> tuple[object, ...]:
    """What differs as soon as a report on the search `study` would: of all studies of its definition, and its looks.

    Raises:
        StorageError: the database failed.

    """
    its, looks = schema.studies, schema.looks
    kept = select(its.c.id, its.c.version).where(its.c.definition == definition)
    done = (
        select(_slot.c.study_id, _slot.c.state, func.count(), func.max(_slot.c.settled_at))
        .where(_slot.c.study_id.in_(select(its.c.id).where(its.c.definition == definition)))
        .group_by(_slot.c.study_id, _slot.c.state)
    )
    looked = select(func.max(looks.c.id)).where(looks.c.study_id == schema.id_of(study))
    with storage.read() as connection:
        return (
            *sorted(map(tuple, connection.execute(kept)), key=str),
            *sorted(map(tuple, connection.execute(done)), key=str),
            connection.execute(looked).scalar(),
        )


def numbers(storage: Storage) -> Mapping[str, int]:
    """Each study's number in Optuna's tables, by name: what addresses of optuna-dashboard are made of.

    Raises:
        StorageError: the database failed.

    """
    theirs = tables().studies.c
    with storage.read() as connection:
        rows: Sequence[Any] = connection.execute(select(theirs.study_name, theirs.study_id)).all()
    return dict(rows)


def _past(seconds: float | None) -> float | None:
    return None if seconds is None else max(0.0, seconds)
