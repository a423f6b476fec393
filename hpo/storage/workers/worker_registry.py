"""The workers there are, on all machines: what each says of itself, and when it was last heard of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from hpo.storage import Storage, schema
from hpo.storage.json_columns import parsed
from hpo.storage.waiting import repeatable
from hpo.storage.workers import machine_identity as this
from hpo.storage.workers.database_clock import Clock, now
from hpo.storage.workers.liveness import is_certainly_dead

__all__ = ["FORGOTTEN", "Roster", "Worker", "WorkerRecord"]

FORGOTTEN = 600.0
"""Seconds after its lease ran out for which a worker that never signed off is still shown, as silent."""

_worker = schema.workers
_LONGEST_DOING = 255  # characters


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What a worker says of itself; the defaults are true of a worker that signs itself on."""

    name: str  # liveness.identity
    pid: int  # as its own container counts
    host: str = field(default_factory=this.hostname)  # its name, for people
    machine: str = field(default_factory=this.key)  # key of the running machine; containers on one share it
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

    def __init__(self, storage: Storage, clock: Clock | None = None) -> None:
        self._storage = storage
        self._clock = clock  # seconds since 1970; None: the server's on PostgreSQL, this machine's on SQLite

    @repeatable
    def sign_on(self, worker: Worker, lease_seconds: float) -> None:
        """List the worker; what was listed under its name is replaced. Forgets those that have long been silent."""
        time = now(self._storage, self._clock)
        values = {
            **{column: getattr(worker, column) for column in _SAID},
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
        said = {"doing": None if doing is None else doing[:_LONGEST_DOING], "threads": threads, "gpu": gpu}
        said |= {"gpu_name": gpu_name, "refuses": None if refuses is None else json.dumps(dict(refuses))}
        new = {column: value for column, value in said.items() if value is not None}
        time = now(self._storage, self._clock)
        change = update(_worker).where(_worker.c.name == name)
        with self._storage.write() as connection:
            values = {**new, "beaten_at": time, "lease_expires_at": time + lease_seconds}
            return connection.execute(change.values(values)).rowcount > 0

    def sign_off(self, name: str) -> bool:
        """Take the worker off the list; whether it was on it."""
        with self._storage.write() as connection:
            return connection.execute(delete(_worker).where(_worker.c.name == name)).rowcount > 0

    @repeatable
    def present(self) -> Sequence[WorkerRecord]:
        """Every worker listed, by machine and start; the dead among them are not `alive`."""
        time = now(self._storage, self._clock).label("now")
        query = select(_worker, time).order_by(_worker.c.machine, _worker.c.started_at, _worker.c.name)
        with self._storage.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    def prune(self, after: float = FORGOTTEN) -> int:
        """Forget the workers whose lease ran out more than `after` seconds ago; how many those were."""
        before = now(self._storage, self._clock) - after
        with self._storage.write() as connection:
            return connection.execute(delete(_worker).where(_worker.c.lease_expires_at < before)).rowcount


_SAID = ("name", "host", "machine", "pid", "program", "threads", "gpu", "gpu_name", "study")


def _refusals(text: str) -> dict[str, str]:
    said = parsed(text)
    return {name: str(why) for name, why in said.items()} if isinstance(said, dict) else {}


def _read(row: Row[Any]) -> WorkerRecord:
    values: dict[str, Any] = dict(row._mapping)
    time: float = values.pop("now")
    return WorkerRecord(
        **{**values, "refuses": _refusals(values["refuses"])},
        alive=values["lease_expires_at"] > time and not is_certainly_dead(values["name"]),
        seconds_silent=max(0.0, time - values["beaten_at"]),
    )
