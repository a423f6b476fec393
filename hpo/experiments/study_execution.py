"""Doing the slots of a study, and foreseeing it: what a search and a measurement have in common."""

import time
from collections.abc import Callable
from dataclasses import replace

from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.study_run import drain
from hpo.storage import Storage
from hpo.storage.queries.status import Progress, watch
from hpo.storage.studies import StudyRecord
from hpo.storage.worker_registry import serving

__all__ = ["code_changed", "execute", "fleet_workers", "remaining", "wall_seconds"]


def execute(
    storage: Storage,
    record: StudyRecord,
    limits: Limits,
    *,
    workers: int,
    until: float | None = None,
    objective: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Settle the slots of a study by workers here; with none here a fleet does it, and this only looks on.

    Arguments and errors are those of `drain`.
    """
    if not workers:
        return watch(storage, record.name, timeout=limits.timeout, on_progress=on_progress)
    return drain(storage, record, limits, workers=workers, until=until, objective=objective, on_progress=on_progress)


def remaining(limits: Limits, began: float) -> Limits:
    """The limits of what is left of a run that began at `began` (monotonic seconds): of its time, a moment at least."""
    if limits.timeout is None:
        return limits
    return replace(limits, timeout=max(0.001, limits.timeout - (time.monotonic() - began)))


def fleet_workers(storage: Storage, study: str) -> int:
    """How many workers elsewhere would serve the study of that name, be it made yet or not."""
    return len(serving(storage, study).ready)


def wall_seconds(work: float | None, slots: int, workers: int) -> float | None:
    """About how long so many slots take: `work` seconds of one worker, shared by `workers`; None: nobody can tell."""
    return None if work is None or not workers else work / min(workers, slots or 1)


def code_changed(record: StudyRecord | None, version: str) -> bool:
    """Whether the definition's code is another one than when the study was asked for last; None: it is new."""
    return record is not None and record.version not in (None, version)
