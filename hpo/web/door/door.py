"""The layers of the door, in their order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.web.door.access import Access
from hpo.web.door.bodies import JsonObjects, WellFormed
from hpo.web.door.changes import Changes
from hpo.web.door.headers import Secured
from hpo.web.door.hosts import KnownHost, Names
from hpo.web.door.login import Login
from hpo.web.door.origins import SameOrigin
from hpo.web.door.sessions import Sessions
from hpo.web.door.tries import Tries
from hpo.web.door.users import Users

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Gate", "around"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Who is let in, and under which names we are known."""

    names: Names  # hosts we answer to
    users: Users  # who may log in
    tls: bool = False  # browsers reach us by https, which ends at a proxy before us


def around(inner: "WSGIApplication", gate: Gate) -> "WSGIApplication":
    """`inner` behind the door: a request comes to it with its user, its token and its nonce in the environment."""
    app: WSGIApplication = Changes(JsonObjects(inner))
    app = Login(app, gate.users, tls=gate.tls, sessions=Sessions(), tries=Tries())
    app = SameOrigin(app, tls=gate.tls)
    app = KnownHost(WellFormed(app), gate.names)
    return Secured(Access(app), tls=gate.tls)
