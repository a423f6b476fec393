"""`/healthz`: whether the pages can be served, for whoever restarts what is not well. It tells nothing else."""

from collections.abc import Callable

from sqlalchemy import text

from hpo.errors import StorageError
from hpo.service.storage import Storage
from hpo.service.storage.errors import translated

__all__ = ["healthz"]


def healthz(storage: Storage) -> Callable[[], tuple[dict[str, str], int]]:
    """The view: 200 where the database answers, 503 where it does not."""

    def view() -> tuple[dict[str, str], int]:
        try:
            with translated(storage.where), storage.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except StorageError:
            return {"status": "the database does not answer"}, 503
        return {"status": "ok"}, 200

    return view
