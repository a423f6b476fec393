"""Claiming a slot, holding it by a lease, settling it or giving it back: exactly once, whatever dies in between.

Every change is one statement or one short transaction. Time only decides who may take a slot over; whether a result
counts is decided by the token (id, attempt, worker) alone.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from hpo.settings import MAX_ATTEMPTS
from hpo.storage import Storage, leases, schema
from hpo.storage.json_columns import parsed
from hpo.storage.renewal import renew
from hpo.storage.slots.dispatch import gives
from hpo.storage.slots.openings import announce
from hpo.storage.slots.slot import (
    COLUMNS,
    LEASED,
    UNSETTLED,
    LeaseLost,
    Outcome,
    Slot,
    held_by_attempt,
    lease_runs,
    of_study,
    read,
)
from hpo.storage.waiting import repeatable
from hpo.study import Params

__all__ = ["MAX_RELEASES", "Claims"]

MAX_RELEASES = 25
"""Times a slot may be given back unblamed; at this one it settles as failed: what is always broken off never ends."""

_OUT_OF_MEMORY = "out of memory"  # how the reason of an attempt begins that ended so

_slot = schema.slots


class Claims:
    """What changes slots: a worker takes, holds and settles one, and whoever sees it end frees what it held."""

    def __init__(
        self, storage: Storage, *, max_attempts: int = MAX_ATTEMPTS, clock: leases.Clock | None = None
    ) -> None:
        self._storage = storage
        self._max_attempts = max_attempts  # claims that may end in a crash before a slot settles as failed
        self._clock = clock  # as `leases.now` takes it

    def claim(self, study: str, worker: str, lease_seconds: float) -> Slot | None:
        """Take the next slot that is open or whose lease ran out; None where there is none now.

        The highest rung comes first, its slots by position, save that what was tried before waits behind what was not,
        so that what cannot be finished holds up nothing else; one attempt that was given back does not count: what was
        interrupted goes on. The confirmation of the hand-picked configuration waits behind what was not tried, too.

        A study that is stopped, or whose value is as good as was asked for, gives none. None means that nothing can be
        had, not that all is settled: a lease elsewhere may still run out. A slot of which nobody can read what was
        asked for settles as failed: it would be tried with something else.
        """
        while (row := self._claimed(study, worker, lease_seconds)) is not None:
            slot = read(row)
            if isinstance(parsed(row.payload), dict):
                return slot
            self.settle(slot, "failed", reason="what was asked for cannot be read in the database")
        return None

    def _claimed(self, study: str, worker: str, lease_seconds: float) -> Row[Any] | None:
        """A claim is no call to be made twice: what one took whose answer was lost goes back before the next."""
        unsure = False

        def claimed() -> Row[Any] | None:
            nonlocal unsure
            if unsure:
                self.release_all(worker, "the answer to its claim was lost")
            unsure = True
            return self._take(study, worker, lease_seconds)

        return self._storage.answer(claimed)

    def _take(self, study: str, worker: str, lease_seconds: float) -> Row[Any] | None:
        free = (
            select(_slot.c.id)
            .where(of_study(study), gives(study), UNSETTLED, self.claimable())
            .order_by(_slot.c.turn, _slot.c.rung.desc(), _slot.c.position)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        with self._storage.write() as connection:
            now = self._now()
            row = connection.execute(
                update(_slot)
                .where(_slot.c.id == free)
                .values(
                    state="leased",
                    attempt=_slot.c.attempt + 1,
                    turn=_slot.c.turn + 1,
                    worker=worker,
                    started_at=now,
                    lease_expires_at=now + lease_seconds,
                    trial_number=None,
                    output=None,
                )
                .returning(*COLUMNS)
            ).one_or_none()
            if row is None:
                self._exhaust(connection, of_study(study))
        return row

    def claimable(self) -> ColumnElement[bool]:
        """Of a slot: whether a claim may take it; within a query on unsettled slots."""
        return and_(self._free(), _tries() < self._max_attempts)

    def alive(self) -> ColumnElement[bool]:
        """Of a slot: whether somebody holds it and the lease has not run out."""
        return lease_runs(self._now())

    def attach(self, slot: Slot, trial_number: int) -> bool:
        """Record which trial the slot's attempt is; only for people to see, so `reserve` and `settle` may do it too."""
        return self._change(slot, trial_number=trial_number)

    def renew(self, slot: Slot, lease_seconds: float) -> bool:
        """Let the lease run for `lease_seconds` from now; for whoever holds nothing else."""
        return renew(self._storage, slot.worker or "", lease_seconds, listed=False, slot=slot, clock=self._clock).slot

    def keep_output(self, slot: Slot, output: str) -> bool:
        """Keep the end of what the slot's attempt printed; the next attempt begins with none."""
        return self._change(slot, output=output)

    @repeatable
    def reserve(
        self, slot: Slot, digest: str, *, params: Params | None = None, trial_number: int | None = None
    ) -> bool:
        """Reserve a configuration for the slot; False where another slot of the study has it.

        `params`, the whole configuration, is what a retry will take again.

        Raises:
            LeaseLost: the slot is no longer this worker's.

        """
        values = {"digest": digest, **_trial(params, trial_number)}
        with self._storage.change() as connection:
            try:
                won = connection.execute(update(_slot).where(held_by_attempt(slot)).values(values)).rowcount == 1
            except IntegrityError:
                return False
        if not won:
            raise LeaseLost(f"slot {slot.position} of {slot.study} has passed to somebody else")
        return True

    def settle(
        self,
        slot: Slot,
        outcome: Outcome,
        value: float | None = None,
        reason: str | None = None,
        *,
        traceback: str | None = None,
        params: Params | None = None,
        trial_number: int | None = None,
        further: Sequence[float] = (),
    ) -> bool:
        """Settle the slot for good. Only who wins this may tell Optuna, and tells it what the slot says.

        A complete trial without a finite value settles as failed. `further`: values of the objectives after the first.
        """
        outcome, value, reason = _finite(outcome, value, reason)
        values = {**self._settled(outcome), "value": value, "reason": reason, "traceback": traceback}
        if further and value is not None:
            values["further"] = json.dumps(list(further))
        return self._change(slot, **values, **_trial(params, trial_number))

    @repeatable
    def release(self, slot: Slot, reason: str) -> bool:
        """Give the slot back unfinished and unblamed, as hpo itself broke its attempt off; whether it was still held.

        `reason`: why, in one line. At the `MAX_RELEASES`th time it settles as failed.
        """
        with self._storage.write() as connection:
            return self.release_where(held_by_attempt(slot), reason, connection) == 1

    @repeatable
    def release_all(self, worker: str, reason: str) -> int:
        """As `release`, whatever a worker that was asked to stop still holds; how many slots that were."""
        with self._storage.write() as connection:
            return self.release_where(_slot.c.worker == worker, reason, connection)

    def release_where(self, which: ColumnElement[bool], reason: str, connection: Connection) -> int:
        """As `release`, the leased slots that fit, within the caller's transaction; how many slots those were."""
        times = _slot.c.releases + 1
        last = times >= MAX_RELEASES
        why = literal(f"it was broken off {MAX_RELEASES} times, the last time because {reason}")
        before = literal("; of the attempts before, the last failed: ") + _slot.c.reason
        freed: int = connection.execute(
            _several(LEASED, which).values(
                state=case((last, "settled"), else_="open"),
                outcome=case((last, "failed")),
                reason=case((last, why + func.coalesce(before, "")), else_=_slot.c.reason),
                settled_at=case((last, self._now())),
                lease_expires_at=None,
                releases=times,
                turn=_slot.c.turn - case((_slot.c.releases == 0, 1), else_=0),
            )
        ).rowcount
        if freed:
            announce(connection)
        return freed

    @repeatable
    def record_crash(self, worker: str, reason: str, traceback: str | None = None) -> int:
        """Free at once what a dead worker held, as an attempt that failed; how many slots that were.

        Past the attempt limit a slot settles as failed. `recovery.recover` fails the trials it left RUNNING.
        """
        opened = {"state": "open", "lease_expires_at": None, "reason": reason, "traceback": traceback}
        with self._storage.write() as connection:
            freed: int = connection.execute(_several(LEASED, _slot.c.worker == worker).values(opened)).rowcount
            if freed:
                announce(connection)
        with self._storage.write() as connection:  # another transaction, so that each locks slots by their ids
            self._exhaust(connection, _slot.c.worker == worker)
        return freed

    @repeatable
    def out_of_memory(self, worker: str, detail: str, traceback: str | None = None) -> int:
        """Free what a worker held that ran out of memory: for one more attempt, in a fresh process; how many slots.

        What had run out of memory before settles as failed: it would again, and take its neighbours along.
        """
        once, twice = (_OUT_OF_MEMORY, f"{_OUT_OF_MEMORY} twice")
        if detail:
            once, twice = f"{once}: {detail}", f"{twice}, the last time: {detail}"
        again = _several(LEASED, _slot.c.worker == worker, _slot.c.reason.startswith(_OUT_OF_MEMORY, autoescape=True))
        with self._storage.write() as connection:
            failed = {**self._settled("failed"), "reason": twice, "traceback": traceback}
            settled: int = connection.execute(again.values(failed)).rowcount
        return settled + self.record_crash(worker, once, traceback)

    @repeatable
    def exhaust(self, study: str | None = None) -> int:
        """Settle as failed what is free but has used up its attempts, of one study or of all; how many slots."""
        with self._storage.write() as connection:
            return self._exhaust(connection, UNSETTLED if study is None else of_study(study))

    def _exhaust(self, connection: Connection, which: ColumnElement[bool]) -> int:
        lost = f"{self._max_attempts} attempts ended without a result"
        reason = func.coalesce(literal(f"{lost}; the last one: ") + _slot.c.reason, f"{lost}: the worker vanished")
        exhausted = _several(which, self._free(), _tries() >= self._max_attempts)
        return connection.execute(exhausted.values({**self._settled("failed"), "reason": reason})).rowcount

    def _free(self) -> ColumnElement[bool]:
        """Of an unsettled slot: whether nobody holds it, or somebody whose lease has run out."""
        return or_(_slot.c.state == "open", and_(LEASED, ~leases.runs(_slot, self._now())))

    def _settled(self, outcome: Outcome) -> dict[str, Any]:
        return {"state": "settled", "outcome": outcome, "lease_expires_at": None, "settled_at": self._now()}

    def _now(self) -> ColumnElement[float]:
        return leases.now(self._storage, self._clock)

    @repeatable
    def _change(self, slot: Slot, /, **values: Any) -> bool:
        with self._storage.change() as connection:
            return connection.execute(update(_slot).where(held_by_attempt(slot)).values(values)).rowcount == 1


def _tries() -> ColumnElement[int]:
    return _slot.c.attempt - _slot.c.releases


def _several(*where: ColumnElement[bool]) -> Any:
    """An UPDATE of the unsettled slots that fit, locked in one order so that two such never wait for each other."""
    ids = select(_slot.c.id).where(UNSETTLED, *where).order_by(_slot.c.id).with_for_update()
    return update(_slot).where(UNSETTLED, *where, _slot.c.id.in_(ids))


def _trial(params: Params | None, number: int | None) -> dict[str, Any]:
    """What is known of the attempt's trial by now."""
    known = {"params": None if params is None else json.dumps(dict(params)), "trial_number": number}
    return {name: value for name, value in known.items() if value is not None}


def _finite(outcome: Outcome, value: float | None, reason: str | None) -> tuple[Outcome, float | None, str | None]:
    finite = value is not None and math.isfinite(value)
    if outcome == "complete" and not finite:
        return "failed", None, reason or f"the value is {value}, not a finite number"
    return outcome, float(value) if finite and value is not None else None, reason
