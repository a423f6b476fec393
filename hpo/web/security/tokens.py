"""Programs that are let in by a token, for one request each: `Authorization: Bearer TOKEN` (RFC 6750).

A token counts below `/api/v1` and for `/metrics`, where programs ask, and nowhere else; it stands in no address, which
logs and histories keep. Below `/api/v1` nothing is changed without one: a browser sends cookies along with whatever
page asks, and a token with none.
"""

import logging

from flask import Response, request

from hpo.errors import HpoError
from hpo.storage import Storage
from hpo.storage.program_tokens import find
from hpo.web.security.identity import CSRF, SAFE, USER, User, user_of
from hpo.web.security.rate_limit import RateLimit
from hpo.web.security.refusals import is_api, refusal, unavailable

__all__ = ["BY_TOKEN", "Bearers", "refuse_stranger"]

BY_TOKEN = "/metrics"  # where tokens count besides /api/v1
_ASK = 'Bearer realm="hpo"'
_REMEDY = "hpo dashboard token create NAME makes one, to be sent as Authorization: Bearer TOKEN"

_log = logging.getLogger("hpo.web")


class Bearers:
    """Knows programs by their tokens, as the database has them now, and counts what they ask."""

    def __init__(self, storage: Storage, rate_limit: RateLimit) -> None:
        self._storage = storage
        self._rate_limit = rate_limit

    def identify(self) -> Response | None:
        """Say in the environment which program asks, where a token came; refuse one that is not known."""
        environ = request.environ
        environ.pop(USER, None)
        if not (is_api(request.path) or request.path == BY_TOKEN):
            return None
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = find(self._storage, text.strip())
        except HpoError as error:
            return unavailable(error)
        if token is None:
            self._rate_limit.unknown_token()
            _log.warning("token refused", extra={"address": request.remote_addr or ""})
            reason = f"the token is not known, is over, or was revoked: {_REMEDY}"
            return refusal(401, reason, WWW_Authenticate=f'{_ASK}, error="invalid_token"')
        environ[USER] = User(name=f"token {token.name}", may_write=token.scope == "write", token=token.name)
        environ[CSRF] = ""
        return None

    def count(self) -> None:
        """Count a request of a program's, whoever it is. Raises RateLimitExceeded."""
        if is_api(request.path):
            self._rate_limit.program()

    def refuse_change(self) -> Response | None:
        """Refuse a change below `/api/v1` without a token that may make it; cookies count for none."""
        if request.method in SAFE or not is_api(request.path):
            return None
        user = user_of(request.environ)
        if user.token is None:
            return refuse_stranger()
        if user.may_write:
            return None
        reason = f"{user.name} may look and change nothing: hpo dashboard token create NAME --scope write makes another"
        return refusal(403, reason, WWW_Authenticate=f'{_ASK}, error="insufficient_scope", scope="write"')


def refuse_stranger() -> Response:
    """The answer to a program without a token where it needs one."""
    return refusal(401, f"a token is needed: {_REMEDY}", WWW_Authenticate=_ASK)
