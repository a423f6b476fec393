"""Watching a study that others work at."""

import time
from collections.abc import Callable
from dataclasses import replace

from hpo.storage import Storage
from hpo.storage.queries.progress import Ended, Progress, paced, snapshot
from hpo.storage.studies.repository import get
from hpo.storage.studies.study_record import StudyRecord

__all__ = ["watch"]

_LOOK = 0.5  # seconds between looks at the least
_SHARE = 10  # times as long as a look took, so that watching costs a tenth of a database's time at the most


def watch(
    storage: Storage,
    study: str,
    *,
    timeout: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Look on until a study is settled, or is stopped or good enough and nothing of it is in hand any more.

    Ctrl-C ends the watching, and nothing else: nothing here is at work.

    Args:
        storage: where the study is.
        study: its name.
        timeout: seconds to watch for at the most.
        on_progress: told how far the study is, about twice a second.

    Raises:
        StudyError: there is no such study, or it was deleted meanwhile.
        StorageError: the database stayed away.

    """
    began = time.monotonic()
    first: Progress | None = None
    seen: Progress | None = None
    try:
        while True:
            looked = time.monotonic()
            record, now = _look(storage.patient, study)
            first = first or now
            elapsed = time.monotonic() - began
            late = timeout is not None and elapsed >= timeout
            seen = replace(paced(now, first, elapsed), ended=_ended(record, now) or ("timeout" if late else None))
            if on_progress is not None:
                on_progress(seen)
            if seen.ended is not None:
                return seen
            time.sleep(max(_LOOK, _SHARE * (time.monotonic() - looked)))
    except KeyboardInterrupt:
        if seen is None:
            raise
        return replace(seen, ended="interrupted")


def _look(storage: Storage, study: str) -> tuple[StudyRecord, Progress]:
    record = get(storage, study)
    return record, snapshot(storage, study, direction=record.direction)


def _ended(record: StudyRecord, seen: Progress) -> Ended | None:
    """What is in hand is waited for: it counts."""
    if seen.settled == seen.target:
        return "done"
    if seen.running:
        return None
    if record.stopped_at is not None:
        return "stopped"
    return "until" if seen.best is not None and record.reached(seen.best.value, seen.best.trainings) else None
