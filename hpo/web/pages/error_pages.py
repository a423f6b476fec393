"""What the pages say when something goes wrong: one line, as a page or, where a script asked, as JSON."""

import logging

from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from hpo.errors import HpoError, StorageError, StudyError

__all__ = ["refusal", "register"]

_log = logging.getLogger("hpo.web")
_TITLES = {403: "Not allowed", 404: "Not found", 405: "Not so", 503: "The database does not answer"}


def register(app: Flask) -> None:
    """Have every error answered in our own words."""
    app.register_error_handler(HpoError, _expected)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _defect)


def refusal(status: int, message: str) -> Response:
    """The answer that says why there is no other."""
    if request.accept_mimetypes.best == "application/json" or request.path.startswith("/live/"):
        response = make_response({"reason": message}, status)
    else:
        title = _TITLES.get(status, "This did not work")
        response = make_response(render_template("error.html", title=title, message=message), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _expected(error: HpoError) -> Response:
    if isinstance(error, StorageError):
        return refusal(503, str(error))
    return refusal(404 if isinstance(error, StudyError) else 400, str(error))


def _refused(error: HTTPException) -> Response:
    code = error.code or 500
    message = {404: "there is nothing under this address", 405: "this address cannot be used so"}.get(code, error.name)
    response = refusal(code, message)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _defect(error: Exception) -> Response:
    _log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return refusal(500, "this is a defect: the log of the dashboard has the details")
