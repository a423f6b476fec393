"""optuna-dashboard behind our login, whole and unmodified.

`rules.py` says for each of its routes who may use it; `middleware.py` puts our script and the way back into its page,
sees to it that what people attached is never run by a browser, and has it forget a study that was deleted.
"""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from hpo.storage import Storage
from hpo.web.optuna_dashboard.middleware import Current, Harmless, Shell
from hpo.web.optuna_dashboard.rules import Guard

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["create"]


def create(storage: Storage, *, artifacts: Path | None = None) -> "WSGIApplication":
    """Its WSGI application over `storage`; `artifacts` is the folder of attached files, None: it offers none."""
    from optuna.artifacts import FileSystemArtifactStore
    from optuna_dashboard import wsgi  # type: ignore[import-untyped]

    store = FileSystemArtifactStore(artifacts) if artifacts else None

    def make() -> "WSGIApplication":
        app = wsgi(storage.optuna, store)
        app.install(Guard())
        return cast("WSGIApplication", app)

    return Shell(Harmless(Current(storage, make)))
