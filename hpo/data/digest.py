"""Which rows these are: every process that works at a study must have the same."""

import hashlib

import numpy as np

from hpo.data.dataset import Dataset

__all__ = ["digest"]

_LENGTH = 32  # hexadecimal digits


def digest(data: Dataset) -> str:
    """One word for the rows of a data set, 32 hexadecimal digits: their numbers, types and order, and what is for test.

    Names of columns and classes play no part. It is by the bit: a column computed on two kinds of machine may differ in
    its last digits, and is another one then; round it, or let the model compute it.

    Args:
        data: the data set, checked or not.

    """
    told = hashlib.sha256()
    for rows in (data.development, data.test):
        for array in (rows.x, rows.y):
            told.update(f"{array.dtype.str} {array.shape} ".encode())
            told.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return told.hexdigest()[:_LENGTH]
