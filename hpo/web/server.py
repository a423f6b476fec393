"""Listening for browsers: where, until when, and what is taken in of a request before anything answers it.

Waitress keeps a whole body, in a file where it is large, before it calls the application. So how long a body may be is
decided here, when the headers are there, by whoever knows who sends it. Of a body that is longer nothing is taken: the
application is called without it, refuses the request by `LIMIT`, and the connection ends.
"""

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer
from waitress.task import WSGITask

from hpo.errors import StorageError, UsageError
from hpo.files import expanded
from hpo.storage import Storage
from hpo.web.application import Dashboard
from hpo.web.security.request_checks import LIMIT, Longest, is_loopback

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["Server", "folder_for", "listen", "options", "stoppable", "waitress_server", "when_ready"]

_THREADS = 8  # requests answered at once, each with a connection to the database while it reads
_CONNECTIONS = 200  # browsers connected at once
_HEADERS = 32 * 2**10  # bytes of a request's headers
_SILENT_SECONDS = 60  # after which an idle connection is closed
_PATIENCE = 1.0  # seconds a request waits for a database that is away: a page asks again by itself
_LOOK_SECONDS = 1.0  # between two looks at a database that is not ready
_FORWARDED = {"x-forwarded-for", "x-forwarded-proto"}

_DIGITS = 15  # of a length; nobody sends so much
_DRAINED = 2**20  # bytes of a refused body that are read off the connection before it is closed


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
    is_loopback(host)  # refuses what is no address
    try:
        server = waitress_server(dashboard.app, dashboard.longest, **options(host=host, port=port, proxy=proxy))
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
        "max_request_body_size": sys.maxsize,  # _Parser knows more
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


def waitress_server(app: "WSGIApplication", longest: Longest, **options: Any) -> Any:
    """Waitress, listening with `options`, for `app`; a body is at most `longest(request)` bytes."""

    class Channel(_Channel):
        @staticmethod
        def parser_class(adjustments: Any) -> "_Parser":
            return _Parser(adjustments, longest)

    listening: dict[int, Any] = {}
    made = create_server(app, map=listening, **options)
    for each in listening.values():
        if isinstance(each, BaseWSGIServer):
            each.channel_class = Channel
    return made


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request as it comes in."""

    limit: int | None = None  # bytes its body may have; None until its headers are there

    def __init__(self, adjustments: Any, longest: Longest) -> None:
        super().__init__(adjustments)
        self._longest = longest

    def received(self, data: bytes) -> int:
        """Take in what came; how much of it was this request's."""
        taken: int = super().received(data)
        if self.headers_finished and not self.empty and self.error is None:
            if self.limit is None:
                self.limit = self._longest(self._told())
            length = max(self.content_length, self.body_bytes_received)
            if length > self.limit:
                self._withhold(length)
                return len(data)  # what follows is of that body
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Read the headers; raises ParsingError where they have more than one meaning."""
        _refuse_ambiguous(header_plus.split(b"\r\n"))
        try:
            super().parse_header(header_plus)
        except ValueError:  # of an address that is none
            raise ParsingError("Bad request") from None

    def _told(self) -> "WSGIEnvironment":
        return {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": self.path,
            "HTTP_HOST": self.headers.get("HOST", ""),
            "HTTP_COOKIE": self.headers.get("COOKIE", ""),
            "SERVER_NAME": "",
            "SERVER_PORT": "80",
        }

    def _withhold(self, length: int) -> None:
        """Have the request answered without its body, as the last one of its connection."""
        self.close()
        self.body_rcv = None
        self.expect_continue = False
        self.headers |= {"CONTENT_LENGTH": str(length), "CONNECTION": "close"}
        self.completed = True


class _Task(WSGITask):  # type: ignore[misc]
    """The answer to a request."""

    def get_environment(self) -> "WSGIEnvironment":
        environ: WSGIEnvironment = super().get_environment()
        environ[LIMIT] = self.request.limit
        return environ


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection."""

    task_class = _Task

    def handle_close(self) -> None:
        """Close it; what has come in by then is read, as whoever sent it would else be cut off from our answer."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            left = _DRAINED
            while left > 0 and (read := self.socket.recv(2**16)):
                left -= len(read)
        super().handle_close()


def _refuse_ambiguous(lines: Iterable[bytes]) -> None:
    """Refuse a request whose end another server, before this one, may see elsewhere (RFC 9112, section 6)."""
    first, *fields = lines
    if any(field[:1] in (b" ", b"\t") for field in fields):
        raise ParsingError("A header of several lines")
    split = [(name.lower(), value.strip(b" \t")) for name, _, value in (field.partition(b":") for field in fields)]
    lengths = [value for name, value in split if name == b"content-length"]
    codings = [value.lower() for name, value in split if name == b"transfer-encoding"]
    if lengths and codings:
        raise ParsingError("Content-Length and Transfer-Encoding together")
    if len(lengths) > 1 or any(len(length) > _DIGITS for length in lengths):
        raise ParsingError("Content-Length is invalid")
    if codings and (codings != [b"chunked"] or not first.rstrip().endswith(b" HTTP/1.1")):
        raise ParsingError("Transfer-Encoding is invalid")
