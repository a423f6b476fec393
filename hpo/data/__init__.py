"""Data sets and splits, as arrays."""

from hpo.data.dataset import Dataset, Rows

__all__ = ["Dataset", "Rows"]
