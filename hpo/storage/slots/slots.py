"""The budget of a study: exactly so many slots, opened for a search or a job each, and looked at."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, case, func, select, true

from hpo.errors import UnknownStudyError, UsageError
from hpo.storage import schema
from hpo.storage.engine import insert, insert_numbered
from hpo.storage.slots.claiming import Claims
from hpo.storage.slots.openings import announce
from hpo.storage.slots.rung_counts import rung_counts
from hpo.storage.slots.slot import (
    COLUMNS,
    COMPLETE,
    LEASED,
    RANKED,
    Counts,
    Incumbent,
    RungCounts,
    Slot,
    incumbents,
    of_study,
    read,
)
from hpo.storage.waiting import repeatable
from hpo.study import Params
from hpo.study.direction import sign
from hpo.study.rungs import Rung, lacking

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = ["MAX_SLOTS", "Configuration", "Slots"]

MAX_SLOTS = 100_000  # of a study; so many have been shown to hold: docs/benchmarks.md
"""In one study; more is a typing error."""

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A configuration that is known before its slot is claimed."""

    params: Params  # whole, or in part: the others are drawn
    digest: str | None = None  # of a whole one, as `hpo.search.digest` has it: by it, it is promoted


class Slots(Claims):
    """The slots of all studies in one database: opened and looked at here; claimed, settled and freed as `Claims`."""

    def open(self, study: str, total: int, first: Sequence[Params] = ()) -> int:
        """Bring the study to exactly `total` slots and say how many were added.

        `first`: configurations for the first positions, whole or in part; they count only for slots made now.

        Raises:
            UsageError: `total` is out of range, or the study has more slots already.
            StudyError: there is no such study.

        """
        with self._storage.exclusive() as connection:
            drawn = [Configuration(params=params) for params in first]
            added = self._open(connection, study, self.study_id(connection, study), total, drawn)
            if added:
                announce(connection)
            return added

    def open_rungs(
        self,
        study: str,
        rungs: Sequence[Rung],
        *,
        first: Sequence[Configuration | None] = (),
        prior: Configuration | None = None,
    ) -> int:
        """Bring each rung of a study that climbs to its slots and say how many were added.

        The slots of the higher rungs wait for a promotion, but for the hand-picked configuration's: that is trained on
        each of them as soon as may be, and confirmed by whoever finds nothing else to begin. A study that has more
        promoted to its highest fidelity than before confirms anew what is best then.

        Args:
            study: its name.
            rungs: from `hpo.study.rungs.climb`.
            first: configurations for the first positions of the first rung; None: one that is drawn.
            prior: the hand-picked configuration; None: there is none.

        Raises:
            UsageError: the first rung has more slots already, or there would be too many.
            StudyError: there is no such study.

        """
        with self._storage.exclusive() as connection:
            study_id = self.study_id(connection, study)
            more = self._open(connection, study, study_id, rungs[0].slots, first, highest=rungs[0].highest)
            added = more
            there = rung_counts(connection, study_id)
            for number, rung in enumerate(rungs[1:], start=1):
                had = there.get(number)
                place = 0 if had is None else had.target
                more = lacking(rung, there=place, waiting=had.waiting if had else 0, grown=bool(more))
                added += more
                end = place + more
                alike = _row(study_id, 0, {}, rung=number, highest=rung.highest) | {"state": "waiting"}
                if more and not place and prior is not None:
                    own = {"payload": json.dumps({"params": dict(prior.params)}), "digest": prior.digest}
                    insert(connection, _slot, [alike | own | {"state": "open", "turn": int(rung.confirms)}])
                    place = 1
                _open_alike(connection, range(place, end), alike)
            if added:
                announce(connection)
            return added

    def _open(
        self,
        connection: Connection,
        study: str,
        study_id: int,
        total: int,
        first: Sequence[Configuration | None],
        *,
        highest: bool = True,
    ) -> int:
        """Bring the first rung to `total` slots, within the caller's transaction."""
        if not 1 <= total <= MAX_SLOTS:
            raise UsageError(f"a study has from 1 to {MAX_SLOTS:,} trials, not {total}")
        drawn = (_slot.c.study_id == study_id, _slot.c.rung == 0)
        there = connection.execute(select(func.count()).where(*drawn)).scalar_one()
        if total < there:
            raise UsageError(f"study {study!r} has {there} trials already, so it cannot be brought to {total}")
        if not there and len(first) > total:
            raise UsageError(f"{len(first)} configurations are to be tried first, but only {total} trials at all")
        taken = set(connection.execute(select(_slot.c.digest).where(*drawn)).scalars()) if there and first else set()
        rows = [_row(study_id, position, {}, highest=highest) for position in range(there, min(len(first), total))]
        for row, asked in zip(rows, first[there:], strict=False):
            if asked is not None:
                # What a worker has drawn meanwhile keeps the digest, and this one is a repeat that is not promoted.
                digest = None if asked.digest in taken else asked.digest
                row |= {"payload": json.dumps({"params": dict(asked.params)}), "digest": digest}
        insert(connection, _slot, rows)
        _open_alike(connection, range(there + len(rows), total), _row(study_id, 0, {}, highest=highest))
        return total - there

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
            if rows:
                announce(connection)
            return len(rows)

    def study_id(self, connection: Connection, study: str) -> int:
        """The id of the study of that name, within the caller's transaction. Raises StudyError."""
        found: int | None = connection.execute(select(schema.id_of(study))).scalar()
        if found is None:
            raise UnknownStudyError(f"there is no study {study!r} in {self._storage.safe_url}")
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
        """Every slot of the study by rung and position."""
        return self._select(of_study(study))

    def complete(self, study: str) -> Sequence[Slot]:
        """The complete slots of the study by rung and position."""
        return self._select(of_study(study), COMPLETE)

    def ranked(self, study: str) -> Sequence[Slot]:
        """The complete slots of the study's highest fidelity, whose values are compared, by rung and position."""
        return self._select(of_study(study), RANKED)

    def by_id(self, ids: Collection[int]) -> dict[int, Slot]:
        """The slots of these ids; one whose study was deleted is missing."""
        return {slot.id: slot for slot in self._select(_slot.c.id.in_(ids))} if ids else {}

    @repeatable
    def free(self, study: str, digests: Sequence[str]) -> set[str]:
        """Which of these configurations no slot of the study's first rung has, by their digests."""
        query = select(_slot.c.digest).where(of_study(study), _slot.c.rung == 0, _slot.c.digest.in_(digests))
        with self._storage.read() as connection:
            return set(digests) - set(connection.execute(query).scalars())

    def held_by(self, worker: str) -> Sequence[Slot]:
        """The slots that worker holds, of whatever study, whether or not the lease ran out."""
        return self._select(_slot.c.worker == worker, LEASED)

    @repeatable
    def holders(self, study: str | None = None, *, host: str = "") -> Sequence[str]:
        """Who holds slots of a study, or of any, whether or not the lease ran out; names in order.

        `host`: how the names begin that are asked for, as `process_identity.identity` has them.
        """
        its = true() if study is None else of_study(study)
        query = select(_slot.c.worker).where(LEASED, its, _slot.c.worker.startswith(host, autoescape=True)).distinct()
        with self._storage.read() as connection:
            return sorted(connection.execute(query).scalars())

    @repeatable
    def rungs(self, study: str) -> Sequence[RungCounts]:
        """How far each rung of the study is, the lowest first."""
        with self._storage.read() as connection:
            return list(rung_counts(connection, schema.id_of(study)).values())

    def incumbent(self, study: str, direction: str) -> Incumbent | None:
        """The first of `incumbents`; None where nothing is complete at the highest fidelity."""
        return next(iter(self.incumbents(study, direction, 1)), None)

    @repeatable
    def incumbents(self, study: str, direction: str, most: int) -> Sequence[Incumbent]:
        """So many of the best of what is complete at the highest fidelity, what was trained most often there first.

        The hand-picked one counts among those from its first training on. Of equals the earlier one. Where a study does
        not climb, each configuration was trained once.
        """
        better = _slot.c.value.desc() if sign(direction) > 0 else _slot.c.value.asc()
        query = select(*COLUMNS).where(of_study(study), RANKED).order_by(better, _slot.c.rung, _slot.c.position)
        climbs = select(_slot.c.id).where(of_study(study), _slot.c.rung > 0).limit(1)
        with self._storage.read() as connection:
            if connection.execute(climbs).scalar() is None:
                query = query.limit(most)  # else there are few of the highest fidelity
            slots = [read(row) for row in connection.execute(query)]
        return incumbents(slots, direction)[:most]

    @repeatable
    def output(self, slot: Slot) -> str | None:
        """The end of what the last attempt at a slot printed; None where that was nothing."""
        query = select(_slot.c.output).where(_slot.c.id == slot.id)
        with self._storage.read() as connection:
            return connection.execute(query).scalar()

    @repeatable
    def _select(self, *where: ColumnElement[bool]) -> Sequence[Slot]:
        query = select(*COLUMNS).where(*where).order_by(_slot.c.rung, _slot.c.position)
        with self._storage.read() as connection:
            return [read(row) for row in connection.execute(query)]


def _open_alike(connection: Connection, positions: range, row: Mapping[str, object]) -> None:
    """New slots at those positions, of which nothing else is known than the row says."""
    alike = {name: value for name, value in row.items() if name != "position"}
    insert_numbered(connection, _slot, "position", positions, alike)


def _row(
    study_id: int, position: int, payload: Mapping[str, object], *, rung: int = 0, highest: bool = True
) -> dict[str, object]:
    """A new slot."""
    return {
        "study_id": study_id,
        "rung": rung,
        "position": position,
        "highest": highest,
        "payload": json.dumps(payload),
        "state": "open",
        "attempt": 0,
        "releases": 0,
        "turn": 0,
        "digest": None,
    }
