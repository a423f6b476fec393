"""The application that serves our pages: its routes, and what it says when something goes wrong."""

from typing import TYPE_CHECKING

from hpo.service.storage import Storage

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create"]


def create(storage: Storage) -> "Flask":
    """Our pages of the studies in `storage`, as a WSGI application.

    Its routes: `/`, `/studies/…`, `/live/…`, `/metrics`, `/healthz`, `/assets/…`.
    """
    from flask import Flask

    from hpo.web.pages import health, overview
    from hpo.web.pages.addresses import StudyName

    app = Flask(__name__, static_folder="assets", static_url_path="/assets", template_folder="templates")
    app.url_map.converters["study"] = StudyName
    app.add_url_rule("/", "overview", overview.page)
    app.add_url_rule("/healthz", "healthz", health.healthz(storage))
    return app
