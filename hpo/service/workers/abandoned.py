"""Slots whose workers died with their supervisor, so that nobody was left to give them back."""

from hpo.service.hosts.liveness import is_certainly_dead
from hpo.service.storage import Storage
from hpo.service.studies.recovery import recover
from hpo.service.studies.slots import Slots

__all__ = ["free_abandoned"]


def free_abandoned(storage: Storage, study: str, *, max_attempts: int) -> int:
    """Free what workers hold that are certainly dead, as attempts that failed; how many slots that were.

    Their leases would run out too; this spares the wait. It sees only workers of this machine.
    """
    slots = Slots(storage, max_attempts=max_attempts)
    dead = {slot.worker for slot in slots.leased(study) if slot.worker and is_certainly_dead(slot.worker)}
    freed = sum(slots.give_up(worker, "its worker died with its supervisor") for worker in dead)
    if freed:
        recover(storage, study, max_attempts=max_attempts)
    return freed
