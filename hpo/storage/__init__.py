"""The database: where it is, what is in it, and how many processes share it. `storage.open(url)` opens it."""

from hpo.storage.database import Storage
from hpo.storage.opening import await_open, examine, find, open, prepare, upgrade  # noqa: A004 - storage.open(url)

__all__ = [
    "Storage",
    "await_open",
    "examine",
    "find",
    "open",
    "prepare",
    "upgrade",
]
