"""Claiming a slot, holding it by a lease, and settling it: exactly once, whatever dies in between.

Every change is one statement or one short transaction. Time only decides who may take a slot over; whether a result
counts is decided by the token (id, attempt, worker) alone.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError

from hpo.storage import schema
from hpo.storage.json_columns import parsed
from hpo.storage.slots.eligibility import gives
from hpo.storage.slots.releases import Releases
from hpo.storage.slots.slot import LeaseLost, Outcome, Slot
from hpo.storage.slots.slot_queries import COLUMNS, UNSETTLED, of_study, read
from hpo.storage.waiting import repeatable
from hpo.study import Params

__all__ = ["Claims"]

_slot = schema.slots


class Claims(Releases):
    """What a worker does with a slot: take it, hold it, settle it. Freeing it and looking at it are inherited."""

    def claim(self, study: str, worker: str, lease_seconds: float) -> Slot | None:
        """Take the next slot that is open or whose lease ran out; None where there is none now.

        The highest rung comes first, its slots by position, save that what was tried before waits behind what was not,
        so that what cannot be finished holds up nothing else; one attempt that was given back does not count: what was
        interrupted goes on.

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
                self.hand_back_all(worker, "the answer to its claim was lost")
            unsure = True
            return self._take(study, worker, lease_seconds)

        return self._storage.answer(claimed)

    def _take(self, study: str, worker: str, lease_seconds: float) -> Row[Any] | None:
        with self._storage.write() as connection:
            free = (
                select(_slot.c.id)
                .where(of_study(study), gives(study), UNSETTLED, self._free(), self._tries() < self._max_attempts)
                .order_by(_slot.c.turn, _slot.c.rung.desc(), _slot.c.position)
                .limit(1)
                .with_for_update(skip_locked=True)
                .scalar_subquery()
            )
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

    def attach(self, slot: Slot, trial_number: int) -> bool:
        """Record which trial the slot's attempt is; only for people to see, so `reserve` and `settle` may do it too."""
        return self._change(slot, trial_number=trial_number)

    def renew(self, slot: Slot, lease_seconds: float) -> bool:
        """Let the lease run for `lease_seconds` from now."""
        return self._change(slot, lease_expires_at=self._now() + lease_seconds)

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
        values: dict[str, Any] = {"digest": digest}
        if params is not None:
            values["params"] = json.dumps(dict(params))
        if trial_number is not None:
            values["trial_number"] = trial_number
        with self._storage.write() as connection:
            try:
                won = connection.execute(self._held(slot).values(values)).rowcount == 1
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
        values: dict[str, Any] = {
            "state": "settled",
            "outcome": outcome,
            "value": value,
            "reason": reason,
            "traceback": traceback,
            "lease_expires_at": None,
            "settled_at": self._now(),
        }
        if params is not None:
            values["params"] = json.dumps(dict(params))
        if trial_number is not None:
            values["trial_number"] = trial_number
        if further and value is not None:
            values["further"] = json.dumps(list(further))
        return self._change(slot, **values)

    @staticmethod
    def _held(slot: Slot) -> Any:
        """An UPDATE that changes the slot only while this attempt of this worker holds it."""
        return update(_slot).where(
            _slot.c.id == slot.id,
            _slot.c.attempt == slot.attempt,
            _slot.c.worker == slot.worker,
            _slot.c.state == "leased",
        )

    @repeatable
    def _change(self, slot: Slot, /, **values: Any) -> bool:
        with self._storage.write() as connection:
            return bool(connection.execute(self._held(slot).values(values)).rowcount == 1)


def _finite(outcome: Outcome, value: float | None, reason: str | None) -> tuple[Outcome, float | None, str | None]:
    finite = value is not None and math.isfinite(value)
    if outcome == "complete" and not finite:
        return "failed", None, reason or f"the value is {value}, not a finite number"
    return outcome, float(value) if finite and value is not None else None, reason
