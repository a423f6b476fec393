"""Logging in and out: the page, the session, and whom the rest of the door takes a request to be from."""

import base64
import binascii
import hmac
import logging
import secrets
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from hpo.web.door import passwords
from hpo.web.door.answers import document, refusal, wants_page
from hpo.web.door.changes import form_of, knows_token
from hpo.web.door.cookies import Cookie
from hpo.web.door.origins import SAFE
from hpo.web.door.sessions import SESSION_SECONDS, Session, Sessions
from hpo.web.door.tries import Tries
from hpo.web.door.user import ANYONE, CSRF, USER, User
from hpo.web.door.users import Account, Users

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response

__all__ = ["Login", "local"]

_FORM_SECONDS = 3600.0  # a login page may stand open so long
_KNOWN_SECONDS = 90 * 86400.0  # a browser stays known so long
_OPEN = "/healthz"  # for whoever restarts what is not well
_BY_PASSWORD = "/metrics"  # for programs, which send a password with each request
_WRONG = "This name and this password do not go together."

_log = logging.getLogger("hpo.web")


class Login:
    """Lets users in who have a session, shows everybody else the page that begins one.

    Where nobody has to log in, everybody is let in as nobody in particular, who may look and change nothing.
    """

    def __init__(self, inner: "WSGIApplication", users: Users, *, tls: bool, sessions: Sessions, tries: Tries) -> None:
        self._inner = inner
        self._users = users
        self._sessions = sessions
        self._tries = tries
        self._session = Cookie("session", tls=tls)
        self._form = Cookie("form", tls=tls)
        self._known = Cookie("known", tls=tls)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        path = environ["PATH_INFO"]
        if path == _OPEN or self._users.none_needed():
            environ[USER], environ[CSRF] = ANYONE, ""
            return self._inner(environ, start_response)
        session, user = self._who(environ)
        environ[USER], environ[CSRF] = user or ANYONE, session.csrf if session else ""
        if path == "/login":
            answer = self._login(environ, user)
        elif path == "/logout":
            answer = self._logout(environ, session)
        elif user is not None:
            return self._inner(environ, start_response)
        elif path == _BY_PASSWORD:
            return self._by_password(environ, start_response)
        else:
            answer = _unknown(environ)
        return answer(environ, start_response)

    def writes(self, environ: "WSGIEnvironment") -> bool:
        """Whether this comes from a user who may write, by its cookies and host alone."""
        if self._users.none_needed():
            return False
        users = (self._who({**environ, "wsgi.url_scheme": scheme})[1] for scheme in ("http", "https"))
        return any(user is not None and user.may_write for user in users)

    def _who(self, environ: "WSGIEnvironment") -> tuple[Session | None, User | None]:
        """The session the browser holds and its user, as the users are now: gone, or another password, ends it."""
        held = self._session.of(environ)
        session = self._sessions.find(held) if held else None
        if held is None or session is None:
            return None, None
        account = self._users.find(session.user)
        if account is None or account.password != session.password:
            self._sessions.end(held)
            return None, None
        return session, User(name=account.name, may_write=account.may_write)

    def _login(self, environ: "WSGIEnvironment", user: User | None) -> "Response":
        if environ["REQUEST_METHOD"] in SAFE:
            to = _local_query(environ)
            return _see(to) if user else self._page(environ, to)
        if environ["REQUEST_METHOD"] != "POST":
            return refusal(environ, 405, "a login is a POST", headers={"Allow": "GET, HEAD, POST"})
        form = form_of(environ)
        to = local(form.get("next", ""))
        token = self._form.of(environ)
        if token is None or not hmac.compare_digest(token.encode(), form.get("csrf_token", "").encode()):
            return self._page(environ, to, "The page had stood open for too long; please try again.", status=403)
        account, wait = self._check(environ, form.get("name", ""), form.get("password", ""))
        if wait:
            return self._page(environ, to, f"Too many tries; the next in {_wait(wait)}.", status=429, wait=wait)
        if account is None:
            return self._page(environ, to, _WRONG, status=401, name=form.get("name", ""))
        return self._begin(environ, account, to)

    def _begin(self, environ: "WSGIEnvironment", account: Account, to: str) -> "Response":
        """A new session for this browser; one it may have had before is over."""
        before = self._session.of(environ)
        if before:
            self._sessions.end(before)
        answer = _see(to)
        held = self._sessions.begin(account.name, account.password)
        self._session.give(environ, answer, held, seconds=SESSION_SECONDS)
        self._known.give(environ, answer, self._tries.token(account.name), seconds=_KNOWN_SECONDS)
        self._form.take_back(environ, answer)
        return answer

    def _check(self, environ: "WSGIEnvironment", name: str, password: str) -> tuple[Account | None, float]:
        """Whose name and password these are, and the seconds to wait where there were too many tries."""
        address, known = str(environ.get("REMOTE_ADDR", "")), self._known.of(environ)
        wait = self._tries.take(address, name, known)
        account = None if wait else self._users.find(name)
        # What was typed as a name may be a password in the wrong field, so only names of users are told.
        told = {"address": address, "user": account.name if account else None}
        if wait:
            _log.warning("login refused: too many tries", extra=told)
            return None, wait
        if not passwords.matches(account.password if account else None, password):
            _log.warning("login failed", extra=told)
            return None, 0.0
        self._tries.succeeded(address, name, known)
        _log.info("logged in", extra=told)
        return account, 0.0

    def _by_password(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """HTTP's basic authentication, for one request."""
        ask = {"WWW-Authenticate": 'Basic realm="hpo", charset="UTF-8"'}
        given = _basic(environ)
        if given is None or environ["REQUEST_METHOD"] not in SAFE:
            return refusal(environ, 401, "log in, or send a user's name and password", headers=ask)(
                environ, start_response
            )
        account, wait = self._check(environ, *given)
        if wait:
            after = {"Retry-After": str(int(wait) + 1)}
            return refusal(environ, 429, "too many tries", headers=after)(environ, start_response)
        if account is None:
            return refusal(environ, 401, _WRONG, headers=ask)(environ, start_response)
        environ[USER] = User(name=account.name, may_write=False)
        return self._inner(environ, start_response)

    def _logout(self, environ: "WSGIEnvironment", session: Session | None) -> "Response":
        if environ["REQUEST_METHOD"] != "POST":
            return refusal(environ, 405, "a logout is a POST", headers={"Allow": "POST"})
        held = self._session.of(environ)
        if session is not None and held is not None:
            if not knows_token(environ, session.csrf):
                return refusal(environ, 403, "the request lacks the token of this session: load the page again")
            self._sessions.end(held)
        answer = _see("/login")
        self._session.take_back(environ, answer)
        return answer

    def _page(
        self,
        environ: "WSGIEnvironment",
        to: str,
        problem: str = "",
        *,
        status: int = 200,
        name: str = "",
        wait: float = 0.0,
    ) -> "Response":
        from werkzeug.wrappers import Response

        token = self._form.of(environ) or secrets.token_urlsafe(32)
        told = f'<p class="bad" role="alert">{escape(problem)}</p>\n' if problem else ""
        body = (
            f'{told}<form method="post" action="/login">\n'
            f'<input type="hidden" name="csrf_token" value="{escape(token)}">\n'
            f'<input type="hidden" name="next" value="{escape(to)}">\n'
            f'<label>Name<input name="name" value="{escape(name[:64])}" autocomplete="username" required autofocus '
            'autocapitalize="none" spellcheck="false"></label>\n'
            '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>\n'
            "<button>Log in</button>\n</form>"
        )
        answer = Response(document(environ, "Log in", body), status=status, mimetype="text/html")
        if wait:
            answer.headers["Retry-After"] = str(int(wait) + 1)
        self._form.give(environ, answer, token, seconds=_FORM_SECONDS)
        return answer


def local(to: str) -> str:
    """Where to go after the login: a path of this server, the overview where `to` is anything else."""
    fine = to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isascii() and to.isprintable()
    return to if fine and to.split("?")[0] not in ("/login", "/logout") and len(to) <= 2048 else "/"


def _unknown(environ: "WSGIEnvironment") -> "Response":
    """Whom we do not know: a person goes to the login, a program is told."""
    from werkzeug.wrappers import Response

    if environ["REQUEST_METHOD"] not in SAFE or not wants_page(environ):
        return refusal(environ, 401, "log in first, at /login")
    if environ.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site"):
        # A link on another site: browsers keep a strict cookie back until our own page asks for the same again.
        page = document(environ, "One moment", '<p><a href="">Go on</a></p>')
        return Response(
            page.replace("<head>", '<head>\n<meta http-equiv="refresh" content="0">', 1), mimetype="text/html"
        )
    query = environ.get("QUERY_STRING", "")
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1")) + (f"?{query}" if query else "")
    return _see("/login" if path == "/" else f"/login?next={quote(path, safe='/')}")


def _see(to: str) -> "Response":
    from werkzeug.wrappers import Response

    answer = Response(status=303, mimetype="text/plain", headers={"Location": to})
    answer.autocorrect_location_header = False  # relative, so that no Host header ever stands in it
    return answer


def _local_query(environ: "WSGIEnvironment") -> str:
    try:
        return local(parse_qs(environ.get("QUERY_STRING", ""), max_num_fields=10).get("next", [""])[0])
    except ValueError:
        return "/"


def _basic(environ: "WSGIEnvironment") -> tuple[str, str] | None:
    """Name and password of basic authentication (RFC 7617); None where there are none."""
    kind, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def _wait(seconds: float) -> str:
    return f"{int(seconds) + 1} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
