"""A PgBouncer of a test's own before a PostgreSQL server: each transaction may be given another session of it."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

__all__ = ["MISSING", "PROGRAM", "PgBouncer", "pooled"]

PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
MISSING = "there is no pgbouncer: apt-get install pgbouncer"

_PORT = 6432  # of the socket's name; nothing listens on a network
_SECONDS = 30.0  # to start
_SETTINGS = """
[databases]
* = host={server} port={port}
[pgbouncer]
listen_addr =
listen_port = {own}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = {clients}
logfile = {folder}/log
pidfile = {folder}/pid
"""


class PgBouncer:
    """One that pools transactions."""

    def __init__(self, server: Path, *, sessions: int, clients: int = 200, port: int = 5432) -> None:
        """Start it.

        Args:
            server: folder of the server's socket.
            sessions: of the server, for each database and user.
            clients: connections it takes.
            port: of the server.

        """
        assert PROGRAM is not None
        self._program = PROGRAM
        self._folder = Path(tempfile.mkdtemp(prefix="hpo-pooler-"))
        names = {"server": server, "port": port, "own": _PORT, "folder": self._folder}
        (self._folder / "pgbouncer.ini").write_text(_SETTINGS.format(**names, sessions=sessions, clients=clients))
        (self._folder / "users.txt").write_text('"postgres" ""\n"fleet" ""\n')
        self._user = None
        if os.geteuid() == 0:  # it refuses to run as root
            self._user = server.owner()  # who can reach the socket
            self._folder.chmod(0o755)
            shutil.chown(self._folder, self._user)
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def url(self, database: str, *, user: str = "postgres") -> str:
        return f"postgresql://{user}:@/{database}?host={self._folder}&port={_PORT}"

    def start(self) -> None:
        """Start it; it answers when this returns."""
        command = [self._program, str(self._folder / "pgbouncer.ini")]
        self._process = subprocess.Popen(
            command, user=self._user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once; whoever is connected loses the connection."""
        self._process.kill()
        self._process.wait()
        (self._folder / "pid").unlink(missing_ok=True)
        for socket in self._folder.glob(".s.PGSQL.*"):
            socket.unlink()

    def close(self) -> None:
        """End it for good."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def pooled(server: Path, *, sessions: int, clients: int = 200, port: int = 5432) -> Iterator[PgBouncer]:
    """One for as long as the block lasts."""
    pooler = PgBouncer(server, sessions=sessions, clients=clients, port=port)
    try:
        yield pooler
    finally:
        pooler.close()
