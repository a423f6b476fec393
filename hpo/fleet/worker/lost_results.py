"""Results that the database will not have, kept as text: a line of JSON each, in a file beside it."""

import json
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import HpoWarning
from hpo.fleet.worker.outcome import Result
from hpo.storage.slots.slot import Slot
from hpo.storage.storage_url import StorageUrl
from hpo.study import Params

if TYPE_CHECKING:
    import optuna

__all__ = ["SUFFIX", "Unsettled", "keep"]

SUFFIX = ".lost-results.jsonl"
"""What is added to the name of the database's file."""


class Unsettled:
    """What the trial in hand came to, until it is settled; several threads may find that it cannot be."""

    def __init__(self, where: StorageUrl, slot: Slot) -> None:
        self._where = where
        self._slot = slot
        self._lock = threading.Lock()
        self._there: tuple[optuna.Trial, Result] | None = None

    def put(self, trial: "optuna.Trial", result: Result) -> None:
        """Remember what the trial came to."""
        self._there = trial, result

    def clear(self) -> None:
        """It is settled, by this worker or another."""
        self._there = None

    def keep(self, error: Exception) -> None:
        """Write it down, where there is anything, and say where: the database will not have it."""
        with self._lock:
            there, self._there = self._there, None
        if there is None or there[1].outcome == "exhausted":
            return
        (trial, result), slot = there, self._slot
        file = keep(self._where, slot, result, params=dict(trial.params), trial=trial.number, why=str(error))
        value = "" if result.value is None else f" {result.value:.6g}"
        warnings.warn(
            f"{error}; what trial {trial.number} of study {slot.study!r} came to ({result.outcome}{value}) is "
            f"{'lost, as no file could be written' if file is None else f'in {file}'}",
            HpoWarning,
            stacklevel=2,
        )


def keep(where: StorageUrl, slot: Slot, result: Result, *, params: Params, trial: int, why: str) -> Path | None:
    """Write down what a trial came to: beside the database, or where nothing can be written there, here.

    Args:
        where: the database that will not have it.
        slot: the trial's.
        result: what it came to.
        params: its configuration.
        trial: its number.
        why: the database will not have it, in one line.

    Returns:
        The file; None where it could be written nowhere.

    """
    record = {
        "storage": where.safe,
        "study": slot.study,
        "slot": slot.position,
        "trial": trial,
        "attempt": slot.attempt,
        "worker": slot.worker,
        "params": dict(params),
        "outcome": result.outcome,
        "value": result.value,
        "further": list(result.further),
        "reason": result.reason,
        "why": why,
        "time": time.time(),
    }
    line = f"{json.dumps(record, default=str)}\n".encode()
    for file in _places(where):
        try:
            # One write of all: lines of several workers do not mix.
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            continue
        try:
            whole = os.write(descriptor, line) == len(line)
        except OSError:  # the disk is full
            continue
        finally:
            os.close(descriptor)
        if whole:
            return file
    return None


def _places(where: StorageUrl) -> Iterator[Path]:
    name = f"{where.path.name if where.path is not None else 'hpo'}{SUFFIX}"
    if where.path is not None:
        yield where.path.with_name(name)
    yield Path.cwd() / name
    yield Path(tempfile.gettempdir()) / name
