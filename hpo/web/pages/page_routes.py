"""The application that serves our pages: its routes, and what every template of them may use."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hpo.storage import Storage

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create"]


def create(storage: Storage, *, shared_seconds: float = 1.0) -> "Flask":
    """Our pages of the studies in `storage`, as a WSGI application.

    Its routes: `/`, `/studies/…`, `/live/…`, `/metrics`, `/healthz`, `/assets/…`. Each study's page is
    `/studies/NAME`, its report `/studies/NAME/report`; how a name is written there: `addresses.segment`.

    Args:
        storage: the open database.
        shared_seconds: for which one look at the database serves everybody who watches.

    """
    from flask import Flask, Response
    from jinja2 import StrictUndefined

    from hpo.web.pages import error_pages, health, prometheus, reports, style, views
    from hpo.web.pages.addresses import StudyName

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
    error_pages.register(app)
    views.register(app, storage, shared_seconds)
    reports.register(app, storage)
    health.register(app, storage, shared_seconds)
    prometheus.register(app, storage)
    style.register(app)
    return app


def _asked() -> dict[str, Any]:
    """What every template knows of the request."""
    from flask import request

    from hpo.web.security.identity import csrf_of, nonce_of, user_of

    return {"user": user_of(request.environ), "csrf": csrf_of(request.environ), "nonce": nonce_of(request.environ)}


def _filters() -> dict[str, Any]:
    from hpo.report import formatting
    from hpo.study.objectives import less
    from hpo.web.pages.addresses import anchor
    from hpo.web.pages.study_page import word

    return {
        "anchor": anchor,
        "clock": lambda at: f"{_moment(at):%Y-%m-%d %H:%M} UTC",
        "configuration": formatting.configuration,
        "count": formatting.count,
        "duration": formatting.duration,
        "figure": formatting.figure,
        "iso": lambda at: f"{_moment(at):%Y-%m-%dT%H:%M:%S}Z",
        "less": less,
        "word": word,
    }


def _moment(at: datetime | float) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
