"""Who asks, and where pages and optuna-dashboard find it: in the request's WSGI environment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["ANYONE", "CSRF", "NONCE", "SAFE", "USER", "User", "csrf_of", "nonce_of", "user_of"]

SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

USER = "hpo.user"  # User; always there behind the checks
CSRF = "hpo.csrf"  # the token a change must carry; empty for who may change nothing
NONCE = "hpo.nonce"  # what marks our own scripts and styles in this answer


@dataclass(frozen=True, kw_only=True)
class User:
    """Who was let in."""

    name: str  # as they log in; empty where nobody has to
    may_write: bool  # may stop and resume studies, write notes
    token: str | None = None  # name of the token by which a program was let in; None: it is a person


ANYONE = User(name="", may_write=False)
"""Who asks where there are no users, which only a loopback address may serve: may look, may change nothing."""


def user_of(environ: "WSGIEnvironment") -> User:
    """Who asks; somebody who may only look where nobody has said."""
    user: User = environ.get(USER, ANYONE)
    return user


def csrf_of(environ: "WSGIEnvironment") -> str:
    """The token this user's changes must carry; empty where there is none."""
    return str(environ.get(CSRF, ""))


def nonce_of(environ: "WSGIEnvironment") -> str:
    """What marks our scripts and styles in the answer to this request."""
    return str(environ.get(NONCE, ""))
