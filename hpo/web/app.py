"""All that a browser is served, put together: our pages and optuna-dashboard, and the door around both."""

from pathlib import Path
from typing import TYPE_CHECKING

from hpo.service.storage import Storage
from hpo.web.door import Door, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["OPTUNA_DASHBOARD", "create"]

OPTUNA_DASHBOARD = frozenset(
    {"api", "artifacts", "csv", "dashboard", "favicon.ico", "incompatible-rdb-schema", "static"}
)
"""First segments of the paths that are optuna-dashboard's, which sits at the root and cannot be moved."""


def create(storage: Storage, gate: Gate, *, artifacts: Path | None = None) -> Door:
    """Everything of the studies in `storage`, behind the door that `gate` describes.

    Args:
        storage: the open database.
        gate: who is let in, and under which names we are known.
        artifacts: folder of the files people attach to trials in optuna-dashboard; None: it offers none.

    """
    from hpo.web import optuna_dashboard, pages

    ours = pages.create(storage)
    theirs = optuna_dashboard.create(storage, artifacts=artifacts)

    def rooms(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        first = environ.get("PATH_INFO", "").split("/", 2)[1:2]
        return (theirs if first and first[0] in OPTUNA_DASHBOARD else ours)(environ, start_response)

    return Door(rooms, gate)
