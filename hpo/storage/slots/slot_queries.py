"""Looking at the slots of a study, changing none."""

from collections.abc import Callable, Collection, Sequence
from statistics import fmean
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    literal_column,
    select,
)

from hpo.storage import Storage, schema
from hpo.storage.json_columns import parsed
from hpo.storage.slots.slot import Counts, Incumbent, RungCounts, Slot
from hpo.storage.waiting import repeatable
from hpo.storage.workers import database_clock as clocks
from hpo.study.direction import loss, sign

__all__ = [
    "COLUMNS",
    "COMPLETE",
    "LEASED",
    "RANKED",
    "STUDY",
    "UNSETTLED",
    "WAITING",
    "SlotQueries",
    "lease_ran_out",
    "lease_runs",
    "of_study",
    "read",
]

_slot = schema.slots

STUDY = select(schema.studies.c.name).where(schema.studies.c.id == _slot.c.study_id).correlate(_slot).scalar_subquery()
"""The name of a slot's study, within a query on slots."""

COLUMNS = [STUDY.label("study"), *(column for column in _slot.c if column is not _slot.c.output)]
"""What a `Slot` is read from: all but what a trial printed, which is long, and asked for of one trial alone."""

# Word for word as the partial indexes have them, or these would not be used. Not typed as Boolean: SQLite has none, and
# SQLAlchemy would write `state <> 'settled' = 1` for it.
UNSETTLED: ColumnElement[Any] = literal_column("state <> 'settled'")
LEASED: ColumnElement[Any] = literal_column("state = 'leased'")
COMPLETE: ColumnElement[Any] = literal_column("outcome = 'complete'")
RANKED: ColumnElement[Any] = literal_column("outcome = 'complete' AND highest")
WAITING: ColumnElement[Any] = literal_column("state = 'waiting'")


def of_study(study: str) -> ColumnElement[bool]:
    """Of a slot: whether it is one of the study of that name."""
    return _slot.c.study_id == schema.id_of(study)


def lease_runs(now: ColumnElement[float]) -> ColumnElement[bool]:
    """Of a slot: whether somebody holds it and the lease has not run out."""
    return and_(LEASED, _slot.c.lease_expires_at > now)


def lease_ran_out(now: ColumnElement[float]) -> ColumnElement[bool]:
    """Of a slot: whether somebody holds it whose lease has run out, so that anybody may take it."""
    return and_(LEASED, _slot.c.lease_expires_at <= now)


class SlotQueries:
    """What is asked about the slots of all studies in one database; `Slots` adds what changes them."""

    def __init__(self, storage: Storage, *, clock: Callable[[], float] | None = None) -> None:
        self._storage = storage
        self._clock = clock  # seconds since 1970; None: the server's on PostgreSQL, this machine's on SQLite

    @repeatable
    def counts(self, study: str) -> Counts:
        """How many slots are in which state; all zero for a study without any."""
        kind = func.coalesce(_slot.c.outcome, case((self.alive(), "running"), else_="open")).label("kind")
        with self._storage.read() as connection:
            rows = connection.execute(select(kind, func.count()).where(of_study(study)).group_by(kind)).all()
        number: dict[str, int] = dict(rows)
        complete, pruned, failed = (number.get(name, 0) for name in ("complete", "pruned", "failed"))
        return Counts(
            target=sum(number.values()),
            settled=complete + pruned + failed,
            complete=complete,
            pruned=pruned,
            failed=failed,
            running=number.get("running", 0),
            open=number.get("open", 0),
        )

    def rungs(self, study: str, connection: Connection | None = None) -> Sequence[RungCounts]:
        """How far each rung of the study is, the lowest first; within the caller's transaction where there is one."""
        if connection is None:
            return self._rungs(study)
        state = _slot.c.state
        query = select(
            _slot.c.rung,
            func.count().label("target"),
            func.count(case((state == "settled", 1))).label("settled"),
            func.count(case((and_(state == "waiting", _slot.c.digest.is_(None)), 1))).label("waiting"),
        ).where(of_study(study))
        rows = connection.execute(query.group_by(_slot.c.rung).order_by(_slot.c.rung))
        return [RungCounts(**row._mapping) for row in rows]

    @repeatable
    def _rungs(self, study: str) -> Sequence[RungCounts]:
        with self._storage.read() as connection:
            return self.rungs(study, connection)

    def list(self, study: str) -> Sequence[Slot]:
        """Every slot of the study by position."""
        return self._select(of_study(study))

    def leased(self, study: str) -> Sequence[Slot]:
        """The slots somebody holds, whether or not the lease ran out."""
        return self._select(of_study(study), LEASED)

    def held_by(self, worker: str) -> Sequence[Slot]:
        """The slots that worker holds, of whatever study, whether or not the lease ran out."""
        return self._select(_slot.c.worker == worker, LEASED)

    @repeatable
    def holders(self) -> Sequence[str]:
        """Who holds slots, of whatever study, whether or not the lease ran out; names in order."""
        query = select(_slot.c.worker).where(LEASED).distinct()
        with self._storage.read() as connection:
            return sorted(connection.execute(query).scalars())

    @repeatable
    def workers(self, study: str) -> Sequence[str]:
        """The names of those who hold a lease that has not run out, in order."""
        query = select(_slot.c.worker).where(of_study(study), self.alive()).distinct()
        with self._storage.read() as connection:
            return sorted(connection.execute(query).scalars())

    def by_id(self, ids: Collection[int]) -> dict[int, Slot]:
        """The slots of these ids; one whose study was deleted is missing."""
        return {slot.id: slot for slot in self._select(_slot.c.id.in_(ids))} if ids else {}

    @repeatable
    def incumbent(self, study: str, direction: str) -> Incumbent | None:
        """The best of what was trained most often at the highest fidelity; None where nothing is complete there.

        Of equals the earlier one. Where a study does not climb, each configuration was trained once.
        """
        better = _slot.c.value.desc() if sign(direction) > 0 else _slot.c.value.asc()
        query = select(*COLUMNS).where(of_study(study), RANKED).order_by(better, _slot.c.rung, _slot.c.position)
        climbs = select(_slot.c.id).where(of_study(study), _slot.c.rung > 0).limit(1)
        with self._storage.read() as connection:
            if connection.execute(climbs).scalar() is None:
                rows = connection.execute(query.limit(1)).all()
            else:  # few slots are of the highest fidelity
                rows = connection.execute(query).all()
        trained: dict[str, list[Slot]] = {}
        for slot in map(read, rows):
            trained.setdefault(slot.digest or f"slot {slot.id}", []).append(slot)
        most = max(map(len, trained.values()), default=0)
        found = [
            Incumbent(slot=min(its, key=lambda each: each.rung), value=fmean(values), trainings=most)
            for its in trained.values()
            if len(its) == most and (values := [each.value for each in its if each.value is not None])
        ]
        return min(found, key=lambda each: loss(direction, each.value), default=None)

    @repeatable
    def output(self, slot: Slot) -> str | None:
        """The end of what the last attempt at a slot printed; None where that was nothing."""
        query = select(_slot.c.output).where(_slot.c.id == slot.id)
        with self._storage.read() as connection:
            return connection.execute(query).scalar()

    def complete(self, study: str) -> Sequence[Slot]:
        """The complete slots of the study by position."""
        return self._select(of_study(study), COMPLETE)

    def live(self, study: str, connection: Connection) -> int:
        """How many leases on the study have not run out, within the caller's transaction."""
        return connection.execute(select(func.count()).where(of_study(study), self.alive())).scalar_one()

    def _now(self) -> ColumnElement[float]:
        return clocks.now(self._storage, self._clock)

    def alive(self) -> ColumnElement[bool]:
        """Of a slot: whether somebody holds it and the lease has not run out."""
        return lease_runs(self._now())

    @repeatable
    def _select(self, *where: ColumnElement[bool]) -> Sequence[Slot]:
        query = select(*COLUMNS).where(*where).order_by(_slot.c.position)
        with self._storage.read() as connection:
            return [read(row) for row in connection.execute(query)]


def read(row: Row[Any]) -> Slot:
    """The slot of one row of `COLUMNS`; what is no JSON of ours is as good as nothing."""
    values: dict[str, Any] = dict(row._mapping)
    asked, params, further = (parsed(values[name]) for name in ("payload", "params", "further"))
    read = {
        "payload": asked if isinstance(asked, dict) else {},
        "params": params if isinstance(params, dict) else None,
        "further": tuple(further) if isinstance(further, list) else (),
    }
    return Slot(**{**values, **read})
