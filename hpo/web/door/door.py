"""The layers of the door, in their order."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.web.door.user import ANYONE, CSRF, NONCE, USER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Gate", "around"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Who is let in, and under which names we are known."""

    names: frozenset[str]  # host names we answer to, in lower case


def around(inner: "WSGIApplication", gate: Gate) -> "WSGIApplication":
    """`inner` behind the door."""

    def door(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        environ[USER], environ[CSRF], environ[NONCE] = ANYONE, "", secrets.token_urlsafe(16)
        return inner(environ, start_response)

    return door
