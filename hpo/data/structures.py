"""Several arrays as one: a dict by name or a tuple by place, as models with several inputs or outputs take them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

__all__ = ["Arrays", "are_several", "joined", "mapped", "parts"]

Arrays = Any
"""An array of shape (rows, ...), or a dict or a tuple of such arrays of as many rows."""


def are_several(values: object, others: object) -> bool:
    """Whether these are several arrays, rather than rows in a list.

    Args:
        values: inputs, or targets.
        others: the other ones, of which there are as many rows.

    """
    if isinstance(values, Mapping):
        return True
    rows = _rows_if_several(values)
    there = {_rows_if_several(others), _rows(others)}
    if rows is None or rows not in there:
        return False
    assert isinstance(values, list | tuple)
    return len(values) not in there or isinstance(values, tuple)  # of what may be both, a list is of rows


def _rows(values: object) -> int | None:
    """How many rows there are if these are rows; None where they do not say, as sparse matrices."""
    try:
        return len(values)  # type: ignore[arg-type]
    except TypeError:
        return None


def _rows_if_several(values: object) -> int | None:
    """How many rows there are if these are several arrays; None where they are none."""
    each = [*values.values()] if isinstance(values, Mapping) else values
    if not isinstance(each, list | tuple) or not all(getattr(part, "shape", ()) for part in each):
        return None
    lengths = {int(part.shape[0]) for part in each}
    return lengths.pop() if len(lengths) == 1 else None


def parts(arrays: Arrays, what: str) -> list[tuple[str, NDArray[Any]]]:
    """Each array and how to call it in an error: x, x['left'], x[0]."""
    if isinstance(arrays, Mapping):
        return [(f"{what}[{name!r}]", array) for name, array in arrays.items()]
    if isinstance(arrays, tuple):
        return [(f"{what}[{place}]", array) for place, array in enumerate(arrays)]
    return [(what, arrays)]


def mapped(function: Callable[[Any, str], Any], arrays: Any, what: str = "x") -> Any:
    """The same structure with `function` of each array, which is told what to call it.

    Raises:
        DataError: a dict has other keys than names, or none; and whatever `function` raises.

    """
    if isinstance(arrays, Mapping):
        wrong = [name for name in arrays if not isinstance(name, str)]
        if wrong or not arrays:
            raise DataError(f"{what} is a dict with {f'a key {wrong[0]!r}' if wrong else 'nothing in it'}: name arrays")
        return {name: function(array, f"{what}[{name!r}]") for name, array in arrays.items()}
    if isinstance(arrays, list | tuple):
        return tuple(function(array, f"{what}[{place}]") for place, array in enumerate(arrays))
    return function(arrays, what)


def joined(ours: Arrays, theirs: Arrays) -> Arrays:
    """The rows of both, one after the other; they are of one structure."""
    if isinstance(ours, Mapping):
        return {name: np.concatenate([array, theirs[name]]) for name, array in ours.items()}
    if isinstance(ours, tuple):
        return tuple(np.concatenate(pair) for pair in zip(ours, theirs, strict=True))
    return np.concatenate([ours, theirs])
