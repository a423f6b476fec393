"""A run on one study by one worker within this process, for what no other process can load."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from hpo.errors import HpoError, StorageError, UsageError
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.study_run import UntilSettled
from hpo.fleet.supervisor.worker_exit import dead_holders, free_abandoned
from hpo.fleet.supervisor.worker_messages import Outage
from hpo.fleet.worker.presence import Step, Watcher
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage
from hpo.storage.queries.status import Ended, Progress
from hpo.storage.slots.slot import Slot
from hpo.storage.studies import StudyRecord
from hpo.storage.waiting import PATIENCE

__all__ = ["work_here"]


def work_here(
    storage: Storage,
    record: StudyRecord,
    limits: Limits,
    *,
    until: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Settle the slots of a study in this thread, or as many as the limits allow.

    Nothing here can end a trial but the trial: what is in hand when the time is up is finished, and counts.

    Args:
        storage: where the study is.
        record: the study.
        limits: of the run.
        until: end as soon as the best value is at least this good; None: as the study has it.
        on_progress: told how far the study is, after each trial.

    Raises:
        UsageError: a limit is asked for that only the end of a process could keep.
        StudyError: the study was deleted while it ran, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: the objective cannot be run here; nothing is lost.
        KeyboardInterrupt: a person's Ctrl-C; what was in hand was given back.

    """
    for limit in ("trial_timeout", "memory_limit"):
        if getattr(limits, limit) is not None:
            raise UsageError(f"{limit} ends a worker's process, and this worker is within yours: leave it out")
    free_abandoned(storage, dead_holders(storage, record.name), max_attempts=limits.max_attempts)
    if until is not None:
        record = replace(record, until=until)
    rule = UntilSettled(
        storage, record, Outage(patience=PATIENCE), on_progress or (lambda _: None), timeout=limits.timeout
    )
    deadline = math.inf if limits.timeout is None else time.monotonic() + limits.timeout
    ended = rule.seen(1)
    while ended is None:
        ended = _served(storage, record, limits, _AfterEachTrial(rule, deadline))
    return rule.last_look(ended)


def _served(storage: Storage, record: StudyRecord, limits: Limits, watcher: "_AfterEachTrial") -> Ended | None:
    """Serve until something ends that, and say what; None where a fresh worker shall go on."""
    server = watcher.server = Server(storage, record.name, limits=limits, watcher=watcher)
    try:
        how = server.run()
    except BaseException:
        with suppress(StorageError):  # its lease runs out
            server.stop("its run was ended")
        raise
    if how == "recycled" and not watcher.trials:
        raise HpoError(f"study {record.name!r} cannot be served in this process any more: start it anew")
    return watcher.ended or watcher.rule.seen(0, at_once=True)


class _AfterEachTrial(Watcher):
    """Sees after each trial whether the run is over, and stops its worker then."""

    def __init__(self, rule: UntilSettled, deadline: float) -> None:
        self.rule = rule
        self._deadline = deadline  # monotonic seconds
        self.trials = 0  # so far
        self.ended: Ended | None = None  # why it is over
        self.server: Server | None = None

    def step(self, step: Step, slot: Slot) -> None:  # noqa: ARG002 - as Watcher
        """Look, once the slot is out of hand. Raises StudyError where going on is no use."""
        if step != "free" or self.ended is not None:
            return
        self.trials += 1
        self.ended = "timeout" if time.monotonic() > self._deadline else self.rule.seen(1)
        if self.ended is not None and self.server is not None:
            self.server.stop("its run is over")
