"""Fetching: bring the files into our cache, whole or not at all, however many processes want them at once."""

import contextlib
import errno
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hpo.data import downloads, places
from hpo.data.checked_files import FASHION_MNIST_FILES, DataFile
from hpo.data.downloads import FetchProgress, OnProgress
from hpo.data.places import Place, Search
from hpo.errors import DataError

__all__ = ["SOURCES", "Source", "find_or_fetch"]

SCRATCH = ".fetch-"  # begins the name of a folder a fetch works in

Source = Callable[[Sequence[DataFile], Path, OnProgress], None]  # brings files into a folder, or raises DataError

SOURCES: tuple[tuple[str, Source], ...] = (
    ("Keras's download", downloads.from_keras),
    ("Debian's archive", downloads.from_debian),
)


def find_or_fetch(on_progress: OnProgress | None = None, *, sources: Sequence[tuple[str, Source]] = SOURCES) -> Search:
    """The place Fashion-MNIST lies in; where it lies nowhere, our cache, once the files have been fetched into it.

    Raises:
        DataError: it cannot be had, and the message names every place and source tried; or a file is damaged where
            that is an error (see `places.search`).

    """
    found = places.search()
    if found.found:
        return found
    folder = places.own_folder()
    try:
        with _locked(folder):
            again = places.search()  # another process may have fetched while this one waited
            if again.found:
                return again
            failures = _fetch(folder, on_progress or _silent, sources)
    except OSError as error:
        raise DataError(f"cannot keep Fashion-MNIST in {folder}: {_words(error)}") from None
    if failures is not None:
        raise DataError(_nowhere(found.looked_at, failures))
    return places.search()


def _fetch(folder: Path, on_progress: OnProgress, sources: Sequence[tuple[str, Source]]) -> list[str] | None:
    """Try the sources in order; None when one has brought every file, else why each has not."""
    wanted = [file for file in FASHION_MNIST_FILES if not (folder / file.name).exists()]
    failures: list[str] = []
    for name, bring in sources:
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
            try:
                bring(wanted, Path(scratch), on_progress)
            except DataError as error:
                failures.append(f"{name} ({error})")
                continue
            for file in wanted:
                (Path(scratch) / file.name).replace(folder / file.name)
            return None
    return failures


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the fetch to one process at a time. The kernel lets go of the lock of a process that dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{SCRATCH}*"):  # of a fetch that was killed: the lock says it is over
            shutil.rmtree(left, ignore_errors=True)
        yield


def _nowhere(looked_at: Sequence[Place], failures: Sequence[str]) -> str:
    folders = ", ".join(dict.fromkeys(str(place.folder) for place in looked_at))
    names = ", ".join(file.name for file in FASHION_MNIST_FILES)
    return (
        f"Fashion-MNIST is not in {folders}, and could not be fetched from {' or '.join(failures)}; "
        f"put its four files ({names}) in a folder and set HPO_DATA_DIR to it, "
        f"or install the Debian package {downloads.PACKAGE}"
    )


def _words(error: OSError) -> str:
    remedy = (
        "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "set XDG_CACHE_HOME to a folder you own"
    )
    return f"{error.strerror or error}; {remedy}, or set HPO_DATA_DIR to a folder that holds its four files"


def _silent(progress: FetchProgress) -> None:
    """The progress of a fetch nobody watches."""
