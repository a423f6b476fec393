"""The database: where it is, what is in it, and how many processes share it. `storage.open(url)` opens it."""

from hpo.service.storage.database import Storage, find, open, prepare  # noqa: A004 - storage.open(url)

__all__ = [
    "Storage",
    "find",
    "open",
    "prepare",
]
