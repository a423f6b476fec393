"""The end of a worker: how and why it came, and putting in order in the database what the worker left."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from hpo.errors import StorageError
from hpo.fleet.machine.gpu_leases import Seats
from hpo.fleet.worker.captured_output import KEPT
from hpo.fleet.worker.protocol import Ended
from hpo.storage import Storage
from hpo.storage.process_identity import is_certainly_dead
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slots import Slots
from hpo.storage.worker_registry import Roster

__all__ = ["How", "WorkerExit", "clean_up", "dead_holders", "free_abandoned"]

How = Ended | Literal["error", "overran", "memory", "crashed"]


@dataclass(frozen=True, kw_only=True)
class WorkerExit:
    """How and why a worker process ended, and what it was at."""

    name: str
    how: How
    # drained, recycled, stopped: in order, see `protocol.Ended`; error: it cannot go on, in its own words; overran: its
    # trial took too long; memory: ran out; crashed: all else
    why: str = ""  # one line
    usage: bool = False  # whether an error is about what was asked for
    study: str | None = None  # the one whose slot it had last
    loading: str | None = None  # the one that it was making ready
    signal: int | None = None  # number of the signal that ended it, if one did
    began: float = 0.0  # monotonic seconds of its start
    printed: str = ""  # the last lines it wrote since it took that slot

    @property
    def is_failure(self) -> bool:
        """Whether neither it nor its supervisor meant it to end."""
        return self.how in ("overran", "memory", "crashed")


def clean_up(storage: Storage, exited: WorkerExit, *, max_attempts: int) -> None:
    """Free or settle the slot a worker held, fail its trial, take it off the roster. It may be done again.

    Raises:
        StorageError: the database failed; doing it again goes on.

    """
    slots = Slots(storage, max_attempts=max_attempts)
    why = storage.where.hide(exited.why)  # whatever its last words were
    held = slots.held_by(exited.name)
    if exited.is_failure and exited.printed:  # else it has kept that itself
        printed = storage.where.hide(exited.printed)[-KEPT:]
        for slot in held:
            slots.keep_output(slot, printed)
    if exited.how in ("drained", "recycled", "stopped", "error"):
        slots.hand_back_all(exited.name, "its worker ended")
    elif exited.how == "overran":  # unlike one that crashed it would take as long again
        for slot in held:
            slots.settle(slot, "failed", reason=why)
    elif exited.how == "memory":
        slots.out_of_memory(exited.name, why)
    else:
        slots.give_up(exited.name, why)
    if exited.how not in ("drained", "recycled"):
        for study in sorted({slot.study for slot in held} | ({exited.study} if exited.study else set())):
            recover(storage, study, max_attempts=max_attempts)
    with contextlib.suppress(StorageError):  # where the database is away, its leases run out
        Seats(storage).release(exited.name)
        Roster(storage).sign_off(exited.name)


def dead_holders(storage: Storage, study: str | None = None) -> set[str]:
    """The workers of this machine that hold slots and are dead, by name.

    Args:
        storage: where the slots are.
        study: the only one to look at; None: all there are.

    Raises:
        StorageError: the database failed.

    """
    return {worker for worker in Slots(storage).holders(study) if is_certainly_dead(worker)}


def free_abandoned(storage: Storage, workers: Collection[str], *, max_attempts: int) -> int:
    """Free what these workers hold, which died with their supervisor, as attempts that failed; how many slots.

    Their leases would run out too; this spares the wait. It may be done again.

    Raises:
        StorageError: the database failed.

    """
    slots = Slots(storage, max_attempts=max_attempts)
    freed = 0
    for worker in workers:
        touched = {slot.study for slot in slots.held_by(worker)}
        freed += slots.give_up(worker, "its worker died with its supervisor")
        for each in touched:
            recover(storage, each, max_attempts=max_attempts)
    return freed
