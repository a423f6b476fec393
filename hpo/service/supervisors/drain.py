"""Running workers on a study until its slots are settled: what a search and a measurement have in common."""

import math
from collections.abc import Callable
from dataclasses import replace

from hpo.service.hosts import gpus
from hpo.service.slots.recovery import recover
from hpo.service.storage import Storage
from hpo.service.studies import StudyRecord
from hpo.service.supervisors.abandoned import free_abandoned
from hpo.service.supervisors.effort import Effort
from hpo.service.supervisors.ordering import work_order
from hpo.service.supervisors.supervisor import Limits, Supervisor
from hpo.service.views.progress import Progress, snapshot

__all__ = ["drain"]


def drain(
    storage: Storage,
    record: StudyRecord,
    effort: Effort,
    *,
    workers: int,
    until: float | None = None,
    objective: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Settle the slots of a study, or as many as the limits allow; a study that is settled starts no worker.

    Args:
        storage: where the study is.
        record: the study.
        effort: the limits of the run.
        workers: processes to start, no more than there is work for.
        until: end as soon as the best value is at least this good.
        objective: as `WorkOrder.objective`.
        on_progress: told a few times a second how far the study is.

    Raises:
        StudyError: the study was deleted while it ran, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    on_progress = on_progress or _ignore
    free_abandoned(storage, record.name, max_attempts=effort.max_attempts)
    recover(storage, record.name, max_attempts=effort.max_attempts)
    now = snapshot(storage, record.name, direction=record.direction)
    if now.settled == now.target:
        now = replace(now, ended="done")
        on_progress(now)
        return now
    there = gpus.listed()
    per_gpu = math.ceil(workers / len(there)) if there else 1
    order = work_order(storage, effort, processes=workers, there=there, workers_per_gpu=per_gpu)
    order = replace(order, study=record.name, objective=objective)
    limits = Limits(
        timeout=effort.timeout,
        trial_timeout=effort.trial_timeout,
        stall_seconds=effort.stall_seconds,
        until=until,
    )
    supervisor = Supervisor(storage, record, order, workers=workers, limits=limits, on_progress=on_progress)
    with storage.holdings.study(record.name, record.id, record.created_at):
        return supervisor.run()


def _ignore(progress: Progress) -> None:
    """The callback of whoever wants none."""
