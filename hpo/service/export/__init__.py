"""A study in a file for other programs, `hpo export`."""

from hpo.service.export.writing import check, export, write

__all__ = [
    "check",
    "export",
    "write",
]
