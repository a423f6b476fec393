"""The names we answer to.

A page elsewhere can make its own name stand for our address (DNS rebinding); then a browser takes us for that page's
server and lets it read our answers. Such a request names the other host, so a name that is not ours is refused.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, request

from hpo.errors import UsageError
from hpo.web.security.refused_requests import refusal

__all__ = ["Names", "is_loopback", "names"]

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?", re.ASCII)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


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
