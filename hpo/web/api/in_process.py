"""The interface without a network, for a program that has the database: the same operations, tokens and problems."""

from typing import TYPE_CHECKING

from flask import Flask, Response, request
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from hpo.storage import Storage
from hpo.web.api.serving import register
from hpo.web.security.identity import ANYONE, USER, user_of
from hpo.web.security.rate_limit import RateLimit
from hpo.web.security.refusals import problem
from hpo.web.security.request_checks import refuse_what_is_no_json_object
from hpo.web.security.tokens import Bearers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["application"]


def application(storage: Storage, *, most_open: int) -> "WSGIApplication":
    """The interface alone: whoever has no token may look, as whoever has the database may."""
    app = Flask(__name__)
    rate_limit = RateLimit(app)
    bearers = Bearers(storage, rate_limit)

    def look() -> None:
        if user_of(request.environ).token is None:
            request.environ[USER] = ANYONE

    def refused(error: HTTPException) -> Response:
        return problem(error.code or 500, error.description or error.name)

    for check in (bearers.identify, look, bearers.refuse_change, refuse_what_is_no_json_object):
        app.before_request(check)
    app.register_error_handler(RateLimitExceeded, rate_limit.refuse)
    app.register_error_handler(HTTPException, refused)
    register(app, storage, most_open=most_open)
    return app
