"""Logging in and out (Flask-Login), whom a request is from, and whether it may change something (Flask-WTF).

A page of another site can have a browser send us a request, cookies and all, but cannot read the session's token, which
every change must carry. (A browser that says where a request comes from is stopped before, by `request_checks.py`; this
holds without its help.)
"""

import logging
import shlex
from urllib.parse import quote

from flask import Blueprint, Flask, Response, abort, request
from flask_limiter import RateLimitExceeded
from flask_login import LoginManager, UserMixin, current_user, login_user  # type: ignore[import-untyped]
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf  # type: ignore[import-untyped]

from hpo.errors import HpoError
from hpo.web.security import tokens
from hpo.web.security.identity import ANYONE, CSRF, SAFE, USER, User, user_of
from hpo.web.security.rate_limit import RateLimit, trust_browser
from hpo.web.security.refusals import is_api, page, refusal, unavailable, wants_page
from hpo.web.security.sessions import Sessions
from hpo.web.security.users import Account, Users, matches

__all__ = ["Login", "local"]

_OPEN = "/healthz"  # for whoever restarts what is not well
_BY_PASSWORD = "/metrics"  # for programs, which send a password with each request
_WRONG = "This name and this password do not go together."
_ASK = {"WWW_Authenticate": 'Basic realm="hpo", charset="UTF-8"'}

_log = logging.getLogger("hpo.web")


class _Member(UserMixin):  # type: ignore[misc]
    """A user as Flask-Login has one."""

    def __init__(self, account: Account, key: str) -> None:
        self.account = account
        self.id = key


class Login:
    """Lets users in who have a session, shows everybody else the page that begins one.

    Where nobody has to log in, everybody is let in as nobody in particular. Everybody may look; change something may
    who has the right to write and knows the token.
    """

    def __init__(self, app: Flask, users: Users, sessions: Sessions, rate_limit: RateLimit) -> None:
        self._users = users
        self._sessions = sessions
        self._rate_limit = rate_limit
        self._check = self._rate_limit.limited(self._checked)
        self._csrf = CSRFProtect(app)
        manager = LoginManager(app, add_context_processor=False)
        manager.session_protection = None  # a laptop that changes its network keeps its login
        manager.user_loader(self._member)
        manager.unauthorized_handler(_unauthorized)
        self._manager = manager
        views = Blueprint("security", __name__, template_folder="templates")
        views.add_url_rule("/login", "login", self._login, methods=["GET", "POST"])
        views.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        app.register_blueprint(views)
        app.register_error_handler(RateLimitExceeded, self._too_many)

    def identify(self) -> Response | None:
        """Say who asks, in the environment, where no token has said so; answer those who have to log in first."""
        environ = request.environ
        if user_of(environ).token is not None:
            return None
        environ[USER], environ[CSRF] = ANYONE, ""
        try:
            if request.path == _OPEN or self._users.none_needed():
                return None
            if current_user.is_authenticated:
                account = current_user.account
                environ[USER] = User(name=account.name, may_write=account.may_write)
                environ[CSRF] = generate_csrf()
                return None
        except HpoError as error:
            return unavailable(error)
        if request.path in ("/login", "/logout"):
            return None
        answer: Response | None = self._by_password() if request.path == _BY_PASSWORD else self._manager.unauthorized()
        return answer

    def refuse_change(self) -> Response | None:
        """Refuse a change that somebody may not make, or may not have asked for."""
        if request.method in SAFE or is_api(request.path):  # where tokens alone may change something (tokens.py)
            return None
        if request.path in ("/login", "/logout") and not self._users.none_needed():
            if request.method != "POST" or (request.path == "/logout" and not current_user.is_authenticated):
                return None
        elif not user_of(request.environ).may_write:
            return refusal(403, _no_right(user_of(request.environ).name))
        try:
            request.get_data()  # kept, as a form is read from it, and optuna-dashboard reads it again
            self._csrf.protect()
        except CSRFError:
            if request.path == "/login":
                to = local(request.form.get("next", ""))
                return _login_page(to, "The page had stood open for too long; please try again.", status=403)
            return refusal(403, "the request lacks the token of this session: load the page again, and repeat it there")
        return None

    def may_write_by_cookie(self) -> bool:
        """Whether this comes from a user who may write, by its cookie and host alone: the database is not asked."""
        try:
            account = None if self._users.none_needed() else self._sessions.account()
        except HpoError:  # the users cannot be read, so nobody is known
            return False
        return account is not None and account.may_write

    def _member(self, key: str) -> _Member | None:
        account = self._sessions.account()
        return None if account is None or self._sessions.ended() else _Member(account, key)

    def _checked(self, name: str, password: str) -> Account | None:
        """Whose name and password these are."""
        account = self._users.find(name)
        # What was typed as a name may be a password in the wrong field, so only names of users are told.
        context = {"address": request.remote_addr or "", "user": account.name if account else None}
        if not matches(account.password if account else None, password):
            _log.warning("login failed", extra=context)
            return None
        _log.info("logged in", extra=context)
        return account

    def _login(self) -> Response:
        if self._users.none_needed():
            abort(404)
        to = local(request.values.get("next", ""))
        if request.method in SAFE:
            return _see(to) if current_user.is_authenticated else _login_page(to)
        name = request.form.get("name", "")
        account = self._check(name, request.form.get("password", ""))
        if account is None:
            return _login_page(to, _WRONG, status=401, name=name)
        self._sessions.end()  # one that this browser may have had before
        login_user(_Member(account, self._sessions.begin(account)))
        answer = _see(to)
        trust_browser(answer, account.name)
        return answer

    def _logout(self) -> Response:
        self._sessions.end()
        return _see("/login")

    def _by_password(self) -> Response | None:
        """HTTP's basic authentication, for one request."""
        given = request.authorization
        if given is None or given.type != "basic" or request.method not in SAFE:
            return refusal(401, "log in, or send a user's name and password", **_ASK)
        account = self._check(given.username or "", given.password or "")
        if account is None:
            return refusal(401, _WRONG, **_ASK)
        request.environ[USER] = User(name=account.name, may_write=False)
        return None

    def _too_many(self, error: RateLimitExceeded) -> Response:
        wait = self._rate_limit.wait()
        if request.path != "/login":
            return self._rate_limit.refuse(error)
        _log.warning("login refused: too many tries", extra={"address": request.remote_addr or ""})
        when = f"{wait} seconds" if wait < 90 else f"{wait / 60:.0f} minutes"
        answer = _login_page(local(request.form.get("next", "")), f"Too many tries; the next in {when}.", status=429)
        answer.headers["Retry-After"] = str(wait)
        return answer


def _login_page(to: str, problem: str = "", *, status: int = 200, name: str = "") -> Response:
    """The page that begins a session; `to`: where one goes then."""
    return page("login.html", status, to=to, problem=problem, name=name[:64])


def local(to: str) -> str:
    """Where to go after the login: a path of this server, the overview where `to` is anything else."""
    fine = to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isascii() and to.isprintable()
    return to if fine and to.split("?")[0] not in ("/login", "/logout") and len(to) <= 2048 else "/"


def _unauthorized() -> Response:
    """Whom we do not know: a person goes to the login, a program is told."""
    if is_api(request.path):
        return tokens.refuse_stranger()
    if request.method not in SAFE or not wants_page():
        return refusal(401, "log in first, at /login")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        # A link on another site: browsers keep a strict cookie back until our own page asks for the same again.
        return page("again.html")
    query = request.query_string.decode("latin-1")
    path = quote(request.path) + (f"?{query}" if query else "")
    return _see("/login" if path == "/" else f"/login?next={quote(path, safe='/')}")


def _see(to: str) -> Response:
    return Response(status=303, headers={"Location": to})  # relative, so that no Host header ever stands in it


def _no_right(name: str) -> str:
    if not name:
        return "nobody is logged in, so nothing may be changed: hpo dashboard adduser NAME --write, and log in"
    return f"{name} may look and change nothing: hpo dashboard adduser {shlex.quote(name)} --write gives the right"
