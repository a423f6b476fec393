"""All that a browser is served, in one Flask application: our pages, optuna-dashboard, and the security before both."""

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.storage import Storage
from hpo.web.security.hooks import Access, protect

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


def create(storage: Storage, access: Access, *, artifacts: Path | None = None) -> Dashboard:
    """Everything of the studies in `storage`.

    Args:
        storage: the open database.
        access: who is let in, and under which names we are known.
        artifacts: folder of the files people attach to trials in optuna-dashboard; None: it offers none.

    Raises:
        StorageError: the database failed.

    """
    from hpo.web import optuna_dashboard, pages

    app = pages.create(storage)
    mount(app, optuna_dashboard.create(storage, artifacts=artifacts))
    return Dashboard(app=app, longest=protect(app, storage, access))


def mount(app: "Flask", inner: "WSGIApplication") -> None:
    """Have `inner` answer what is optuna-dashboard's, as a view of `app`: behind all that stands before its views."""
    from flask import Response, request

    from hpo.errors import HpoError
    from hpo.web.security.request_checks import refusal, unavailable

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

    first = f"/<any({', '.join(map(repr, OPTUNA_DASHBOARD))}):first>"
    for rule in (first, f"{first}/", f"{first}/<path:rest>"):
        app.add_url_rule(rule, "optuna_dashboard", view, methods=["GET", "POST", "PUT", "DELETE"])
