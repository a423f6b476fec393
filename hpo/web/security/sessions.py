"""Who is logged in: a signed cookie says so, to every dashboard of one database, and after a restart as before.

A cookie is good while its signature is, its user has the same password, and nobody has logged out with it. What signs
it and which sessions were ended stand in the database; of passwords nothing does, and no cookie can be made without
the hash of one.
"""

import hashlib
import hmac
import re
import secrets
import time
from typing import TYPE_CHECKING

from flask import Flask, current_app, request, session
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import delete, insert, select

from hpo.storage.schema import dashboard_keys, dashboard_logouts
from hpo.storage.waiting import repeatable
from hpo.web.security.users import Account, Users

if TYPE_CHECKING:
    from hpo.storage import Storage

__all__ = ["IDLE_SECONDS", "SESSION_SECONDS", "PortCookies", "Sessions", "cookie_name", "signing_key"]

SESSION_SECONDS = 12 * 3600  # a session lives at most so long
IDLE_SECONDS = 2 * 3600  # and so long without a request; an open page asks every few seconds
_PORT = re.compile(r":(\d{1,5})$")


class PortCookies(SecureCookieSessionInterface):
    """Flask's sessions in signed cookies that only this server's port uses, and over TLS only where there is."""

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002 - as Flask calls it
        """The name for this request."""
        return cookie_name("session")

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether a browser may send it over TLS alone."""
        return bool(app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def cookie_name(purpose: str) -> str:
    """Name of a cookie.

    Browsers send a host's cookies to all of its ports, so it ends with the port: two servers of one machine have
    different ones. A browser takes `__Host-` from TLS alone.
    """
    port = _PORT.search(request.headers.get("Host", ""))
    name = f"hpo_{purpose}" + (f"_{port[1]}" if port else "")
    return f"__Host-{name}" if current_app.session_interface.get_cookie_secure(current_app) else name


def signing_key(storage: "Storage") -> str:
    """What signs the cookies of all dashboards of that database; drawn by the first of them.

    Raises:
        StorageError: the database failed.

    """
    return _key(storage.patient)


@repeatable
def _key(storage: "Storage") -> str:
    kept = select(dashboard_keys.c.key)
    with storage.read() as connection:
        key: str | None = connection.scalar(kept)
    if key is not None:
        return key
    with storage.exclusive() as connection:
        key = connection.scalar(kept)  # another one may have been first
        if key is None:
            key = secrets.token_hex(32)
            connection.execute(insert(dashboard_keys).values(id=1, key=key))
    return key


class Sessions:
    """What the session of a request says, and how one begins and ends; only within a request."""

    def __init__(self, storage: "Storage", users: Users) -> None:
        self._storage = storage
        self._users = users

    def begin(self, account: Account) -> str:
        """Begin a session of that user; what stands for the user in it."""
        session.clear()
        session.permanent = True  # until it is idle for too long, and not until the browser is closed
        session.update(id=secrets.token_hex(16), began=int(time.time()))
        return f"{account.name} {_stamp(account)}"

    def account(self) -> Account | None:
        """Whose session it is, by the cookie alone; None where it is nobody's, or over by time, password or user."""
        name, _, stamp = str(session.get("_user_id", "")).partition(" ")
        account = self._users.find(name)
        if account is None or not hmac.compare_digest(stamp, _stamp(account)):
            return None
        return account if time.time() - session.get("began", 0) < SESSION_SECONDS else None

    def ended(self) -> bool:
        """Whether somebody has logged out with it, at whichever dashboard. Raises StorageError."""
        return _was_ended(self._storage.patient, session["id"])

    def end(self) -> None:
        """End it, at all dashboards of the database. Raises StorageError."""
        ended = session.get("id")
        session.clear()
        if ended is not None:
            _end(self._storage.patient, ended)


@repeatable
def _was_ended(storage: "Storage", ended: str) -> bool:
    with storage.read() as connection:
        query = select(dashboard_logouts.c.session).where(dashboard_logouts.c.session == ended)
        return connection.scalar(query) is not None


@repeatable
def _end(storage: "Storage", ended: str) -> None:
    now = time.time()
    with storage.exclusive() as connection:
        over = (dashboard_logouts.c.expires_at < now) | (dashboard_logouts.c.session == ended)
        connection.execute(delete(dashboard_logouts).where(over))
        connection.execute(insert(dashboard_logouts).values(session=ended, expires_at=now + SESSION_SECONDS))


def _stamp(account: Account) -> str:
    """What a session is bound to: another password is another stamp."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, f"{account.name} {account.password}".encode(), hashlib.sha256).hexdigest()
