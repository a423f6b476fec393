"""Requests that are turned away before any page reads them.

Malformed or too large; for a host that is not ours: a page elsewhere can make its own name stand for our address (DNS
rebinding), then a browser takes us for that page's server and lets it read our answers; from another site: a browser
says from where a request comes, by Fetch Metadata (W3C, Sec-Fetch-*) and Origin (RFC 6454), and a page cannot set
either. A program that is no browser sends neither, and has to know the token (`login.py`).
"""

import ipaddress
import json
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from flask import Response, request

from hpo.errors import UsageError
from hpo.web.security.identity import SAFE
from hpo.web.security.refusals import is_api, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = [
    "LARGEST_FILE",
    "LARGEST_FORM",
    "LARGEST_REQUEST",
    "LIMIT",
    "Longest",
    "Names",
    "is_loopback",
    "limit",
    "names",
    "refuse_foreign",
    "refuse_malformed",
    "refuse_odd_headers",
    "refuse_what_is_no_json_object",
]

Longest = Callable[["WSGIEnvironment"], int]
"""How many bytes the body of a request may have, told by its method, path, host and cookies."""

LARGEST_FILE = 32 * 2**20  # bytes of a request that attaches a file; base64 makes a file a third longer
LARGEST_REQUEST = 2**20  # bytes of any other change
LARGEST_FORM = 8 * 2**10  # bytes of a login, and of whatever somebody sends who may change nothing
LIMIT = "hpo.limit"  # in the environment: how many bytes its body may have, decided before any of them was taken in
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_DEEPEST = 50  # levels of lists and objects in a body
_PLAIN = re.compile(r"[\t\x20-\x7e]*")
_LEFT_OUT = ("HTTP_REFERER", "HTTP_USER_AGENT")

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?", re.ASCII)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_PORTS = {"http": 80, "https": 443}


def limit(path: str, *, writes: bool) -> int:
    """How many bytes may be sent to that path; `writes`: by a user who may write."""
    if not writes or path in ("/login", "/logout") or is_api(path):
        return LARGEST_FORM
    return LARGEST_FILE if path.startswith("/api/artifacts/") else LARGEST_REQUEST


def refuse_odd_headers() -> Response | None:
    """Refuse a header that is not plain text: ASCII that can be printed, so that nothing behind stumbles.

    A browser sends what other programs of this host left it as cookies, and may name in Referer and User-Agent what it
    likes: of these what is not plain is left out.
    """
    environ = request.environ
    if "HTTP_COOKIE" in environ:
        environ["HTTP_COOKIE"] = ";".join(p for p in environ["HTTP_COOKIE"].split(";") if _PLAIN.fullmatch(p))
    fields = [name for name in environ if name.startswith("HTTP_") or name == "CONTENT_TYPE"]
    odd = [name for name in fields if not _PLAIN.fullmatch(environ[name])]
    for name in odd:
        del environ[name]
    refused = [name.removeprefix("HTTP_").replace("_", "-").title() for name in odd if name not in _LEFT_OUT]
    return refusal(400, f"the header {refused[0]} has a sign in it that is none of ASCII") if refused else None


def refuse_malformed(longest: Longest) -> Response | None:
    """Refuse a method, a path or a length that nothing here wants; `longest` is asked where the server did not."""
    if request.method not in _METHODS:
        return refusal(405, f"{request.method[:20]!r} is not served", Allow=", ".join(_METHODS))
    if not _is_path(request.environ["PATH_INFO"]):
        return refusal(400, "this is no path of ours")
    given = request.environ.get("CONTENT_LENGTH") or "0"
    if not (given.isascii() and given.isdigit()):
        return refusal(400, "the length of the request is no number")
    length, most = int(given), request.environ.get(LIMIT)
    if most is None:
        most = longest(request.environ)
    if length > most:
        small = most == LARGEST_FORM and not is_api(request.path)
        who = " of who may not write, or has not logged in" if small else ""
        return refusal(413, f"a request of {_size(length)} is too large: at most {_size(most)}{who}")
    return None


def refuse_what_is_no_json_object() -> Response | None:
    """Refuse a change to `/api` whose body, where there is one, is no JSON object; behind the login: reading costs."""
    if request.method in SAFE or not request.path.startswith("/api"):
        return None
    body = request.get_data()
    if not body:
        return None
    if request.mimetype != "application/json":
        return refusal(415, "the body must be application/json")
    packed = request.headers.get("Content-Encoding", "identity")
    if packed.lower() != "identity":
        return refusal(
            415, f"the body is said to be packed ({packed!r:.40}), which nothing here unpacks: send it plain"
        )
    try:
        read = json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_once_each)
        deep = _depth(read) > _DEEPEST
        json.dumps(read, ensure_ascii=False).encode()  # as somebody who keeps it would
    except UnicodeEncodeError:
        return refusal(400, "the body has half a character in it (a surrogate without the other)")
    except _AmbiguousError as error:
        return refusal(400, str(error))
    except (ValueError, RecursionError):
        return refusal(400, "the body is no JSON document")
    if not isinstance(read, dict):
        return refusal(400, "the body must be a JSON object")
    return refusal(400, f"the body is nested deeper than {_DEEPEST} levels") if deep else None


class _AmbiguousError(Exception):
    """A body that two programs would read as two different things."""


def _refuse_constant(name: str) -> NoReturn:
    raise _AmbiguousError(f"the body has {name} in it, which is no number of JSON")


def _once_each(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    read: dict[str, object] = {}
    for name, value in pairs:
        if name in read:
            raise _AmbiguousError(f"the body has {name[:80]!r} twice in one object")
        read[name] = value
    return read


def _is_path(raw: str) -> bool:
    """Whether it reads the same to everybody: UTF-8, nothing unprintable, no way up, no empty segment but the last."""
    try:
        path = raw.encode("latin-1").decode()
    except UnicodeError:
        return False
    if not path.startswith("/") or "\\" in path or not path.isprintable():
        return False
    segments = path.split("/")[1:]
    return not any(s in (".", "..") for s in segments) and all(segments[:-1])


def _size(length: int) -> str:
    return f"{length / 2**20:.3g} MiB" if length >= 2**20 else f"{length / 2**10:.3g} KiB"


def _depth(entry: object) -> int:
    """How many lists and objects stand within one another."""
    inner = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@dataclass(frozen=True, kw_only=True)
class Names:
    """Which hosts a request may be for."""

    known: frozenset[str]  # host names and addresses, in lower case, without port
    addresses: bool  # any numeric address too: it cannot be made to stand for another one

    def accept(self, host: str) -> bool:
        """Whether `host`, as a request's Host header gives it, is one of ours."""
        read = _HOST.fullmatch(host)
        if read is None:
            return False
        name = read["name"].strip("[]").lower().rstrip(".")
        return name in self.known or (self.addresses and _is_address(name))

    def refuse_others(self) -> Response | None:
        """Refuse a request for a host that is not one of ours."""
        host = request.headers.get("Host", "")
        if self.accept(host):
            return None
        reason = f"{host[:80]!r} is no name of this server: if it should be, start hpo dashboard with --allowed-host"
        return refusal(421, reason)


def names(host: str, allowed: Iterable[str] = ()) -> Names:
    """The names of a server that listens on `host`, and what its owner adds.

    On a loopback address those of this machine for itself. On any other its host name too, and every numeric address:
    from where it is reached, a server in a container does not know which it has.

    Raises:
        UsageError: what is allowed is no host name.

    """
    known = set(_LOOPBACK)
    for name in allowed:
        read = _HOST.fullmatch(name)
        if read is None or name.rpartition("]")[2].count(":") == 1:
            raise UsageError(f"--allowed-host {name!r} is no host name: give the name alone, such as hpo.example.org")
        known.add(name.strip("[]").lower().rstrip("."))
    beyond = not is_loopback(host)
    if beyond:
        known |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return Names(known=frozenset(known), addresses=beyond)


def is_loopback(host: str) -> bool:
    """Whether a server on `host` is reached from this machine alone.

    Raises:
        UsageError: there is no such host.

    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError):
        raise UsageError(f"--host {host!r} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all") from None
    return bool(found) and all(ipaddress.ip_address(str(entry[4][0]).split("%")[0]).is_loopback for entry in found)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def refuse_foreign(*, tls: bool) -> Response | None:
    """Refuse what comes from another site, but for a link to us that somebody follows in a window of its own.

    `tls`: browsers reach us by https, whatever the last leg of the way is.
    """
    headers, scheme = request.headers, "https" if tls else request.scheme
    origin = headers.get("Origin")
    if origin is not None:
        given = _parts(origin)
        if given is None or given != _parts(f"{scheme}://{headers.get('Host', '')}"):
            hint = "; where TLS ends before this server, start it with --behind-tls" if origin[:6] == "https:" else ""
            return refusal(403, f"requests from {origin[:80]!r} are not served{hint}")
    site = headers.get("Sec-Fetch-Site", "none")
    follows = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) == ("navigate", "document")
    if site in ("same-origin", "none") or (request.method in SAFE and follows):
        return None
    return refusal(403, f"requests from another site ({site[:20]}) are not served")


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where it is no origin, as `null` is none."""
    try:
        split = urlsplit(origin)
        port = split.port or _PORTS[split.scheme]
    except (ValueError, KeyError):
        return None
    if not split.hostname or split.path or split.query or split.fragment or split.username is not None:
        return None
    return split.scheme, split.hostname, port
