"""Slots whose workers died with their supervisor, so that nobody was left to give them back."""

from hpo.service.hosts.liveness import is_certainly_dead
from hpo.service.slots.recovery import recover
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage

__all__ = ["free_abandoned"]


def free_abandoned(storage: Storage, study: str | None = None, *, max_attempts: int) -> int:
    """Free what workers hold that are certainly dead, as attempts that failed; how many slots that were.

    Their leases would run out too; this spares the wait. It sees only workers of this machine. `study`: the only one
    to look at; None: all there are.

    Raises:
        StorageError: the database failed.

    """
    slots = Slots(storage, max_attempts=max_attempts)
    holders = slots.holders() if study is None else {slot.worker for slot in slots.leased(study) if slot.worker}
    freed = 0
    for worker in holders:
        if is_certainly_dead(worker):
            touched = {slot.study for slot in slots.held_by(worker)}
            freed += slots.give_up(worker, "its worker died with its supervisor")
            for each in touched:
                recover(storage, each, max_attempts=max_attempts)
    return freed
