"""A worker's place in the fleet: its row in the roster, its seat on a GPU, and who is told of what it does."""

import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from hpo.errors import StorageError
from hpo.fleet import gpus
from hpo.fleet.gpu_leases import Seats
from hpo.fleet.gpus import Gpu
from hpo.fleet.resources import share
from hpo.storage import Storage, worker_registry
from hpo.storage.renewal import Renewed, renew
from hpo.storage.worker_registry import Roster, Worker

if TYPE_CHECKING:
    from hpo.storage.slots.slot import Slot

__all__ = ["Presence", "Step", "Watcher"]

Step = Literal["claimed", "created", "trained", "settled", "promoted", "told", "free"]
"""What has just been done with a slot; "free" always comes last, whatever became of it."""
_log = logging.getLogger("hpo.worker")
_LOOK_FOR_A_SEAT = 2.0  # seconds between looks for a free GPU
_NEWS = ("doing", "refuses", "threads", "gpu", "gpu_name")  # fields of a worker that change


class Watcher:
    """Is told what a worker does, and heeds nothing: what is of no account to a test."""

    def step(self, step: Step, slot: "Slot") -> None:
        """Something was done with a slot."""

    def begun(self, study: str, trial: int) -> None:
        """A trial begins; what is printed until its slot is free again is its own."""

    def printed(self) -> str:
        """The end of what the trial in hand has printed so far; empty where that is nothing. From any thread."""
        return ""

    def beat(self) -> None:
        """A training shows a sign of life."""

    def loading(self, study: str) -> None:
        """A study is about to be made ready, which may take a while."""

    def loaded(self, study: str) -> None:
        """The study is ready to be served."""

    def idle(self) -> None:
        """There is nothing to do now; told at each look for work."""


class Presence:
    """Says that a worker is there, what it does and what it cannot do, and holds its GPU; until `sign_off`."""

    def __init__(self, storage: Storage, me: Worker, *, lease_seconds: float) -> None:
        self._me = me  # as the roster has it, or will at the next beat
        self._storage = storage
        self._roster, self._seats = Roster(storage), Seats(storage)
        self._waiting = storage.patient  # what must be known before anything begins is waited for
        self._lease = lease_seconds
        self._gpu: Gpu | None = None
        self._per_gpu = 1

    def sign_on(self) -> None:
        """Enter the roster. Raises StorageError."""
        Roster(self._waiting).sign_on(self._me, self._lease)

    def take_gpu(self, *, per_gpu: int, sleep: Callable[[float], bool]) -> None:
        """A seat on a GPU of this machine, waited for as long as it takes; TensorFlow will see that GPU alone.

        None is taken where the machine has no GPU, nor once `sleep`, which waits for so many seconds, says to wait no
        longer. Raises StorageError.
        """
        there, seats = gpus.listed(), Seats(self._waiting)
        about = {"worker": self._me.name}
        waiting = False
        while there:
            taken = seats.take(there, self._me.name, per_gpu=per_gpu, lease_seconds=self._lease)
            if taken is not None:
                self._gpu, self._per_gpu = taken, per_gpu
                os.environ["CUDA_VISIBLE_DEVICES"] = taken.uuid
                self.say(gpu=taken.uuid, gpu_name=taken.name, doing="starting")
                _log.info(f"took {taken.name} {taken.uuid}", extra=about)
                return
            if not waiting:
                waiting = True
                _log.warning("waiting for a GPU: others hold every seat", extra=about)
            self.say(doing="waiting for a GPU")
            if sleep(_LOOK_FOR_A_SEAT):
                return

    def take_cores(self, most: int) -> int:
        """Threads to train with: this worker's share of the cores among all workers of this machine that have no GPU.

        Those of other supervisors, in other containers, count, too. Whoever was there before keeps what it took, as
        TensorFlow is told its threads once. `most`: the share among its own supervisor's workers, which is the largest
        there is. Raises StorageError.
        """
        me = self._me
        there = Roster(self._waiting).present()
        beside = sum(each.alive and each.machine == me.machine and each.gpu is None for each in there)
        threads = min(most, share(beside))
        self._me = replace(me, threads=threads)
        return threads

    def say(self, *, now: bool = True, **changes: Any) -> None:
        """What is new of it, by fields of `Worker`; the roster hears of it now, if it can, else at the next beat."""
        self._me = replace(self._me, **changes)
        if now:
            with contextlib.suppress(StorageError):
                self.renew()

    def renew(self, slot: "Slot | None" = None) -> Renewed:
        """A sign of life: renew all it holds, and the slot it has in hand; what of that it still has.

        What was lost while it slept, and nobody took meanwhile, is had again. Raises StorageError.
        """
        me, gpu = self._me, self._gpu
        said = worker_registry.said(**{field: getattr(me, field) for field in _NEWS})
        kept = renew(self._storage, me.name, self._lease, said=said, slot=slot, seated=gpu is not None)
        if not kept.listed:
            self._roster.sign_on(me, self._lease)
        if gpu is not None and not kept.seat:
            taken = self._seats.take([gpu], me.name, per_gpu=self._per_gpu, lease_seconds=self._lease)
            kept = replace(kept, seat=taken is not None)
        return kept

    def sign_off(self) -> None:
        """Leave the roster and the GPU. Raises StorageError."""
        self._seats.release(self._me.name)
        self._roster.sign_off(self._me.name)
