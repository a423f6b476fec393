"""What is taken in of a request before anything answers it: how much, and whether it has one end to everybody.

Waitress keeps a whole body, in a file where it is large, before it calls the application. So how long a body may be is
decided here, when the headers are there, by whoever knows who sends it. Of a body that is longer nothing is taken: the
application is called without it, refuses the request by `LIMIT`, and the connection ends.
"""

import contextlib
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer
from waitress.task import WSGITask

from hpo.web.security.request_checks import LIMIT, Longest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["server"]

_DIGITS = 15  # of a length; nobody sends so much
_DRAINED = 2**20  # bytes of a refused body that are read off the connection before it is closed


def server(app: "WSGIApplication", longest: Longest, **options: Any) -> Any:
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
