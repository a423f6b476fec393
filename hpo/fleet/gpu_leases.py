"""Who trains on which GPU: a seat is a lease of one GPU, kept in the shared storage and scoped to its machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, select

from hpo.fleet.gpus import Gpu
from hpo.storage import Storage, leases, process_identity, schema
from hpo.storage.renewal import renew
from hpo.storage.waiting import repeatable

__all__ = ["Seat", "Seats"]

_seat = schema.gpus


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One worker's lease of a GPU."""

    machine: str  # key of the running machine
    uuid: str  # of the GPU
    seat: int  # from 0: which of the workers that share the GPU
    worker: str  # its name
    lease_expires_at: float  # seconds since 1970
    alive: bool  # its lease runs, and its worker is not known to have died


class Seats:
    """The seats of all machines that share one storage. Each change is one transaction, safe to repeat."""

    def __init__(self, storage: Storage, clock: leases.Clock | None = None) -> None:
        self._storage = storage
        self._clock = clock  # seconds since 1970; None: the server's on PostgreSQL, this machine's on SQLite

    @repeatable
    def take(self, gpus: Sequence[Gpu], worker: str, *, per_gpu: int = 1, lease_seconds: float) -> Gpu | None:
        """A seat on the GPU of `gpus`, all of this machine, that the fewest workers share; None where all are full.

        At most `per_gpu` workers sit on a GPU. Of GPUs as empty as one another the first is taken. Seats whose lease
        ran out, and those of workers that certainly died on this machine, are free. A worker that has a seat keeps it.
        """
        here = process_identity.machine_key()
        with self._storage.exclusive() as connection:
            seats = self._clear(connection, here)
            mine = {seat.uuid for seat in seats if seat.worker == worker}
            kept = next((gpu for gpu in gpus if gpu.uuid in mine), None)
            if kept is not None:
                renew(self._storage, worker, lease_seconds, listed=False, seated=True, clock=self._clock)
                return kept
            load = Counter(seat.uuid for seat in seats)
            free = [gpu for gpu in gpus if load[gpu.uuid] < per_gpu]
            if not free:
                return None
            gpu = min(free, key=lambda gpu: load[gpu.uuid])
            taken = {seat.seat for seat in seats if seat.uuid == gpu.uuid}
            row = {
                "machine": here,
                "uuid": gpu.uuid,
                "seat": next(number for number in range(len(taken) + 1) if number not in taken),
                "worker": worker,
                "lease_expires_at": self._until(lease_seconds),
            }
            connection.execute(_seat.insert().values(row))
            return gpu

    def release(self, worker: str) -> bool:
        """Free the worker's seat; whether it had one."""
        with self._storage.write() as connection:
            return connection.execute(delete(_seat).where(_seat.c.worker == worker)).rowcount > 0

    def held(self) -> Sequence[Seat]:
        """Every seat of every machine, by machine and GPU, those included whose lease ran out and nobody took."""
        with self._storage.read() as connection:
            return [_read(row) for row in connection.execute(self._query())]

    def _clear(self, connection: Connection, here: str) -> Sequence[Seat]:
        """Free this machine's seats that nobody holds any more; those that are left."""
        seats = [_read(row) for row in connection.execute(self._query().where(_seat.c.machine == here))]
        gone = {seat.worker for seat in seats if not seat.alive}
        if gone:
            connection.execute(delete(_seat).where(_seat.c.machine == here, _seat.c.worker.in_(gone)))
        return [seat for seat in seats if seat.worker not in gone]

    def _query(self) -> Select[Any]:
        runs = leases.runs(_seat, leases.now(self._storage, self._clock)).label("alive")
        return select(_seat, runs).order_by(_seat.c.machine, _seat.c.uuid, _seat.c.seat)

    def _until(self, lease_seconds: float) -> ColumnElement[float]:
        return leases.now(self._storage, self._clock) + lease_seconds


def _read(row: Row[Any]) -> Seat:
    return Seat(**{**row._mapping, "alive": leases.is_alive(row.worker, lease_runs=row.alive)})
