"""optuna-dashboard, whole and unmodified, with our script in its shell."""

from pathlib import Path
from typing import TYPE_CHECKING

from hpo.service.storage import Storage

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["create"]


def create(storage: Storage, *, artifacts: Path | None = None) -> "WSGIApplication":
    """Its WSGI application over `storage`; `artifacts` is the folder of attached files, None: it offers none."""
    from optuna.artifacts import FileSystemArtifactStore
    from optuna_dashboard import wsgi  # type: ignore[import-untyped]

    app: WSGIApplication = wsgi(storage.optuna, FileSystemArtifactStore(artifacts) if artifacts else None)
    return app
