"""The layers of the door, in their order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.errors import HpoError
from hpo.web.door.access import Access
from hpo.web.door.bodies import JsonObjects, WellFormed, limit
from hpo.web.door.changes import Changes
from hpo.web.door.fields import PlainFields
from hpo.web.door.headers import Secured
from hpo.web.door.hosts import KnownHost, Names
from hpo.web.door.login import Login
from hpo.web.door.origins import SameOrigin
from hpo.web.door.sessions import Sessions
from hpo.web.door.tries import Tries
from hpo.web.door.users import Users

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Door", "Gate"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Who is let in, and under which names we are known."""

    names: Names  # hosts we answer to
    users: Users  # who may log in
    tls: bool = False  # browsers reach us by https, which ends at a proxy before us


class Door:
    """`inner` behind the door: a request comes to it with its user, its token and its nonce in the environment."""

    def __init__(self, inner: "WSGIApplication", gate: Gate) -> None:
        changes = Changes(JsonObjects(inner))
        self._login = Login(changes, gate.users, tls=gate.tls, sessions=Sessions(), tries=Tries())
        app = WellFormed(SameOrigin(self._login, tls=gate.tls), self.longest)
        self._outermost = Secured(Access(PlainFields(KnownHost(app, gate.names))), tls=gate.tls)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """As WSGI has it."""
        return self._outermost(environ, start_response)

    def longest(self, environ: "WSGIEnvironment") -> int:
        """How many bytes the body of this request may have: by its path, its host and its cookies alone."""
        try:
            writes = self._login.writes(environ)
        except HpoError:  # the users cannot be read, so nobody is known
            writes = False
        return limit(environ["PATH_INFO"], writes=writes)
