"""What a run needs to go on from a checkpoint: by what it knows its own, and the weights of epochs it did not train."""

import functools
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows, Stream
from hpo.data.structures import parts
from hpo.training.schedules import StepSchedules

__all__ = ["KnownWeights", "Told"]

_SOME = 64  # of many rows or steps that are looked at


class KnownWeights:
    """The model's variables after the best epoch a checkpoint knows, for whoever meets the known epochs again."""

    def __init__(self, best: list[Any] | None) -> None:
        self._best = best

    def snapshot(self) -> list[Any]:
        """Those of the best of all known epochs: what an earlier best one was is of no account to what follows."""
        return self._best or []

    def restore(self, snapshot: list[Any]) -> None:
        """Nothing: the weights are those of the latest known epoch."""


class Told:
    """What tells a run from others: some of its rows and of its steps stand for all of them."""

    def __init__(
        self,
        *,
        rows: tuple[Rows | Stream, Rows | Stream | None],
        seed: int,
        jit: bool | None,
        schedules: StepSchedules | None,
    ) -> None:
        """`rows` are those trained on and those watched; `schedules` as they are laid out, before any answer."""
        self._rows = rows
        self._seed = seed
        self._jit = jit
        self._steps = None if schedules is None else _digest([np.asarray(values) for values in schedules])

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """As JSON knows it; made when it is asked for, as most trainings end before."""
        return {
            "rows": [None if one is None or isinstance(one, Stream) else len(one) for one in self._rows],
            "sample": [_digest(_arrays(one)) for one in self._rows],
            "schedules": self._steps,
            "seed": self._seed,
            "jit": self._jit,
        }


def _arrays(rows: Rows | Stream | None) -> list[NDArray[Any]]:
    if rows is None or isinstance(rows, Stream):
        return []
    weights = [] if rows.sample_weight is None else [rows.sample_weight]
    return [array for _, array in (*parts(rows.x, "x"), *parts(rows.y, "y"))] + weights


def _digest(arrays: list[NDArray[Any]]) -> str:
    told = hashlib.sha256()
    for array in arrays:
        some = np.ascontiguousarray(array[:: max(len(array) // _SOME, 1)][:_SOME])
        told.update(f"{array.dtype}{array.shape}".encode())
        told.update(repr(some.tolist()).encode() if some.dtype.hasobject else some.tobytes())
    return told.hexdigest()[:32]
