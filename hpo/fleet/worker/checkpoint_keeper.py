"""The checkpoints of the trials that a worker makes of one study: found by the slot, gone once that is settled."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo import settings
from hpo.errors import StorageError
from hpo.storage import Storage, checkpoint_files, studies
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord

if TYPE_CHECKING:
    from hpo.training import Checkpoints

__all__ = ["CheckpointKeeper", "keeper"]


def keeper(storage: Storage, record: StudyRecord) -> "CheckpointKeeper | None":
    """That of a study; None where none are kept. Raises UsageError."""
    root = settings.checkpoints_folder()
    every, most = settings.checkpoint_seconds(), settings.checkpoints_size()
    return None if root is None else CheckpointKeeper(storage, record, root=root, every=every, most=most)


class CheckpointKeeper:
    """Makes, and removes, the checkpoints of one study's slots."""

    def __init__(self, storage: Storage, record: StudyRecord, *, root: Path, every: float, most: int) -> None:
        self._slots = Slots(storage)
        self._record = record
        self._root = root
        self._every = every  # seconds
        self._most = most  # bytes of all under the root
        self._slot: Slot | None = None  # in hand
        self._checkpoints: Checkpoints | None = None  # of its trial, once that trains

    @contextlib.contextmanager
    def holding(self, slot: Slot) -> Iterator[None]:
        """While inside, checkpoints are those of this slot."""
        self._slot = slot
        try:
            yield
        finally:
            self._slot = self._checkpoints = None

    def make(self, about: Mapping[str, Any]) -> "Checkpoints | None":
        """Those of the trial in hand; `about` tells it from others. None where there is no slot."""
        from hpo.training import Checkpoints, Pace

        slot, record = self._slot, self._record
        if slot is None:
            return None
        code = studies.searched(record).version  # of the definition, as this process has it
        self._checkpoints = Checkpoints(
            checkpoint_files.slot_folder(self._root, record, slot.id),
            about={"definition": record.definition, "space": record.space, "code": code, **about},
            pace=Pace(every=self._every),
            within=self._root,
            room=lambda folder, size: checkpoint_files.make_room(self._root, folder, size, self._most),
        )
        return self._checkpoints

    def ask(self, seconds: float) -> bool:
        """Have the trial in hand leave one, if it comes to that within so many seconds; from another thread."""
        checkpoints = self._checkpoints
        return checkpoints is not None and checkpoints.ask(seconds)

    def ended(self, slot: Slot, ending: str) -> None:
        """Of an attempt at the slot: once that is settled, its checkpoints serve nobody any more."""
        if ending in ("complete", "pruned", "failed"):
            checkpoint_files.remove(self._root, self._record, slot.id)
        elif ending == "lost":  # to somebody who needs them, or it was settled or deleted meanwhile
            self.sweep()

    def sweep(self) -> None:
        """Remove those of slots that somebody else settled meanwhile."""
        with contextlib.suppress(StorageError):  # the next worker sees to it
            checkpoint_files.sweep(self._root, self._record, self._unsettled)

    def _unsettled(self, ids: Collection[int]) -> Collection[int]:
        found = self._slots.by_id(list(ids))
        return {number for number, slot in found.items() if slot.state != "settled"}
