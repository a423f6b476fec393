"""Rows that are mapped from a file (numpy.memmap, numpy.load with mmap_mode): what training needs of them in memory."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError, HpoWarning

__all__ = ["is_mapped", "look_at_memory"]

_COPIES = 2  # of its rows in each worker: those of the splits, and the tensors that the compiled epoch gathers from
_WORTH_A_WORD = 0.25  # of the machine's memory


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether an array's numbers lie in a file, and are read when they are asked for."""
    base: Any = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return base is not None


def look_at_memory(array: NDArray[Any], memory: int) -> None:
    """Refuse an array of rows that no training has room for; of one that takes much of the memory, say how much.

    Args:
        array: inputs, (rows, ...), mapped from a file.
        memory: bytes of the machine.

    Raises:
        DataError: it does not fit.

    """
    needed = _COPIES * array.nbytes
    told = (
        f"x is mapped from a file of {_size(array.nbytes)}, and a training gathers its rows from memory: "
        f"{_size(needed)} in each worker, of {_size(memory)} that there are"
    )
    if needed > memory:
        raise DataError(
            f"{told}; give fewer rows or a smaller type, such as float16 or uint8, or search an objective of your own "
            "that reads batches as it goes"
        )
    if needed > _WORTH_A_WORD * memory:
        warnings.warn(f"{told}; --workers 1 trains one at a time", HpoWarning, stacklevel=2)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
