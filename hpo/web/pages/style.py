"""The style sheet of our pages: the report page's colours and rules, and what only these pages have."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request

from hpo.report import page

__all__ = ["register", "sheet"]


def register(app: Flask) -> None:
    """Add the route."""

    def style() -> Response:
        text = sheet()
        response = Response(text, mimetype="text/css")
        response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
        response.headers["Cache-Control"] = "private, no-cache"
        response.make_conditional(request)
        return response

    app.add_url_rule("/assets/style.css", "style", style)


@cache
def sheet() -> str:
    """The whole style sheet."""
    return "\n".join([page.sheet(), (Path(__file__).parent / "assets" / "pages.css").read_text()])
