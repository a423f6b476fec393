"""On what terms a worker takes slots, and the words for what it does with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hpo.settings import STALL_SECONDS

if TYPE_CHECKING:
    import optuna

    from hpo.service.slots.slot import Slot

__all__ = ["Beat", "Drained", "MakeObjective", "Objective", "Step", "Terms", "Watcher"]

Beat = Callable[[], None]
Objective = Callable[["optuna.Trial"], float | Sequence[float]]
MakeObjective = Callable[[Beat], Objective]
"""Makes the objective, given what it calls once in a while as a sign of life."""

Step = Literal["claimed", "created", "trained", "settled", "told", "free"]
"""What has just been done with a slot; "free" always comes last, whatever became of it."""

Drained = Literal["drained", "recycled", "stopped"]
"""Why a server ended: there is nothing left for it, its process ought to be replaced, or it was told to."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms a worker takes slots."""

    lease_seconds: float = 60.0  # a worker that vanished unseen loses its slot after this
    stall_seconds: float = STALL_SECONDS  # without a beat the lease is no longer renewed
    max_attempts: int = 3  # crashes a slot may see before it settles as failed
    memory_limit: int | None = None  # resident bytes past which the process ought to be replaced; None: no limit


class Watcher:
    """Hears what a worker does; this one heeds nothing."""

    def step(self, step: Step, slot: "Slot") -> None:
        """Something was done with a slot."""

    def begun(self, study: str, trial: int) -> None:
        """A trial begins; what is printed until its slot is free again is its own."""

    def printed(self) -> str:
        """The end of what the trial in hand has printed so far; empty where that is nothing. From any thread."""
        return ""

    def beat(self) -> None:
        """A training shows a sign of life."""

    def renewed(self) -> None:
        """Leases are renewed, by a thread of its own; with a slot in hand or without. May raise StorageError."""

    def loading(self, study: str) -> None:
        """A study is about to be made ready, which may take a while."""

    def loaded(self, study: str) -> None:
        """It is."""

    def idle(self) -> None:
        """There is nothing to do now; told at each look for work."""
