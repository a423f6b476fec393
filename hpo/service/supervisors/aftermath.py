"""Putting in order, in the database, what a worker left that has ended."""

import contextlib

from hpo.errors import StorageError
from hpo.service.hosts.roster import Roster
from hpo.service.hosts.seats import Seats
from hpo.service.slots.recovery import recover
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage
from hpo.service.supervisors.crew import Gone
from hpo.service.workers.output import KEPT

__all__ = ["forget", "settle_accounts"]


def settle_accounts(storage: Storage, gone: Gone, *, max_attempts: int) -> None:
    """Free or settle the slot a worker held, fail its trial, take it off the roster. It may be done again.

    Raises:
        StorageError: the database failed; doing it again goes on.

    """
    slots = Slots(storage, max_attempts=max_attempts)
    why = storage.where.hide(gone.why)  # whatever its last words were
    if gone.how in ("overran", "memory", "crashed"):  # else it has kept that itself
        printed = storage.where.hide(gone.printed)[-KEPT:]
        for slot in slots.held_by(gone.name) if printed else ():
            slots.keep_output(slot, printed)
    touched = {slot.study for slot in slots.held_by(gone.name)} | ({gone.study} if gone.study else set())
    if gone.how in ("drained", "recycled", "stopped", "error"):
        slots.hand_back_all(gone.name, "its worker ended")
    elif gone.how == "overran":  # unlike one that crashed it would take as long again
        for slot in slots.held_by(gone.name):
            slots.settle(slot, "failed", reason=why)
    elif gone.how == "memory":
        slots.out_of_memory(gone.name, why)
    else:
        slots.give_up(gone.name, why)
    if gone.how not in ("drained", "recycled"):
        for study in sorted(touched):
            recover(storage, study, max_attempts=max_attempts)
    forget(storage, gone.name)


def forget(storage: Storage, worker: str) -> None:
    """Take a worker off the roster, and off its GPU; where the database is away, its leases run out."""
    with contextlib.suppress(StorageError):
        Seats(storage).release(worker)
        Roster(storage).sign_off(worker)
