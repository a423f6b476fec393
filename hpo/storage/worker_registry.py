"""The workers there are, on all machines: what each says of itself, when it was last heard of, its trial in hand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, true

from hpo.storage import Storage, leases, schema
from hpo.storage import process_identity as this
from hpo.storage.json_columns import parsed
from hpo.storage.renewal import renew
from hpo.storage.slots.slot import STUDY, lease_runs, of_study
from hpo.storage.waiting import repeatable

__all__ = [
    "FORGOTTEN",
    "FleetWorker",
    "Roster",
    "RunningTrial",
    "Serving",
    "Worker",
    "WorkerRecord",
    "fleet",
    "running_trials",
    "said",
    "serving",
]

FORGOTTEN = 600.0
"""Seconds after its lease ran out for which a worker that never signed off is still shown, as silent."""

_worker, _slot = schema.workers, schema.slots
_LONGEST_DOING = 255  # characters


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What a worker says of itself; the defaults are true of a worker that signs itself on."""

    name: str  # process_identity.identity
    pid: int  # as its own container counts
    host: str = field(default_factory=this.hostname)  # its name, for people
    machine: str = field(default_factory=this.machine_key)  # key of the running machine; containers on one share it
    program: str = field(default_factory=this.program)  # version of hpo
    threads: int | None = None  # it trains with; None: not settled yet
    gpu: str | None = None  # UUID; None: it trains on cores
    gpu_name: str | None = None
    study: str | None = None  # the only one it serves; None: it serves any
    doing: str = ""  # in words, while no trial is in hand
    refuses: Mapping[str, str] = field(default_factory=dict)  # study -> why it cannot serve it


@dataclass(frozen=True, kw_only=True)
class WorkerRecord(Worker):
    """A worker as the roster knows it."""

    started_at: float  # when it signed on, seconds since 1970
    beaten_at: float  # last sign of life, seconds since 1970
    lease_expires_at: float  # after which it is taken for dead, seconds since 1970
    alive: bool  # its lease runs, and it is not known to have died
    seconds_silent: float  # since the last sign of life; never below 0


class Roster:
    """The workers of all machines that share one storage. Each change is one transaction, safe to repeat."""

    def __init__(self, storage: Storage, clock: leases.Clock | None = None) -> None:
        self._storage = storage
        self._clock = clock  # as `leases.now` takes it

    @repeatable
    def sign_on(self, worker: Worker, lease_seconds: float) -> None:
        """List the worker; what was listed under its name is replaced. Forgets those that have long been silent."""
        time = self._now()
        values = {
            **{each.name: getattr(worker, each.name) for each in fields(Worker)},
            "doing": worker.doing[:_LONGEST_DOING],
            "refuses": json.dumps(dict(worker.refuses)),
            "started_at": time,
            "beaten_at": time,
            "lease_expires_at": time + lease_seconds,
        }
        with self._storage.write() as connection:
            connection.execute(delete(_worker).where(_worker.c.name == worker.name))
            connection.execute(insert(_worker).values(values))
        self.prune()

    def beat(
        self,
        name: str,
        lease_seconds: float,
        *,
        doing: str | None = None,
        refuses: Mapping[str, str] | None = None,
        threads: int | None = None,
        gpu: str | None = None,
        gpu_name: str | None = None,
    ) -> bool:
        """A sign of life, and what is new; what is None stays as it is.

        False: it is not listed any more, having been silent for too long, and should sign on again.
        """
        new = said(doing=doing, refuses=refuses, threads=threads, gpu=gpu, gpu_name=gpu_name)
        return renew(self._storage, name, lease_seconds, said=new, clock=self._clock).listed

    def sign_off(self, name: str) -> bool:
        """Take the worker off the list; whether it was on it."""
        with self._storage.write() as connection:
            return connection.execute(delete(_worker).where(_worker.c.name == name)).rowcount > 0

    @repeatable
    def present(self) -> Sequence[WorkerRecord]:
        """Every worker listed, by machine and start; the dead among them are not `alive`."""
        now = self._now()
        query = select(_worker, leases.runs(_worker, now).label("alive"), now.label("now"))
        query = query.order_by(_worker.c.machine, _worker.c.started_at, _worker.c.name)
        with self._storage.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    @repeatable
    def number(self) -> int:
        """How many workers are listed, the dead among them."""
        with self._storage.read() as connection:
            return connection.execute(select(func.count()).select_from(_worker)).scalar_one()

    def prune(self, after: float = FORGOTTEN) -> int:
        """Forget the workers whose lease ran out more than `after` seconds ago; how many those were."""
        before = self._now() - after
        with self._storage.write() as connection:
            return connection.execute(delete(_worker).where(_worker.c.lease_expires_at < before)).rowcount

    def _now(self) -> ColumnElement[float]:
        return leases.now(self._storage, self._clock)


def said(
    *,
    doing: str | None = None,
    refuses: Mapping[str, str] | None = None,
    threads: int | None = None,
    gpu: str | None = None,
    gpu_name: str | None = None,
) -> dict[str, object]:
    """What is new of a worker, as columns of the roster; what is None stays as it is."""
    values = {"doing": None if doing is None else doing[:_LONGEST_DOING], "threads": threads, "gpu": gpu}
    values |= {"gpu_name": gpu_name, "refuses": None if refuses is None else json.dumps(dict(refuses))}
    return {column: value for column, value in values.items() if value is not None}


def _read(row: Row[Any]) -> WorkerRecord:
    values: dict[str, Any] = dict(row._mapping)
    refuses = parsed(values["refuses"])
    values["refuses"] = {name: str(why) for name, why in refuses.items()} if isinstance(refuses, dict) else {}
    values["alive"] = leases.is_alive(row.name, lease_runs=row.alive)
    values["seconds_silent"] = max(0.0, values.pop("now") - row.beaten_at)
    return WorkerRecord(**values)


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """What one worker is doing."""

    study: str  # name
    worker: str  # name
    position: int  # of the slot in the study, from 0
    attempt: int  # of the slot, from 1
    trial: int | None  # Optuna's number; None: the trial is not made yet
    since: datetime  # of the claim, UTC


def running_trials(storage: Storage, study: str | None = None) -> tuple[RunningTrial, ...]:
    """What is in anybody's hand in a study, or in all of them, by worker; a lease that ran out is in nobody's.

    Raises StorageError.
    """
    query = select(
        STUDY.label("study"),
        _slot.c.worker,
        _slot.c.position,
        _slot.c.attempt,
        _slot.c.trial_number.label("trial"),
        _slot.c.started_at.label("since"),
    ).where(lease_runs(leases.now(storage)), true() if study is None else of_study(study))
    with storage.read() as connection:
        rows = connection.execute(query.order_by(_slot.c.worker, "study", _slot.c.position)).all()
    return tuple(RunningTrial(**{**row._mapping, "since": _utc(row.since)}) for row in rows)


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
    shared = {each.name for each in fields(FleetWorker)} & {each.name for each in fields(WorkerRecord)}
    return [
        FleetWorker(
            **{name: getattr(record, name) for name in shared}
            | {"started_at": _utc(record.started_at), "beaten_at": _utc(record.beaten_at)},
            running_trial=hands.get(record.name),
        )
        for record in Roster(storage).present()
    ]


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


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
