"""Who may change something: a user with that right, whose request carries the session's token (Flask-WTF).

A page of another site can have a browser send us a request, cookies and all, but cannot read the token. (A browser that
says where a request comes from is stopped before, by `origins.py`; this holds without its help.)
"""

import shlex

from flask import Flask, Response, request
from flask_login import current_user  # type: ignore[import-untyped]
from flask_wtf.csrf import CSRFError, CSRFProtect  # type: ignore[import-untyped]

from hpo.web.security.identity import SAFE, user_of
from hpo.web.security.login import local, login_page
from hpo.web.security.refused_requests import refusal
from hpo.web.security.users import Users

__all__ = ["Permissions"]


class Permissions:
    """Lets everybody look, and change something whoever may write and knows the token."""

    def __init__(self, app: Flask, users: Users) -> None:
        self._csrf = CSRFProtect(app)
        self._users = users

    def refuse(self) -> Response | None:
        """Refuse a change that somebody may not make, or may not have asked for."""
        if request.method in SAFE:
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
                return login_page(to, "The page had stood open for too long; please try again.", status=403)
            return refusal(403, "the request lacks the token of this session: load the page again, and repeat it there")
        return None


def _no_right(name: str) -> str:
    if not name:
        return "nobody is logged in, so nothing may be changed: hpo dashboard adduser NAME --write, and log in"
    return f"{name} may look and change nothing: hpo dashboard adduser {shlex.quote(name)} --write gives the right"
