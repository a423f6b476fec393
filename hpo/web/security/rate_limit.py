"""How often passwords and tokens may be tried, and how often programs may ask (Flask-Limiter).

Passwords: by an address, for a user, and by a browser that got in before.

A limit for each user stops guessing from many addresses, and would let a stranger lock that user out. So a browser that
has logged in as the user once keeps a signed token by which it has tries of its own (OWASP's "device cookies"), also
where all come from one address, as behind a proxy nobody told us of. Names nobody has are counted like any other: an
answer never tells which exist. Only a wrong password counts. Each process counts for itself, and a restart forgets.
"""

import hashlib
import ipaddress
import logging
import secrets
import time
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from itsdangerous import BadData, URLSafeTimedSerializer

from hpo.web.security.identity import user_of
from hpo.web.security.refusals import refusal
from hpo.web.security.sessions import cookie_name

__all__ = [
    "REQUESTS",
    "REQUESTS_SECONDS",
    "TRIES",
    "TRIES_SECONDS",
    "USER_SECONDS",
    "USER_TRIES",
    "RateLimit",
    "trust_browser",
]

T = TypeVar("T")

_log = logging.getLogger("hpo.web")

TRIES, TRIES_SECONDS = 10, 300  # of an address, or of a trusted browser: so many wrong ones in so many s
USER_TRIES, USER_SECONDS = 20, 1200  # the same for one user, from all browsers that never got in
_TRUSTED_SECONDS = 90 * 86400  # a browser stays trusted so long


REQUESTS, REQUESTS_SECONDS = 600, 60  # a program may make so many requests in so many s, whatever they ask for


class RateLimit:
    """Counts the tries at one application."""

    def __init__(self, app: Flask) -> None:
        self._limiter = Limiter(_address, app=app, storage_uri="memory://", strategy="fixed-window")
        # Each is called to count the request, and raises RateLimitExceeded after too many.
        self.unknown_token = self._limiter.shared_limit(
            f"{TRIES} per {TRIES_SECONDS} seconds",
            scope="token",
            key_func=_address,
            error_message="too many requests with a token that is not known",
            deduct_when=lambda response: response.status_code == 401,
        )(_with_unknown_token)
        self.program = self._limiter.shared_limit(
            f"{REQUESTS} per {REQUESTS_SECONDS} seconds",
            scope="program",
            key_func=lambda: user_of(request.environ).token or _address(),
            error_message=f"more than {REQUESTS} requests in {REQUESTS_SECONDS} seconds",
        )(_of_program)

    def limited(self, check: Callable[[str, str], T]) -> Callable[[str, str], T]:
        """Have `check(name, password)`, anywhere in a request, refused by RateLimitExceeded after too many tries."""

        def named(name: str, password: str) -> T:
            g.tried_name = name
            return counted(name, password)

        counted = check
        for amount, seconds, key, exempt in (
            (TRIES, TRIES_SECONDS, _address, _is_trusted),
            (USER_TRIES, USER_SECONDS, _user, _is_trusted),
            (TRIES, TRIES_SECONDS, _browser, lambda: not _is_trusted()),
        ):
            counted = self._limiter.shared_limit(
                f"{amount} per {seconds} seconds",
                scope=key.__name__,
                key_func=key,
                error_message="too many tries",
                exempt_when=exempt,
                deduct_when=lambda response: response.status_code == 401,
            )(counted)
        return named

    def refuse(self, error: RateLimitExceeded) -> Response:
        """The answer after RateLimitExceeded."""
        _log.warning("refused: %s", error.description, extra={"address": request.remote_addr or ""})
        return refusal(429, error.description or "too many tries", Retry_After=str(self.wait()))

    def wait(self) -> int:
        """Seconds until there is a try again, after RateLimitExceeded."""
        limit = self._limiter.current_limit
        return max(1, int(limit.reset_at - time.time()) + 1) if limit else 1


def _with_unknown_token() -> None:
    """What is counted where a token is not known."""


def _of_program() -> None:
    """What is counted of every program's request."""


def trust_browser(response: Response, user: str) -> None:
    """Have the browser remember that it got in as `user`."""
    token = _signer().dumps([user, secrets.token_urlsafe(12)])
    secure = current_app.session_interface.get_cookie_secure(current_app)
    response.set_cookie(
        cookie_name("known"), token, max_age=_TRUSTED_SECONDS, secure=secure, httponly=True, samesite="Strict"
    )


def _is_trusted() -> bool:
    return bool(_browser())


def _browser() -> str:
    """The browser that got in before as the user who is tried; empty where none did."""
    try:
        name, browser = _signer().loads(request.cookies.get(cookie_name("known"), ""), max_age=_TRUSTED_SECONDS)
    except (BadData, ValueError, TypeError):
        return ""
    return str(browser) if name == g.tried_name else ""


def _user() -> str:
    return hashlib.sha256(g.tried_name.encode("utf-8", "surrogatepass")).hexdigest()


def _address() -> str:
    """The address; of IPv6 the /64, all of which one household or machine has."""
    address = request.remote_addr or "unknown"
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped is None:
        return str(ipaddress.ip_network((read, 64), strict=False))
    return str(read)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.config["SECRET_KEY"]), salt="trusted browser")
