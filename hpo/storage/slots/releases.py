"""Freeing slots whose attempt ended without a result: unblamed, as hpo broke it off, or as an attempt that failed."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select, update

from hpo.settings import MAX_ATTEMPTS
from hpo.storage import Storage, schema
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slot_queries import LEASED, UNSETTLED, SlotQueries, lease_ran_out, of_study
from hpo.storage.waiting import repeatable

__all__ = ["MAX_GIVEN_BACK", "OUT_OF_MEMORY", "Releases"]

MAX_GIVEN_BACK = 25
"""Times a slot may be given back unblamed; at this one it settles as failed: what is always broken off never ends."""

OUT_OF_MEMORY = "out of memory"
"""How the reason of an attempt begins that ended so."""

_slot = schema.slots


class Releases(SlotQueries):
    """What frees slots, of whoever holds them; `Slots` adds who takes and settles them."""

    def __init__(
        self, storage: Storage, *, max_attempts: int = MAX_ATTEMPTS, clock: Callable[[], float] | None = None
    ) -> None:
        super().__init__(storage, clock=clock)
        self._max_attempts = max_attempts  # claims that may end in a crash before a slot settles as failed

    @repeatable
    def hand_back(self, slot: Slot, reason: str) -> bool:
        """Give the slot back unfinished and unblamed, as hpo itself broke its attempt off; whether it was still held.

        `reason`: why, in one line. At the `MAX_GIVEN_BACK`th time it settles as failed.
        """
        held = and_(_slot.c.id == slot.id, _slot.c.attempt == slot.attempt, _slot.c.worker == slot.worker, LEASED)
        with self._storage.write() as connection:
            return self.hand_back_where(held, reason, connection) == 1

    @repeatable
    def hand_back_all(self, worker: str, reason: str) -> int:
        """As `hand_back`, whatever a worker that was asked to stop still holds; how many slots that were."""
        with self._storage.write() as connection:
            return self.hand_back_where(_slot.c.worker == worker, reason, connection)

    def hand_back_where(self, which: ColumnElement[bool], reason: str, connection: Connection) -> int:
        """As `hand_back`, the leased slots that fit, within the caller's transaction; how many slots those were."""
        times = _slot.c.handed_back + 1
        last = times >= MAX_GIVEN_BACK
        why = literal(f"it was broken off {MAX_GIVEN_BACK} times, the last time because {reason}")
        before = literal("; of the attempts before, the last failed: ") + _slot.c.reason
        return connection.execute(
            self._several(LEASED, which).values(
                state=case((last, "settled"), else_="open"),
                outcome=case((last, "failed")),
                reason=case((last, why + func.coalesce(before, "")), else_=_slot.c.reason),
                settled_at=case((last, self._now())),
                lease_expires_at=None,
                handed_back=times,
                turn=_slot.c.turn - case((_slot.c.handed_back == 0, 1), else_=0),
            )
        ).rowcount

    @repeatable
    def give_up(self, worker: str, reason: str, traceback: str | None = None) -> int:
        """Free at once what a dead worker held, as an attempt that failed; how many slots that were.

        Past the attempt limit a slot settles as failed. `recovery.recover` fails the trials it left RUNNING.
        """
        released = self._release(worker, reason=reason, traceback=traceback)
        with self._storage.write() as connection:
            self._exhaust(connection, _slot.c.worker == worker)
        return released

    @repeatable
    def out_of_memory(self, worker: str, detail: str, traceback: str | None = None) -> int:
        """Free what a worker held that ran out of memory: for one more attempt, in a fresh process; how many slots.

        What had run out of memory before settles as failed: it would again, and take its neighbours along.
        """
        reason = f"{OUT_OF_MEMORY}: {detail}" if detail else OUT_OF_MEMORY
        again = self._several(
            LEASED, _slot.c.worker == worker, _slot.c.reason.startswith(OUT_OF_MEMORY, autoescape=True)
        ).values(
            state="settled",
            outcome="failed",
            reason=f"{OUT_OF_MEMORY} twice, the last time: {detail}" if detail else f"{OUT_OF_MEMORY} twice",
            traceback=traceback,
            lease_expires_at=None,
            settled_at=self._now(),
        )
        with self._storage.write() as connection:
            settled: int = connection.execute(again).rowcount
        return settled + self.give_up(worker, reason, traceback)

    @repeatable
    def exhaust(self, study: str | None = None) -> int:
        """Settle as failed what is free but has used up its attempts, of one study or of all; how many slots."""
        with self._storage.write() as connection:
            return self._exhaust(connection, UNSETTLED if study is None else of_study(study))

    def claimable(self) -> ColumnElement[bool]:
        """Of a slot: whether a claim may take it; within a query on unsettled slots."""
        return and_(self._free(), self._tries() < self._max_attempts)

    def _free(self) -> ColumnElement[bool]:
        return or_(_slot.c.state == "open", lease_ran_out(self._now()))

    @staticmethod
    def _tries() -> ColumnElement[int]:
        return _slot.c.attempt - _slot.c.handed_back

    @staticmethod
    def _several(*where: ColumnElement[bool]) -> Any:
        """An UPDATE of the unsettled slots that fit, locked in one order so that two such never wait for each other."""
        ids = select(_slot.c.id).where(UNSETTLED, *where).order_by(_slot.c.id).with_for_update()
        return update(_slot).where(UNSETTLED, *where, _slot.c.id.in_(ids))

    def _release(self, worker: str, **values: Any) -> int:
        statement = self._several(LEASED, _slot.c.worker == worker)
        with self._storage.write() as connection:
            return connection.execute(statement.values(state="open", lease_expires_at=None, **values)).rowcount

    def _exhaust(self, connection: Connection, which: ColumnElement[bool]) -> int:
        lost = f"{self._max_attempts} attempts ended without a result"
        statement = self._several(which, self._free(), self._tries() >= self._max_attempts)
        return connection.execute(
            statement.values(
                state="settled",
                outcome="failed",
                reason=func.coalesce(
                    literal(f"{lost}; the last one: ") + _slot.c.reason, f"{lost}: the worker vanished"
                ),
                lease_expires_at=None,
                settled_at=self._now(),
            )
        ).rowcount
