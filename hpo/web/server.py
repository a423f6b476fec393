"""Listening for browsers: where, by which server, until when."""

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hpo.errors import StorageError, UsageError
from hpo.files import expanded
from hpo.storage import Storage
from hpo.web.application import Dashboard
from hpo.web.security.hosts import is_loopback

__all__ = ["Server", "folder_for", "listen", "options", "stoppable", "when_ready"]

_THREADS = 8  # requests answered at once, each with a connection to the database while it reads
_CONNECTIONS = 200  # browsers connected at once
_HEADERS = 32 * 2**10  # bytes of a request's headers
_SILENT_SECONDS = 60  # after which an idle connection is closed
_PATIENCE = 1.0  # seconds a request waits for a database that is away: a page asks again by itself
_LOOK_SECONDS = 1.0  # between two looks at a database that is not ready
_FORWARDED = {"x-forwarded-for", "x-forwarded-proto"}


class Server:
    """Waitress with our application, already listening."""

    def __init__(self, server: Any, host: str, port: int) -> None:
        self._server = server
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def run(self) -> None:
        """Serve until interrupted (SIGINT, or SIGTERM within `stoppable`), then close."""
        try:
            self._server.run()
        finally:
            self.close()

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


def listen(dashboard: Dashboard, *, host: str, port: int, proxy: str | None = None) -> Server:
    """Listen on that address; port 0: any that is free.

    `proxy` is the address of a proxy before us, whose word on who asks and by which scheme is taken.

    Raises:
        UsageError: there is no such address here, or the port is taken.

    """
    from hpo.web import receiving

    is_loopback(host)  # refuses what is no address
    try:
        server = receiving.server(dashboard.app, dashboard.longest, **options(host=host, port=port, proxy=proxy))
    except (OSError, socket.gaierror) as error:
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; give another --port"
        ) from None
    listening = getattr(server, "effective_listen", None) or [(host, server.effective_port)]
    return Server(server, host, listening[0][1])


def options(*, host: str, port: int, proxy: str | None = None) -> dict[str, Any]:
    """How waitress listens for us."""
    made: dict[str, Any] = {
        "host": host,
        "port": port,
        "threads": _THREADS,
        "connection_limit": _CONNECTIONS,
        "channel_timeout": _SILENT_SECONDS,
        "max_request_header_size": _HEADERS,
        "max_request_body_size": sys.maxsize,  # receiving.py knows more
        "ident": None,  # which server this is concerns nobody
        "clear_untrusted_proxy_headers": True,
    }
    if proxy is not None:
        made |= {"trusted_proxy": proxy, "trusted_proxy_count": 1, "trusted_proxy_headers": _FORWARDED}
    return made


def when_ready(url: str, say: Callable[[str], None]) -> Storage:
    """The database, waited for where its server or its tables are not there yet, as when all of a fleet starts at once.

    Raises:
        UsageError: `url` is no storage URL.
        StorageError: there is no such SQLite file, or waiting cannot help.

    """
    from hpo import storage
    from hpo.storage.storage_url import parse

    where = parse(url)
    said = ""
    while True:
        try:
            found = storage.find(url)
        except StorageError as error:
            if not error.transient:
                raise
            why = str(error)
        else:
            if found is not None:
                found.patience = _PATIENCE
                return found
            if where.path is not None:
                return storage.open(url)  # which says that there is no such file
            why = f"storage {where.safe} has no tables yet: hpo db upgrade makes them"
        if why != said:
            say(f"waiting: {why}")
            said = why
        time.sleep(_LOOK_SECONDS)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end what is within, as SIGINT does: a container's first process gets no such thing by itself."""

    def stop(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def folder_for(path: Path) -> Path:
    """The folder of attached files, whole, made where it is missing. Raises UsageError where it cannot be."""
    folder = expanded(path).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--artifacts {path}: no such folder can be made: {error.strerror or error}") from None
    return folder
