"""A study in a file for other programs, `hpo export`."""

from hpo.experiments.export.export_file import check, export, write

__all__ = [
    "check",
    "export",
    "write",
]
