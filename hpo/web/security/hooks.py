"""All of the security before one Flask application: whatever answers a request, it passes the same checks, in order."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import request

from hpo.web.security import access_log, headers, origins, request_checks
from hpo.web.security.hosts import Names
from hpo.web.security.login import Login
from hpo.web.security.permissions import Permissions
from hpo.web.security.sessions import IDLE_SECONDS, PortCookies, Sessions, signing_key
from hpo.web.security.users import Users

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask import Flask

    from hpo.storage import Storage

__all__ = ["Access", "protect"]

_BODIES = "hpo_bodies"  # the extension's name


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
        WTF_CSRF_CHECK_DEFAULT=False,  # permissions.py asks, behind the login
        WTF_CSRF_HEADERS=["X-CSRF-Token"],
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # origins.py looks at more than the Referer
    )
    app.session_interface = PortCookies()
    app.before_request(access_log.begin)
    app.before_request(headers.draw_nonce)
    app.after_request(access_log.write)
    app.after_request(lambda response: headers.secure(response, tls=access.tls))
    login = Login(app, access.users, Sessions(storage, access.users))
    permissions = Permissions(app, access.users)

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
        lambda: origins.refuse_foreign(tls=access.tls),
        login.identify,
        permissions.refuse,
        request_checks.refuse_what_is_no_json_object,
    ):
        app.before_request(check)
    return longest
