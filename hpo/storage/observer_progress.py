"""How far each observer has been told of a study, and which process tells it.

The database is the outbox: what is settled and not marked as told is still to be told. A mark is set once the observer
has taken the event, so that nothing is lost, and after a crash the last few are told a second time, by the same ids.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from hpo.storage import Storage, leases, schema
from hpo.storage.slots.slot import COLUMNS, Slot, read

__all__ = ["LEASE_SECONDS", "ObserverProgress", "Told"]

LEASE_SECONDS = 120.0
"""A process that tells an observer and is not heard of for so long leaves it to another."""

_observer, _told, _slot = schema.observers, schema.told, schema.slots


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an observer was told of a study as a whole."""

    phase: str = ""  # running, stopped or ended; empty: nothing
    turn: int = 0  # how often it was told that the study was resumed
    best: str = ""  # which best it was told last; empty: none


class ObserverProgress:
    """How far one observer has been told, of each study. Whatever the database says within becomes a StorageError."""

    def __init__(self, storage: Storage, observer: str, holder: str, clock: leases.Clock | None = None) -> None:
        """Nothing is held yet.

        Args:
            storage: where the studies are.
            observer: digest of what names the observer.
            holder: `process_identity.identity` of the process that tells it, and more where that tells several.
            clock: as `leases.now` takes it.

        """
        self._storage = storage
        self._observer = observer
        self._holder = holder
        self._clock = clock

    def hold(self, study_id: int) -> Told | None:
        """Take it upon this process to tell of a study, or go on doing so; None while another process does.

        A lease that runs for a good while yet is not renewed, so that most calls write nothing.
        """
        row = (_observer.c.study_id == study_id) & (_observer.c.observer == self._observer)
        now = leases.now(self._storage, self._clock)
        runs, fresh = (leases.runs(_observer, at) for at in (now, now + LEASE_SECONDS / 2))
        with self._storage.read() as connection:
            found = connection.execute(select(_observer, runs.label("runs"), fresh.label("fresh")).where(row)).first()
        if found is not None and found.holder == self._holder and found.fresh:
            return Told(phase=found.phase, turn=found.turn, best=found.best)
        with self._storage.write() as connection:
            lease = {"holder": self._holder, "lease_expires_at": now + LEASE_SECONDS}
            if found is None:
                values = {"study_id": study_id, "observer": self._observer, "phase": "", "turn": 0, "best": ""}
                try:
                    connection.execute(insert(_observer).values({**values, **lease}))
                except IntegrityError:  # another was quicker, or the study is gone
                    return None
                return Told()
            theirs = found.holder not in ("", self._holder)
            if theirs and leases.is_alive(found.holder, lease_runs=found.runs):
                return None
            took = update(_observer).where(row, _observer.c.holder == found.holder).values(lease)
            if not connection.execute(took).rowcount:
                return None
        return Told(phase=found.phase, turn=found.turn, best=found.best)

    def untold(self, study_id: int, limit: int) -> Sequence[Slot]:
        """Settled slots of a study that it was not told of, in the order they settled."""
        known = select(_told.c.slot_id).where(_told.c.observer == self._observer, _told.c.slot_id == _slot.c.id)
        query = (
            select(*COLUMNS)
            .where(_slot.c.study_id == study_id, _slot.c.outcome.is_not(None), ~known.exists())
            .order_by(_slot.c.settled_at, _slot.c.id)
            .limit(limit)
        )
        with self._storage.read() as connection:
            return [read(row) for row in connection.execute(query)]

    def mark(self, slots: Collection[int]) -> None:
        """It was told of these settled slots; one that is gone meanwhile is left out."""
        if not slots:
            return
        here = select(_slot.c.id).where(_slot.c.id.in_(slots))
        with self._storage.write() as connection:
            known = set(connection.execute(here).scalars())
            known -= set(
                connection.execute(
                    select(_told.c.slot_id).where(_told.c.observer == self._observer, _told.c.slot_id.in_(slots))
                ).scalars()
            )
            if known:
                rows = [{"observer": self._observer, "slot_id": slot} for slot in sorted(known)]
                connection.execute(insert(_told), rows)

    def keep(self, study_id: int, told: Told) -> None:
        """Keep what it was told of the study as a whole."""
        row = (_observer.c.study_id == study_id) & (_observer.c.observer == self._observer)
        with self._storage.write() as connection:
            connection.execute(
                update(_observer).where(row).values(phase=told.phase, turn=told.turn, best=told.best[:255])
            )

    def release(self) -> None:
        """Leave all it held to others."""
        mine = (_observer.c.observer == self._observer) & (_observer.c.holder == self._holder)
        with self._storage.write() as connection:
            connection.execute(update(_observer).where(mine).values(holder="", lease_expires_at=0.0))

    def begun(self) -> Sequence[int]:
        """Ids of the studies it was told of, and whose end it was not told."""
        query = select(_observer.c.study_id).where(_observer.c.observer == self._observer, _observer.c.phase != "ended")
        with self._storage.read() as connection:
            return connection.execute(query).scalars().all()
