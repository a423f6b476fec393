"""The application that serves our pages: its routes, what every template may use, what is said of an error."""

import hashlib
import json
import logging
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from jinja2 import StrictUndefined
from sqlalchemy import text
from werkzeug.exceptions import HTTPException

from hpo.errors import HpoError, StorageError, StudyError
from hpo.report import formatting, page
from hpo.storage import Storage
from hpo.storage.studies import halting
from hpo.study.objectives import wanted
from hpo.web.addresses import StudyName, anchor
from hpo.web.pages import prometheus, reports
from hpo.web.pages.page_data import Overview, StudyPage, overview, study_page
from hpo.web.pages.shared import Shared
from hpo.web.security.identity import csrf_of, nonce_of, user_of
from hpo.web.security.refusals import is_api, problem

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

__all__ = ["create", "sheet"]

_BUSY, _QUIET = 2, 5  # seconds until a page asks again: while something is in hand, and while nothing is

_OVERVIEW = ("studies", "fleet")
_STUDY = ("progress", "control", "found", "trials", "workers")
"""Names of the sections of each page that change, which are also those of their templates in parts/."""

_log = logging.getLogger("hpo.web")
_TITLES = {403: "Not allowed", 404: "Not found", 405: "Not so", 503: "The database does not answer"}


def create(storage: Storage, *, shared_seconds: float = 1.0) -> Flask:
    """Our pages of the studies in `storage`, as a WSGI application.

    Its routes: `/`, `/studies/…`, `/live/…`, `/metrics`, `/healthz`, `/assets/…`. Each study's page is
    `/studies/NAME`, its report `/studies/NAME/report`; how a name is written there: `addresses.segment`.

    Args:
        storage: the open database.
        shared_seconds: for which one look at the database serves everybody who watches.

    """

    class Answer(Response):
        def set_data(self, value: bytes | str) -> None:
            # A name or a value in a database may be no whole text: half a surrogate pair has no UTF-8.
            super().set_data(value.encode(errors="replace") if isinstance(value, str) else value)

    app = Flask(__name__, static_folder="assets", static_url_path="/assets", template_folder="templates")
    app.response_class = Answer
    app.url_map.converters["study"] = StudyName
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(_filters())
    app.context_processor(_asked)
    _register_errors(app)
    _register_views(app, storage, shared_seconds)
    reports.register(app, storage)
    _register_health(app, storage, shared_seconds)
    prometheus.register(app, storage)
    app.add_url_rule("/assets/style.css", "style", lambda: _conditional(sheet(), "text/css"))
    return app


def _asked() -> dict[str, Any]:
    """What every template knows of the request."""
    return {"user": user_of(request.environ), "csrf": csrf_of(request.environ), "nonce": nonce_of(request.environ)}


def _filters() -> dict[str, Any]:
    return {
        "anchor": anchor,
        "clock": lambda at: f"{_moment(at):%Y-%m-%d %H:%M} UTC",
        "configuration": formatting.configuration,
        "count": formatting.count,
        "duration": formatting.duration,
        "figure": formatting.figure,
        "iso": lambda at: f"{_moment(at):%Y-%m-%dT%H:%M:%S}Z",
        "wanted": wanted,
        "word": shlex.quote,  # a name as it is typed in a shell
    }


def _moment(at: datetime | float) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)


def _register_views(app: Flask, storage: Storage, shared_seconds: float) -> None:
    """Add the routes."""
    views = _Views(storage, shared_seconds)
    app.add_url_rule("/", "overview", views.overview)
    app.add_url_rule("/live/overview", "live_overview", views.live_overview)
    app.add_url_rule("/studies/<study:name>", "study", views.study)
    app.add_url_rule("/live/studies/<study:name>", "live_study", views.live_study)
    app.add_url_rule("/studies/<study:name>/stop", "stop", views.stop, methods=["POST"])
    app.add_url_rule("/studies/<study:name>/resume", "resume", views.resume, methods=["POST"])


class _Views:
    """One for each application."""

    def __init__(self, storage: Storage, seconds: float) -> None:
        self._storage = storage
        self._overview: Shared[None, Overview] = Shared(lambda _: overview(storage), seconds=seconds)
        self._studies: Shared[str, StudyPage] = Shared(lambda name: study_page(storage, name), seconds=seconds)

    def overview(self) -> str:
        """Every study and the fleet."""
        return render_template("overview.html", overview=self._overview.get(None))

    def live_overview(self) -> Response:
        """What of it changes."""
        found = self._overview.get(None)
        busy = any(card.hand for card in found.fleet.workers) or bool(found.fleet.guests)
        return _live(_OVERVIEW, busy=busy, overview=found)

    def study(self, name: str) -> str:
        """One study."""
        return render_template("study.html", its=self._studies.get(name))

    def live_study(self, name: str) -> Response:
        """What of it changes."""
        its = self._studies.get(name)
        parts = tuple(part for part in _STUDY if part != "control" or user_of(request.environ).may_write)
        return _live(parts, busy=bool(its.status.running), its=its)

    def stop(self, name: str) -> "ResponseReturnValue":
        """Begin nothing new in a study."""
        by, now = user_of(request.environ).name or "somebody on this machine", bool(request.form.get("now"))
        why = request.form.get("why") or None
        return self._change(name, lambda: halting.stop(self._storage, name, by=by, why=why, now=now))

    def resume(self, name: str) -> "ResponseReturnValue":
        """Let a stopped study go on."""
        return self._change(name, lambda: halting.resume(self._storage, name))

    def _change(self, name: str, change: Callable[[], object]) -> "ResponseReturnValue":
        if not user_of(request.environ).may_write:
            return _refusal(403, "you may look but not change anything: ask for the right to write")
        change()
        self._overview.forget()
        self._studies.forget()
        if request.accept_mimetypes.best == "application/json":  # the page's own script
            return {"done": True}
        return redirect(url_for("study", name=name), 303)


def _live(parts: tuple[str, ...], *, busy: bool, **context: Any) -> Response:
    """The sections of a page as they are now, or 304 where they are as the asker has them."""
    sections = {name: render_template(f"parts/{name}.html", **context) for name in parts}
    return _conditional(json.dumps({"wait": _BUSY if busy else _QUIET, "parts": sections}), "application/json")


def _conditional(body: str, mimetype: str) -> Response:
    """The text, or 304 where the asker has it."""
    response = Response(body, mimetype=mimetype)
    response.set_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


def _register_health(app: Flask, storage: Storage, shared_seconds: float) -> None:
    """Add the route: 200 where the database answers, 503 where it does not.

    Nobody has to log in to ask, so asking often costs the database nothing.
    """
    answers: Shared[None, bool] = Shared(lambda _: _database_answers(storage), seconds=shared_seconds)

    def healthz() -> tuple[dict[str, str], int]:
        return ({"status": "ok"}, 200) if answers.get(None) else ({"status": "the database does not answer"}, 503)

    app.add_url_rule("/healthz", "healthz", healthz)


def _database_answers(storage: Storage) -> bool:
    try:
        with storage.read() as connection:
            connection.execute(text("SELECT 1"))
    except StorageError:
        return False
    return True


@cache
def sheet() -> str:
    """The whole style sheet."""
    return "\n".join([page.sheet(), (Path(__file__).parent / "assets" / "pages.css").read_text()])


def _register_errors(app: Flask) -> None:
    """Have every error answered in our own words."""
    app.register_error_handler(HpoError, _expected)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _defect)


def _refusal(status: int, message: str) -> Response:
    """The answer that says why there is no other."""
    if is_api(request.path):
        return problem(status, message)
    if request.accept_mimetypes.best == "application/json" or request.path.startswith("/live/"):
        response = make_response({"reason": message}, status)
    else:
        title = _TITLES.get(status, "This did not work")
        response = make_response(render_template("error.html", title=title, message=message), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _expected(error: HpoError) -> Response:
    if isinstance(error, StorageError):
        return _refusal(503, str(error))
    return _refusal(404 if isinstance(error, StudyError) else 400, str(error))


def _refused(error: HTTPException) -> Response:
    code = error.code or 500
    message = {404: "there is nothing under this address", 405: "this address cannot be used so"}.get(code, error.name)
    response = _refusal(code, message)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _defect(error: Exception) -> Response:
    _log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return _refusal(500, "this is a defect: the log of the dashboard has the details")
