"""Models of a search's best trials, kept as files as they are found: where they are, which are kept, what each says.

A file is Keras's own, with a note of ours in its archive, so that both come into being in one step. Which trials are
worth one follows from the slots alone, at any time and in any process.
"""

import contextlib
import errno
import json
import re
import zipfile
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hpo.files import folder_name
from hpo.settings import MOST_KEPT_MODELS
from hpo.storage.slots.slot import Slot, incumbents
from hpo.storage.studies.study_record import StudyRecord

__all__ = [
    "NOTE",
    "KeptModel",
    "Removed",
    "file_of",
    "find",
    "folder",
    "kept_trials",
    "prune",
    "read",
    "remove",
]

NOTE = "hpo.json"
"""What is in a file beside what Keras puts there."""

_FILE = re.compile(r"trial-(\d+)\.keras")
_PARTS = ".trial-*.part.keras"  # what `replacing` writes before it is whole
_LONGEST = 10_000_000  # bytes of a note


@dataclass(frozen=True, kw_only=True)
class KeptModel:
    """The model of one training of a search, as it was when that ended."""

    file: Path
    size: int  # bytes
    trial: int  # Optuna's number
    value: float  # on the validation rows it was judged by; of several folds, on the first one's
    folds: int  # trainings its trial was; more than 1: the model is the first one's
    history: tuple[Mapping[str, float | None], ...]  # of each epoch: number, loss, train, validation, seconds


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What became of the models of a study that was deleted."""

    folder: Path  # where they were
    models: int  # removed
    size: int  # bytes of these
    left: str | None  # why the folder, and maybe some of them, are still there; None: it is not


def folder(root: Path, record: StudyRecord) -> Path:
    """Where the models of a study are: another folder for a later study of its name."""
    made = datetime.fromtimestamp(record.created_at, UTC)
    return root / f"{folder_name(record.name)}-{made:%Y%m%d-%H%M%S}"


def file_of(root: Path, record: StudyRecord, trial: int) -> Path:
    """The file of a trial's model."""
    return folder(root, record) / f"trial-{trial}.keras"


def kept_trials(slots: Iterable[Slot], direction: str, most: int) -> dict[int, int]:
    """The trials whose models are kept, and the place of each one's configuration among those, from 0.

    They are those of the best configurations, as `incumbents` orders them: what was confirmed comes first. More than
    one is kept so that the next is there where the best is trained once more and falls behind. Each training of one
    counts, as the first that was kept stays.

    Args:
        slots: of the search; those of its highest fidelity count.
        direction: maximize or minimize.
        most: so many configurations.

    """
    its = [slot for slot in slots if slot.outcome == "complete" and slot.highest and slot.trial_number is not None]
    places = {one.slot.digest or one.slot.id: place for place, one in enumerate(incumbents(its, direction)[:most])}
    found = ((slot.trial_number, places.get(slot.digest or slot.id)) for slot in its)
    return {trial: place for trial, place in found if trial is not None and place is not None}


def prune(root: Path, record: StudyRecord, kept: Callable[[], Container[int]]) -> None:
    """Remove the models of trials that fell behind.

    Args:
        root: of all models.
        record: the study.
        kept: says which trials' models are kept, as `kept_trials` does; asked after the files are listed, so that none
            is taken for one that fell behind because it is new.

    Raises:
        StorageError: the database failed.

    """
    files = _files(folder(root, record))
    if files:
        still = kept()
        for trial, file in files.items():
            if trial not in still:
                with contextlib.suppress(OSError):
                    file.unlink()


def find(root: Path, record: StudyRecord, slots: Iterable[Slot], trial: int | None) -> KeptModel | None:
    """The kept model of a trial's configuration, or of the best one; None where there is none here."""
    files, kept = _files(folder(root, record)), kept_trials(slots, record.direction, MOST_KEPT_MODELS)
    place = 0 if trial is None else kept.get(trial)
    for number in sorted(files):
        if kept.get(number) == place and place is not None:
            found = read(files[number])
            if found is not None:
                return found
    return None


def remove(root: Path, record: StudyRecord) -> Removed:
    """Remove all models of a study, and its folder where nothing else is in it.

    A file that only has the name of one, and is none of ours, stays; so does what cannot be removed.
    """
    where = folder(root, record)
    sizes: list[int] = []
    why: str | None = None
    try:
        for part in where.glob(_PARTS):  # of a process that was killed while it wrote
            part.unlink(missing_ok=True)
        for model in map(read, _files(where).values()):
            if model is not None:
                model.file.unlink(missing_ok=True)
                sizes.append(model.size)
        where.rmdir()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        full = error.errno in (errno.ENOTEMPTY, errno.EEXIST)
        why = "files of others are in it" if full else error.strerror or str(error)
    return Removed(folder=where, models=len(sizes), size=sum(sizes), left=why)


def read(file: Path) -> KeptModel | None:
    """What a file says of its model; None where it is none of ours, or gone."""
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(NOTE).file_size > _LONGEST:
                return None
            note = json.loads(archive.read(NOTE))
        return KeptModel(
            file=file,
            size=file.stat().st_size,
            trial=int(note["trial"]),
            value=float(note["value"]),
            folds=int(note["folds"]),
            history=tuple(dict(epoch) for epoch in note["history"]),
        )
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError):
        return None


def _files(where: Path) -> dict[int, Path]:
    """The files there by number of the trial."""
    with contextlib.suppress(OSError):
        found = ((_FILE.fullmatch(path.name), path) for path in where.iterdir())
        return {int(match[1]): path for match, path in found if match}
    return {}
