"""All of the security before one Flask application: whatever answers a request, it passes the same checks, in order.

Each answer tells the browser what not to do with it. A part may send a Content-Security-Policy of its own; what no page
of ours may do is then added to it, as a second policy: a browser obeys both. The log says of each request who asked
what and what came of it, never a query, a header or a body, in which secrets may stand.
"""

import logging
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response, g, request

from hpo.web.security import request_checks
from hpo.web.security.identity import NONCE, nonce_of, user_of
from hpo.web.security.login import Login
from hpo.web.security.rate_limit import RateLimit
from hpo.web.security.request_checks import Names
from hpo.web.security.sessions import IDLE_SECONDS, PortCookies, Sessions, signing_key
from hpo.web.security.tokens import Bearers
from hpo.web.security.users import Users

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask import Flask

    from hpo.storage import Storage

__all__ = ["Access", "add_headers", "begin", "draw_nonce", "log_request", "protect"]

_NEVER = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
_PAGE = (
    # Scripts and styles that carry the nonce, everything else from this server or not at all.
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
    f"font-src 'self'; connect-src 'self'; {_NEVER}"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_YEAR = 31_536_000  # seconds

_log = logging.getLogger("hpo.web")


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who is let in, and under which names we are known."""

    names: Names  # hosts we answer to
    users: Users  # who may log in
    tls: bool = False  # browsers reach us by https, which ends at a proxy before us


def protect(app: "Flask", storage: "Storage", access: Access) -> "request_checks.Longest":
    """Put everything before `app`: its views find who asks in the environment (`identity.py`).

    Args:
        app: the application, with all its views and handlers of errors.
        storage: where the dashboards of one database share what signs their cookies, and who logged out.
        access: who is let in.

    Returns:
        How many bytes the body of a request may have, told by its method, path, host and cookies alone.

    Raises:
        StorageError: the database failed.

    """
    app.config.update(
        SECRET_KEY=signing_key(storage),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=access.tls,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=IDLE_SECONDS),
        MAX_CONTENT_LENGTH=request_checks.LARGEST_FILE,
        WTF_CSRF_CHECK_DEFAULT=False,  # refuse_change asks, behind the login
        WTF_CSRF_HEADERS=["X-CSRF-Token"],
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # request_checks.py looks at more than the Referer
    )
    app.session_interface = PortCookies()
    app.before_request(begin)
    app.before_request(draw_nonce)
    app.after_request(log_request)
    app.after_request(lambda response: add_headers(response, tls=access.tls))
    rate_limit = RateLimit(app)
    bearers = Bearers(storage, rate_limit)
    login = Login(app, access.users, Sessions(storage, access.users), rate_limit)

    def longest(environ: "WSGIEnvironment") -> int:
        schemes = ("https",) if access.tls else ("http", "https")  # what a proxy says of it is read later
        for scheme in schemes:
            with app.request_context({**environ, "wsgi.url_scheme": scheme}):
                if login.may_write_by_cookie():
                    return request_checks.limit(request.path, writes=True)
        return request_checks.limit(environ["PATH_INFO"], writes=False)

    for check in (
        request_checks.refuse_odd_headers,
        access.names.refuse_others,
        lambda: request_checks.refuse_malformed(longest),
        lambda: request_checks.refuse_foreign(tls=access.tls),
        bearers.identify,
        login.identify,
        bearers.count,
        bearers.refuse_change,
        login.refuse_change,
        request_checks.refuse_what_is_no_json_object,
    ):
        app.before_request(check)
    return longest


def draw_nonce() -> None:
    """Draw what marks our own scripts and styles in the answer to this request."""
    request.environ[NONCE] = secrets.token_urlsafe(16)


def add_headers(response: Response, *, tls: bool) -> Response:
    """Add the headers to an answer, whoever gave it."""
    headers = response.headers
    for name in [name for name, _ in headers if name.lower().startswith("access-control-")]:
        headers.remove(name)  # nobody else's pages may read what we answer
    headers.remove("Server")
    headers.update(_ALWAYS)
    if tls:
        headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
    page = response.mimetype == "text/html"
    if "Content-Security-Policy" in headers:
        headers.add("Content-Security-Policy", _NEVER)
    else:
        headers["Content-Security-Policy"] = _PAGE.format(nonce=nonce_of(request.environ)) if page else _DATA
    if "Cache-Control" not in headers:
        kept = not page and ("ETag" in headers or "Last-Modified" in headers)
        headers["Cache-Control"] = "private, no-cache" if kept else "no-store"
    return response


def begin() -> None:
    """Note when the request came."""
    g.began = time.monotonic()


def log_request(response: Response) -> Response:
    """Write the line, once the answer is known."""
    method, path, code = request.method[:10], _shown(request.path), response.status_code
    extra = {
        "method": method,
        "path": path,
        "status": code,
        "user": user_of(request.environ).name or "-",
        "seconds": round(time.monotonic() - g.began, 3),
        "address": request.remote_addr or "",
    }
    _log.log(logging.DEBUG if path == "/healthz" and code == 200 else logging.INFO, "%s %s", method, path, extra=extra)
    return response


def _shown(path: str) -> str:
    """The path on one line, whatever is in it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in path[:200])
