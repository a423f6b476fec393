"""`/healthz`: whether the pages can be served, for whoever restarts what is not well. It tells nothing else."""

from flask import Flask
from sqlalchemy import text

from hpo.errors import StorageError
from hpo.storage import Storage
from hpo.web.pages.shared import Shared

__all__ = ["register"]


def register(app: Flask, storage: Storage, shared_seconds: float) -> None:
    """Add the route: 200 where the database answers, 503 where it does not.

    Nobody has to log in to ask, so asking often costs the database nothing.
    """
    answers: Shared[None, bool] = Shared(lambda _: _answers(storage), seconds=shared_seconds)

    def healthz() -> tuple[dict[str, str], int]:
        return ({"status": "ok"}, 200) if answers.get(None) else ({"status": "the database does not answer"}, 503)

    app.add_url_rule("/healthz", "healthz", healthz)


def _answers(storage: Storage) -> bool:
    try:
        with storage.read() as connection:
            connection.execute(text("SELECT 1"))
    except StorageError:
        return False
    return True
