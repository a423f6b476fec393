"""A small application behind the checks, or behind one of them."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from werkzeug.test import Client

from hpo.storage import Storage
from hpo.web.security.hooks import Access, protect
from hpo.web.security.identity import csrf_of, nonce_of, user_of
from hpo.web.security.request_checks import names
from hpo.web.security.users import Users

__all__ = ["behind", "guarded", "small"]

METHODS = ["GET", "POST", "PUT", "DELETE"]


def small(view: Callable[..., Any]) -> Flask:
    """An application with one view, under every path."""

    def answer(**_: str) -> Any:
        return view()

    app = Flask("small")
    for rule in ("/", "/<path:rest>"):
        app.add_url_rule(rule, "view", answer, methods=METHODS)
    return app


def behind(check: Callable[[], Response | None], view: Callable[[], Any] = lambda: "served") -> Client:
    """Somebody who asks an application before which that check alone stands."""
    app = small(view)
    app.before_request(check)
    return Client(app)


def guarded(storage: Storage, users: Users, view: Callable[[], Any] | None = None, *, tls: bool = False) -> Client:
    """Somebody who asks an application with all of the security; without a view of its own it says who asks."""

    def who() -> Response:
        environ = request.environ
        told = f"{user_of(environ).name} {user_of(environ).may_write} {csrf_of(environ)} {nonce_of(environ)}"
        return Response(told, mimetype="text/plain")

    app = small(view or who)
    protect(app, storage, Access(names=names("127.0.0.1"), users=users, tls=tls))
    return Client(app)
