"""How a request is told that it is turned away: a page to a person, one line of JSON to a program.

Below `/api/v1` that is a problem as RFC 9457 has it, with the line that the command line prints as its detail;
elsewhere `{"reason": …}`, as optuna-dashboard's own refusals.
"""

import json
import logging

from flask import Response, render_template, request
from werkzeug.http import HTTP_STATUS_CODES

from hpo.errors import HpoError
from hpo.messages import printable
from hpo.report import theme
from hpo.web.security.identity import nonce_of

__all__ = ["API", "PROBLEM", "RETRY_SECONDS", "is_api", "page", "problem", "refusal", "unavailable", "wants_page"]

API = "/api/v1"
"""Where the interface for programs lies."""

PROBLEM = "application/problem+json"
RETRY_SECONDS = "5"  # after which a database that is away is asked again

_log = logging.getLogger("hpo.web")
_COLOURS = {"ink": theme.INK, "muted": theme.MUTED, "paper": theme.PAPER, "go": theme.OPTIMUM, "bad": theme.BAD}


def is_api(path: str) -> bool:
    """Whether that is a path of the interface for programs."""
    return path == API or path.startswith(f"{API}/")


def wants_page() -> bool:
    """Whether a person's browser asks for a page, and no script or program for data."""
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return False
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api")


def page(template: str, status: int = 200, **context: object) -> Response:
    """One of the small pages in `templates/security`, which need no other file: those are for users only."""
    nonce = nonce_of(request.environ)
    text = render_template(f"security/{template}", nonce=nonce, colours=_COLOURS, **context)
    return Response(text, status=status, mimetype="text/html")


def problem(status: int, detail: str) -> Response:
    """What went wrong, as RFC 9457 has it; `detail`: in one line."""
    title = HTTP_STATUS_CODES.get(status, "Refused")
    line = printable(" ".join(detail.split()))
    told = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": line})
    return Response(told, status=status, mimetype=PROBLEM)


def refusal(status: int, reason: str, **headers: str) -> Response:
    """The answer that says why there is no other."""
    if is_api(request.path):
        answer = problem(status, reason)
    elif wants_page():
        answer = page("refused.html", status, title=HTTP_STATUS_CODES.get(status, "Refused"), reason=reason)
    else:
        answer = Response(json.dumps({"reason": reason}), status=status, mimetype="application/json")
    answer.headers.extend({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


def unavailable(error: HpoError) -> Response:
    """The answer where the database or the users cannot be read; the log alone says why."""
    _log.error("%s", error)
    reason = "the database or the file of users does not answer now: try again in a moment"
    return refusal(503, reason, Retry_After=RETRY_SECONDS)
