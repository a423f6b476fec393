"""The workers there are, each with the trial it is running, and which of them would serve a study."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hpo.storage import Storage
from hpo.storage.queries.running_trials import RunningTrial, running_trials
from hpo.storage.workers.worker_registry import Roster, WorkerRecord

__all__ = ["FleetWorker", "Serving", "fleet", "serving"]


@dataclass(frozen=True, kw_only=True)
class FleetWorker:
    """One worker, on whatever machine."""

    name: str
    host: str  # its machine's name, or its container's
    pid: int  # as its own container counts
    gpu: str | None  # UUID; None: it trains on cores
    gpu_name: str | None
    threads: int | None  # it trains with; None: not settled yet
    program: str  # version of hpo
    study: str | None  # the only one it serves; None: it serves any
    doing: str  # in words, while no trial is in hand
    refuses: Mapping[str, str]  # study -> why it cannot serve it
    started_at: datetime  # UTC
    beaten_at: datetime  # last sign of life, UTC
    seconds_silent: float  # since the last sign of life
    alive: bool  # False: it is taken for dead, and whatever it had goes to others
    running_trial: RunningTrial | None


def fleet(storage: Storage) -> list[FleetWorker]:
    """Every worker on the roster, by machine and start. Raises StorageError."""
    hands = {one.worker: one for one in running_trials(storage)}
    return [_worker(record, hands.get(record.name)) for record in Roster(storage).present()]


def _worker(record: WorkerRecord, hand: RunningTrial | None) -> FleetWorker:
    return FleetWorker(
        name=record.name,
        host=record.host,
        pid=record.pid,
        gpu=record.gpu,
        gpu_name=record.gpu_name,
        threads=record.threads,
        program=record.program,
        study=record.study,
        doing=record.doing,
        refuses=record.refuses,
        started_at=datetime.fromtimestamp(record.started_at, UTC),
        beaten_at=datetime.fromtimestamp(record.beaten_at, UTC),
        seconds_silent=record.seconds_silent,
        alive=record.alive,
        running_trial=hand,
    )


@dataclass(frozen=True, kw_only=True)
class Serving:
    """The workers that give signs of life, by what they would do for one study."""

    ready: tuple[WorkerRecord, ...]  # they serve it, now or when they are done with what they have in hand
    refusing: Mapping[str, str]  # name of a worker that cannot serve it -> why


def serving(storage: Storage, study: str) -> Serving:
    """Who would serve the study of that name, which need not be there yet. Raises StorageError."""
    alive = [worker for worker in Roster(storage).present() if worker.alive and worker.study in (None, study)]
    return Serving(
        ready=tuple(worker for worker in alive if study not in worker.refuses),
        refusing={worker.name: worker.refuses[study] for worker in alive if study in worker.refuses},
    )
