"""optuna-dashboard made anew when a study was deleted: what it remembers of one, it would show as another's.

It and Optuna's storage remember trials by the numbers of studies and trials, which SQLite gives again. A study that is
deleted and made again while the pages are open would show old trials among the new ones.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sqlalchemy import select

from hpo.storage import Storage
from hpo.storage.schema import studies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Current"]

_REMEMBERING = ("/api/", "/csv/", "/artifacts/")  # paths that tell of studies


class Current:
    """The application that `make` makes, and another one once a study it may remember is gone."""

    def __init__(self, storage: Storage, make: Callable[[], "WSGIApplication"]) -> None:
        self._storage = storage
        self._make = make
        self._lock = threading.Lock()
        self._app = make()
        self._studies = self._present()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it; raises StorageError where the database is away."""
        app = self._now() if environ["PATH_INFO"].startswith(_REMEMBERING) else self._app
        return app(environ, start_response)

    def _now(self) -> "WSGIApplication":
        with self._lock:
            present = self._present()
            if not self._studies <= present:
                self._storage.forget()
                self._app = self._make()
            self._studies = present
            return self._app

    def _present(self) -> set[int]:
        """Every study's id, which is of no study that was deleted."""
        with self._storage.read() as connection:
            return set(connection.execute(select(studies.c.id)).scalars())
