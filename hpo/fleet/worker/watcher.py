"""Who is told of what a worker does: its supervisor and the roster, in a process of its own; nobody, in a test."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hpo.storage.slots.slot import Slot

__all__ = ["Step", "Watcher"]

Step = Literal["claimed", "created", "trained", "settled", "promoted", "told", "free"]
"""What has just been done with a slot; "free" always comes last, whatever became of it."""


class Watcher:
    """Is told what a worker does; this one heeds nothing."""

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
        """The study is ready to be served."""

    def idle(self) -> None:
        """There is nothing to do now; told at each look for work."""
