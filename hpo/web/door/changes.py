"""Who may change something: a user with that right, whose request carries the session's token.

A page of another site can have a browser send us a request, cookies and all, but cannot read the token. (A browser that
says where a request comes from is stopped before, by `origins.py`; this holds without its help.)
"""

import hmac
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from hpo.web.door.answers import refusal
from hpo.web.door.bodies import body_of
from hpo.web.door.origins import SAFE
from hpo.web.door.user import csrf_of, user_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Changes", "form_of", "knows_token"]

_FORM = "application/x-www-form-urlencoded"


class Changes:
    """Serves what only reads to everybody, and changes to users who may write and know the token."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        reason = None
        if environ["REQUEST_METHOD"] not in SAFE:
            if not user_of(environ).may_write:
                reason = _no_right(user_of(environ).name)
            elif not knows_token(environ, csrf_of(environ)):
                reason = "the request lacks the token of this session: load the page again, and repeat it there"
        if reason is None:
            return self._inner(environ, start_response)
        return refusal(environ, 403, reason)(environ, start_response)


def knows_token(environ: "WSGIEnvironment", token: str) -> bool:
    """Whether the request carries `token`, in the header X-CSRF-Token or in the form field csrf_token."""
    given = environ.get("HTTP_X_CSRF_TOKEN") or form_of(environ).get("csrf_token", "")
    return bool(token) and hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def form_of(environ: "WSGIEnvironment") -> dict[str, str]:
    """The fields of a form that was sent, the first of each name; none where the body is something else."""
    if environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower() != _FORM:
        return {}
    try:
        text = body_of(environ).decode()
        return {name: values[0] for name, values in parse_qs(text, max_num_fields=100, errors="strict").items()}
    except ValueError:  # no UTF-8, or too many fields
        return {}


def _no_right(name: str) -> str:
    if not name:
        return "nobody is logged in, so nothing may be changed: hpo dashboard adduser NAME --write, and log in"
    return f"{name} may look and change nothing: hpo dashboard adduser {shlex.quote(name)} --write gives the right"
