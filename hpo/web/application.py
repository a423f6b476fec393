"""All that is served, in one Flask application: our pages, optuna-dashboard, what programs ask; security before all."""

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.settings import MOST_OPEN
from hpo.storage import Storage
from hpo.web.security.hooks import Access, protect
from hpo.web.security.refusals import API

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask
    from werkzeug.wrappers import Response as AnyResponse

    from hpo.web.security.request_checks import Longest

__all__ = ["OPTUNA_DASHBOARD", "Dashboard", "create", "mount"]

OPTUNA_DASHBOARD = ("api", "artifacts", "csv", "dashboard", "favicon.ico", "incompatible-rdb-schema", "static")
"""First segments of the paths that are optuna-dashboard's, which sits at the root and cannot be moved."""

_log = logging.getLogger("hpo.web")


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """What is to be served, and what a server has to know of it before it takes a request in."""

    app: "Flask"
    longest: "Longest"  # how many bytes the body of a request may have


def create(storage: Storage, access: Access, *, artifacts: Path | None = None, most_open: int = MOST_OPEN) -> Dashboard:
    """Everything of the studies in `storage`.

    Args:
        storage: the open database.
        access: who is let in, and under which names we are known.
        artifacts: folder of the files people attach to trials in optuna-dashboard; None: it offers none.
        most_open: trials that may be open in all studies together; programs add none beyond.

    Raises:
        StorageError: the database failed.

    """
    from hpo.web import api, optuna_dashboard, pages

    app = pages.create(storage)
    api.register(app, storage, most_open=most_open)
    mount(app, optuna_dashboard.create(storage, artifacts=artifacts))
    return Dashboard(app=app, longest=protect(app, storage, access))


def mount(app: "Flask", inner: "WSGIApplication") -> None:
    """Have `inner` answer what is optuna-dashboard's, as a view of `app`: behind all that stands before its views."""
    from flask import Response, request
    from werkzeug.routing import PathConverter

    from hpo.errors import HpoError
    from hpo.web.security.refusals import refusal, unavailable

    class Passed(Response):
        default_mimetype = None  # an answer without a body has no type

    def view(**_: str) -> "AnyResponse":
        request.environ["wsgi.input"] = io.BytesIO(request.get_data())  # somebody may have read it before
        try:
            return Passed.from_app(inner, request.environ)
        except HpoError as error:
            return unavailable(error)
        except Exception:
            _log.exception("defect in answering %s %s", request.method, request.path)
            return refusal(500, "something is wrong with this server; its log says what")

    class Theirs(PathConverter):
        regex = rf"(?!{API.rpartition('/')[2]}(?:/|$))[^/].*?"  # below /api, too: v1 is ours

    app.url_map.converters["theirs"] = Theirs
    first = f"/<any({', '.join(map(repr, OPTUNA_DASHBOARD))}):first>"
    for rule in (first, f"{first}/", f"{first}/<theirs:rest>"):
        app.add_url_rule(rule, "optuna_dashboard", view, methods=["GET", "POST", "PUT", "DELETE"])
