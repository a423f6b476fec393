"""A study that plain Optuna made, read from wherever it lies; nothing there is changed.

A database of Optuna 4 has the local times of the machine that wrote it, which Optuna 5 takes for UTC.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.errors import StorageError, StudyError
from hpo.files import expanded
from hpo.messages import did_you_mean
from hpo.optuna_internals import METRIC_NAMES, library_version
from hpo.storage.opening import open_foreign
from hpo.study import Direction
from hpo.study.direction import MAXIMIZE, MINIMIZE

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["ForeignStudy", "read_foreign"]

_UTC_SINCE = 5  # the first Optuna whose databases have times in UTC


@dataclass(frozen=True, kw_only=True)
class ForeignStudy:
    """A study as Optuna had it when it was read."""

    name: str
    directions: tuple[Direction, ...]  # one an objective
    metrics: tuple[str, ...]  # what its values are called; empty: it does not say
    user: Mapping[str, Any]  # attributes
    system: Mapping[str, Any]  # attributes
    trials: "Sequence[FrozenTrial]"  # by number; their times are local ones, as Optuna has them
    corrected: bool  # whether the times had to be put right


def read_foreign(source: str, name: str, *, zone: tzinfo | None = None) -> ForeignStudy:
    """The study of that name.

    Args:
        source: URL of a storage of Optuna's, or the path of its journal.
        name: of the study.
        zone: of the machine that wrote a database of Optuna 4; None: this machine's.

    Raises:
        UsageError: it is no storage URL.
        StorageError: there is none, or it cannot be read.
        StudyError: it has no such study.

    """
    if "://" not in source:
        return _of(_journal(expanded(source)), source, name, local=False, zone=zone)
    with closing(open_foreign(source)) as opened:
        version = library_version(opened.rdb_inner)
        local = version is not None and version < _UTC_SINCE
        return _of(opened.rdb, opened.safe_url, name, local=local, zone=zone)


def _journal(path: Path) -> "BaseStorage":
    """The storage of a journal. Raises StorageError."""
    if not path.is_file():
        raise StorageError(f"there is no journal {path}, and a database is named by its URL: sqlite:///{path}")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    with path.open("rb") as file:
        if not file.read(1).startswith(b"{"):
            raise StorageError(f"{path} is no journal of Optuna; a database is named by its URL: sqlite:///{path}")
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except Exception as error:
        raise StorageError(f"{path} is no journal of Optuna: {error}") from error


def _of(storage: "BaseStorage", where: str, name: str, *, local: bool, zone: tzinfo | None) -> ForeignStudy:
    from optuna.study import StudyDirection

    names = [study.study_name for study in storage.get_all_studies()]
    if name not in names:
        some = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        there = did_you_mean(name, names, f"there is: {some or 'none'}")
        raise StudyError(f"{where} has no study {name!r}; {there}")
    study = storage.get_study_id_from_name(name)
    directions = storage.get_study_directions(study)
    if StudyDirection.NOT_SET in directions:
        raise StudyError(f"study {name!r} in {where} does not say which values are better")
    system = dict(storage.get_study_system_attrs(study))
    return ForeignStudy(
        name=name,
        directions=tuple(MAXIMIZE if each == StudyDirection.MAXIMIZE else MINIMIZE for each in directions),
        metrics=tuple(system.pop(METRIC_NAMES, ())),
        user=dict(storage.get_study_user_attrs(study)),
        system=system,
        trials=[_timed(trial, zone) if local else trial for trial in storage.get_all_trials(study)],
        corrected=local,
    )


def _timed(trial: "FrozenTrial", zone: tzinfo | None) -> "FrozenTrial":
    """The trial with its times put right; it is a copy of ours already."""
    trial.datetime_start = _local(trial.datetime_start, zone)
    trial.datetime_complete = _local(trial.datetime_complete, zone)
    return trial


def _local(taken: datetime | None, zone: tzinfo | None) -> datetime | None:
    """A time as this machine's clock had it, of one that stands there in the clock of `zone` and was taken for UTC."""
    if taken is None:
        return None
    written = taken.astimezone(UTC).replace(tzinfo=zone)
    return written if zone is None else written.astimezone().replace(tzinfo=None)
