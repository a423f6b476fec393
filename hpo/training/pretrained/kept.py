"""Arrays kept in files under a key: made by one process, while others that want the same ones wait for it."""

import contextlib
import fcntl
import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo import settings
from hpo.errors import DataError
from hpo.files import replacing

__all__ = ["Arrays", "folder", "kept"]

Arrays = Mapping[str, NDArray[np.generic]]
"""Name -> array; a name may have slashes."""

_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where pretrained networks are kept: pretrained in hpo's cache. What is deleted there is made again."""
    return settings.cache_folder() / "pretrained"


def kept(key: str, make: Callable[[], Arrays]) -> dict[str, NDArray[np.generic]]:
    """The arrays of that key: read where they are kept, else made and kept.

    A file is written whole or not at all. Of several processes on a machine one makes the arrays; should it die, the
    next one does. A file that is damaged (its parts carry checksums) is logged and made again.

    Args:
        key: a digest of everything that shaped the arrays, fit to be the name of a file.
        make: called at most once.

    Raises:
        DataError: nothing can be written there. What `make` raises.

    """
    path = folder() / f"{key}.npz"
    found = _read(path)
    if found is not None:
        return found
    with _turn(path):
        found = _read(path)  # another process may have made it while this one waited
        if found is not None:
            return found
        made = {name: np.asarray(array) for name, array in make().items()}
        _sweep(path)
        with _refusals(path), replacing(path) as part, part.open("wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]  # names of arrays, not its own arguments
        return made


def _read(path: Path) -> dict[str, NDArray[np.generic]] | None:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        return None
    except _DAMAGED as error:
        log.warning("%s cannot be read (%s): the network in it is trained again", path, error)
        return None


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Alone among the processes of this machine, for this file; the system ends a dead process's turn."""
    with _refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("wb")  # it stays: who removed it could part two that wait
    with lock:
        with _refusals(path):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(path: Path) -> None:
    """Take away what processes that were killed while they wrote left beside the file; nobody else writes it now."""
    for part in path.parent.glob(f".{path.stem}.*.part{path.suffix}"):
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"a pretrained network cannot be kept in {path.parent}: {why}; make room there, or set XDG_CACHE_HOME to"
            " a folder that can be written"
        ) from error
