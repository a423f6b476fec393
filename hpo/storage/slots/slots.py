"""The budget of a study: exactly so many slots, opened for a search or a job each, and looked at."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, case, func, select, true

from hpo.errors import StudyError, UsageError
from hpo.storage import schema
from hpo.storage.engine import insert
from hpo.storage.slots.claiming import Claims
from hpo.storage.slots.slot import COLUMNS, COMPLETE, LEASED, Counts, Slot, of_study, read
from hpo.storage.waiting import repeatable
from hpo.study import Params
from hpo.study.direction import sign

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = ["MAX_SLOTS", "Slots"]

MAX_SLOTS = 1_000_000
"""In one study; more is a typing error."""

_slot = schema.slots


class Slots(Claims):
    """The slots of all studies in one database: opened and looked at here; claimed, settled and freed as `Claims`."""

    def open(self, study: str, total: int, first: Sequence[Params] = ()) -> int:
        """Bring the study to exactly `total` slots and say how many were added.

        `first`: configurations for the first positions, whole or in part; they count only for slots made now.

        Raises:
            UsageError: `total` is out of range, or the study has more slots already.
            StudyError: there is no such study.

        """
        if not 1 <= total <= MAX_SLOTS:
            raise UsageError(f"a study has from 1 to {MAX_SLOTS:,} trials, not {total}")
        with self._storage.exclusive() as connection:
            study_id = self.study_id(connection, study)
            there = connection.execute(select(func.count()).where(_slot.c.study_id == study_id)).scalar_one()
            if total < there:
                raise UsageError(f"study {study!r} has {there} trials already, so it cannot be brought to {total}")
            if not there and len(first) > total:
                raise UsageError(f"{len(first)} configurations are to be tried first, but only {total} trials at all")
            asked = [{"params": dict(params)} for params in first]
            rows = [
                _row(study_id, position, asked[position] if position < len(asked) else {})
                for position in range(there, total)
            ]
            insert(connection, _slot, rows)
            return len(rows)

    def add(self, study: str, jobs: "Sequence[Job]") -> int:
        """A slot for every job whose key no slot of the study has, in the order given; how many were added.

        Raises:
            UsageError: the study would have too many slots.
            StudyError: there is no such study.

        """
        wanted: dict[str, Job] = {}
        for job in jobs:
            wanted.setdefault(job.key, job)
        with self._storage.exclusive() as connection:
            study_id = self.study_id(connection, study)
            mine = _slot.c.study_id == study_id
            known = set(connection.execute(select(_slot.c.digest).where(mine)).scalars())
            last = connection.execute(select(func.max(_slot.c.position)).where(mine)).scalar()
            new = [(key, job) for key, job in wanted.items() if key not in known]
            first = 0 if last is None else last + 1
            if first + len(new) > MAX_SLOTS:
                raise UsageError(f"study {study!r} would have {first + len(new):,} trials; {MAX_SLOTS:,} is the most")
            rows = [
                {**_row(study_id, position, job.to_payload()), "digest": key}
                for position, (key, job) in enumerate(new, start=first)
            ]
            insert(connection, _slot, rows)
            return len(rows)

    def study_id(self, connection: Connection, study: str) -> int:
        """The id of the study of that name, within the caller's transaction. Raises StudyError."""
        found: int | None = connection.execute(select(schema.id_of(study))).scalar()
        if found is None:
            raise StudyError(f"there is no study {study!r} in {self._storage.safe_url}")
        return found

    @repeatable
    def counts(self, study: str) -> Counts:
        """How many slots are in which state; all zero for a study without any."""
        kind = func.coalesce(_slot.c.outcome, case((self.alive(), "running"), else_="open")).label("kind")
        with self._storage.read() as connection:
            rows = connection.execute(select(kind, func.count()).where(of_study(study)).group_by(kind)).all()
        number = dict.fromkeys(("complete", "pruned", "failed", "running", "open"), 0) | dict(rows)
        settled = number["complete"] + number["pruned"] + number["failed"]
        return Counts(study=study, target=sum(number.values()), settled=settled, **number)

    def live(self, study: str, connection: Connection) -> int:
        """How many leases on the study have not run out, within the caller's transaction."""
        return connection.execute(select(func.count()).where(of_study(study), self.alive())).scalar_one()

    def list(self, study: str) -> Sequence[Slot]:
        """Every slot of the study by position."""
        return self._select(of_study(study))

    def complete(self, study: str) -> Sequence[Slot]:
        """The complete slots of the study by position."""
        return self._select(of_study(study), COMPLETE)

    def by_id(self, ids: Collection[int]) -> dict[int, Slot]:
        """The slots of these ids; one whose study was deleted is missing."""
        return {slot.id: slot for slot in self._select(_slot.c.id.in_(ids))} if ids else {}

    def held_by(self, worker: str) -> Sequence[Slot]:
        """The slots that worker holds, of whatever study, whether or not the lease ran out."""
        return self._select(_slot.c.worker == worker, LEASED)

    @repeatable
    def holders(self, study: str | None = None) -> Sequence[str]:
        """Who holds slots of a study, or of any, whether or not the lease ran out; names in order."""
        query = select(_slot.c.worker).where(LEASED, true() if study is None else of_study(study)).distinct()
        with self._storage.read() as connection:
            return sorted(connection.execute(query).scalars())

    @repeatable
    def best(self, study: str, direction: str) -> Slot | None:
        """The complete slot with the best value; None where there is none yet."""
        better = _slot.c.value.desc() if sign(direction) > 0 else _slot.c.value.asc()
        query = select(*COLUMNS).where(of_study(study), COMPLETE)
        with self._storage.read() as connection:
            row = connection.execute(query.order_by(better, _slot.c.position).limit(1)).one_or_none()
        return None if row is None else read(row)

    @repeatable
    def output(self, slot: Slot) -> str | None:
        """The end of what the last attempt at a slot printed; None where that was nothing."""
        query = select(_slot.c.output).where(_slot.c.id == slot.id)
        with self._storage.read() as connection:
            return connection.execute(query).scalar()

    @repeatable
    def _select(self, *where: ColumnElement[bool]) -> Sequence[Slot]:
        query = select(*COLUMNS).where(*where).order_by(_slot.c.position)
        with self._storage.read() as connection:
            return [read(row) for row in connection.execute(query)]


def _row(study_id: int, position: int, payload: Mapping[str, object]) -> dict[str, object]:
    """A new slot."""
    return {
        "study_id": study_id,
        "position": position,
        "payload": json.dumps(payload),
        "state": "open",
        "attempt": 0,
        "handed_back": 0,
        "turn": 0,
    }
