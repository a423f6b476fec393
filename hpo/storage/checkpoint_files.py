"""Where the checkpoints of slots lie, who may have room there, and when they go.

A slot has a folder, in the folder of its study; in it lie the files of its trainings, as `hpo.training.checkpoints`
writes them. Nothing here looks into them. Which are in hand nobody can ask a database for: several may share the
folder. Who has one in hand gives signs of life in it.
"""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from hpo.settings import STALL_SECONDS
from hpo.storage import kept_models
from hpo.storage.studies.study_record import StudyRecord

__all__ = ["make_room", "remove", "remove_study", "slot_folder", "sweep"]

_SLOT = re.compile(r"slot-(\d+)")
_IN_HAND = STALL_SECONDS  # without a sign for so long somebody is taken for hung


@dataclass(frozen=True, kw_only=True)
class _Held:
    """The checkpoints of one slot."""

    folder: Path
    size: int  # bytes
    sign: float  # when somebody last gave a sign, as the file system's clock has it


def slot_folder(root: Path, record: StudyRecord, slot: int) -> Path:
    """The folder of the slot of that id; another one for a later study of its name."""
    return kept_models.folder(root, record) / f"slot-{slot}"


def remove(root: Path, record: StudyRecord, slot: int) -> None:
    """Remove the checkpoints of a slot."""
    _remove(slot_folder(root, record, slot))


def remove_study(root: Path, record: StudyRecord) -> None:
    """Remove all checkpoints of a study: it is deleted."""
    folder = kept_models.folder(root, record)
    for slot in _slots(folder).values():
        _remove(slot)
    _remove_empty(folder)


def sweep(root: Path, record: StudyRecord, unsettled: Callable[[Collection[int]], Collection[int]]) -> None:
    """Remove those of slots that were settled by somebody else than who left them, such as by their last crash.

    Args:
        root: of all checkpoints.
        record: the study.
        unsettled: says which of these slots, by id, are not settled.

    Raises:
        StorageError: the database failed.

    """
    study = kept_models.folder(root, record)
    found = _slots(study)
    if found:
        still = unsettled(list(found))
        for slot, folder in found.items():
            if slot not in still:
                _remove(folder)
    _remove_empty(study)


def make_room(root: Path, folder: Path, size: int, most: int) -> bool:
    """Whether `size` more bytes may be written in a slot's folder; the oldest not in hand are removed for it.

    Args:
        root: of all checkpoints.
        folder: of the slot that asks.
        size: bytes of what it writes, in place of a file it has or beside it.
        most: bytes that all may have together.

    """
    held = [found for found in _all(root) if found.folder != folder]
    total = sum(each.size for each in held) + _size(folder) + size
    oldest_sign = time.time() - _IN_HAND
    for each in sorted(held, key=lambda one: one.sign):
        if total <= most or each.sign > oldest_sign:
            break
        _remove(each.folder)
        total -= each.size
    return total <= most


def _all(root: Path) -> list[_Held]:
    found = []
    for study in _folders(root):
        for slot in _slots(study).values():
            with contextlib.suppress(OSError):
                found.append(_Held(folder=slot, size=_size(slot), sign=slot.stat().st_mtime))
    return found


def _size(folder: Path) -> int:
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # gone meanwhile
                total += entry.stat(follow_symlinks=False).st_size
    return total


def _slots(study: Path) -> dict[int, Path]:
    found = ((_SLOT.fullmatch(each.name), each) for each in _folders(study))
    return {int(match[1]): each for match, each in found if match}


def _folders(parent: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _remove(slot: Path) -> None:
    shutil.rmtree(slot, ignore_errors=True)


def _remove_empty(study: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it, or it is gone
        study.rmdir()
