"""Fetching Fashion-MNIST into our cache, whole or not at all, however many processes want it at once.

It comes from where Keras has it or from Debian's archive, each a downloader of pooch, which checks every file.
"""

import contextlib
import errno
import fcntl
import logging
import os
import queue
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hpo.data import places
from hpo.data.places import FASHION_MNIST_FILES, DataFile, Place, Search
from hpo.errors import DataError
from hpo.messages import said
from hpo.study.checked_records import Count, check

__all__ = [
    "SOURCES",
    "FetchProgress",
    "OnProgress",
    "Source",
    "find_or_fetch",
    "from_debian",
    "from_keras",
]

KERAS_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
PACKAGE = "dataset-fashion-mnist"
STALL_SECONDS = 10.0  # a connection that says nothing for so long is given up
ANSWER_SECONDS = 20.0  # a place that has not given the smallest file by then is given up
DEADLINE_SECONDS = 600.0  # one whole download, or one command of apt
CHUNK = 1 << 18  # bytes


@dataclass(frozen=True, kw_only=True)
class FetchProgress:
    """How far a fetch is.

    Raises:
        DataError: a field is not of its kind.

    """

    what: str  # for a person: a file's name, or what is being done
    done: Count  # bytes here already
    total: Count | None  # bytes in all; None where nobody knows

    def __post_init__(self) -> None:
        check(self, error=DataError)


OnProgress = Callable[[FetchProgress], None]
Downloader = Callable[[str, str, Any], None]
"""As pooch has them: brings what lies at an address into a file; the last argument is the Pooch that asks."""


def from_keras(files: Sequence[DataFile], folder: Path, on_progress: OnProgress, *, origin: str = KERAS_ORIGIN) -> None:
    """Download `files` from where Keras does into `folder`. Raises DataError within bounded time."""
    import pooch

    http = pooch.HTTPDownloader(
        chunk_size=CHUNK,
        timeout=STALL_SECONDS,
        headers={"Accept-Encoding": "identity"},  # compressed once more on their way, they would arrive unpacked
        verify=ssl.get_default_verify_paths().cafile
        or True,  # as this machine trusts, and not requests' own list alone
    )
    deadline = time.monotonic() + DEADLINE_SECONDS
    by_name = {file.name: file for file in files}

    def download(url: str, path: str, asking: Any) -> None:
        with Path(path).open("wb") as stream:
            http(url, _Watched(stream, by_name[url.rpartition("/")[2]], on_progress, deadline), asking)

    # The smallest first, within a limit of its own, so that a place that cannot be reached is soon known to be:
    # a socket's timeout bounds neither looking up a name nor trying one dead address after another.
    first, *others = sorted(files, key=lambda file: file.size)
    _within(ANSWER_SECONDS, lambda: _fetch([first], folder, origin, download))
    _fetch(others, folder, origin, download)


def from_debian(files: Sequence[DataFile], folder: Path, on_progress: OnProgress) -> None:
    """Get Debian's package and put `files` from it into `folder`, without being root.

    Raises:
        DataError: this is no Debian, its archive cannot be reached, or it has no such package.

    """
    package = _unpacked(folder / "debian", sum(file.size for file in files), on_progress)

    def take(url: str, path: str, _: Any) -> None:
        file = package / "usr" / "share" / "datasets" / "fashion-mnist" / url.rpartition("/")[2]
        if not file.is_file():
            raise DataError(f"the package {PACKAGE} holds no {file.name}")
        file.replace(path)

    _fetch(files, folder, f"debian:{PACKAGE}", take)


def _fetch(files: Sequence[DataFile], folder: Path, origin: str, downloader: Downloader) -> None:
    """Have pooch put each of `files` into `folder`, once it has its sum. Raises DataError."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # how far it is `on_progress` tells
    registry = {file.name: f"sha256:{file.sha256}" for file in files}
    shelf = pooch.create(path=folder, base_url=origin, registry=registry, allow_updates=False)
    for file in files:
        try:
            shelf.fetch(file.name, downloader=downloader)
        except OSError as error:  # requests' errors are among them
            raise DataError(_root(error)) from None
        except ValueError:
            raise DataError(f"{file.name} from there is damaged: its sha256 is not {file.sha256[:12]}…") from None


def _root(error: BaseException) -> str:
    """What lies under the errors that requests and urllib3 put around one another, in one line."""
    while type(error).__module__.startswith(("requests.", "urllib3.")) and error.__context__:
        error = error.__context__
    return said(error) or type(error).__name__


class _Watched:
    """A file in the making: it says how far it is, and refuses to become larger than it is to be, or to take longer."""

    def __init__(self, stream: IO[bytes], file: DataFile, on_progress: OnProgress, deadline: float) -> None:
        self._stream = stream
        self._file = file
        self._on_progress = on_progress
        self._deadline = deadline  # by time.monotonic

    def write(self, chunk: bytes) -> None:
        self._stream.write(chunk)
        done = self._stream.tell()
        self._on_progress(FetchProgress(what=self._file.name, done=done, total=self._file.size))
        if done > self._file.size:
            raise DataError(f"{self._file.name} from there is longer than {self._file.size:,} bytes")
        if time.monotonic() > self._deadline:
            raise DataError(f"gave up after {DEADLINE_SECONDS:.0f} s")

    def flush(self) -> None:
        self._stream.flush()


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do `work`, and raise what it raises, or a DataError where it takes longer; then it is left to itself."""
    outcome: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            work()
        except Exception as error:  # raised again by the one who waits
            outcome.put(error)
        else:
            outcome.put(None)

    threading.Thread(target=run, daemon=True).start()
    try:
        error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise DataError(f"no answer within {seconds:.0f} s") from None
    if error:
        raise error


def _unpacked(folder: Path, size: int, on_progress: OnProgress) -> Path:
    """Get Debian's package into `folder` and unpack it there, for `size` bytes of it; apt's lists are private."""
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
    if apt is None or dpkg is None:
        raise DataError("apt-get is not here")
    lists, cache = folder / "lists", folder / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    options = {
        "Dir::State::Lists": str(lists),
        "Dir::Cache": str(cache),
        "APT::Sandbox::User": "",  # nobody to change to when not root
        "Debug::NoLocking": "1",  # the lists are ours alone
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": f"{STALL_SECONDS:.0f}",
        "Acquire::https::Timeout": f"{STALL_SECONDS:.0f}",
    }
    command = [apt, "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    on_progress(FetchProgress(what="Debian's lists of packages", done=0, total=None))
    warned = _run([*command, "update"], folder)  # an archive out of reach is a warning to apt, not an error
    on_progress(FetchProgress(what=f"Debian's package {PACKAGE}", done=0, total=size))
    try:
        _run([*command, "download", PACKAGE], folder)
    except DataError as error:
        raise DataError("; ".join([str(error), *warned[:1]])) from None
    package = next(folder.glob(f"{PACKAGE}_*.deb"), None)
    if package is None:
        raise DataError(f"apt-get downloaded no {PACKAGE}")
    _run([dpkg, "-x", package.name, "unpacked"], folder)
    return folder / "unpacked"


def _run(command: list[str], folder: Path) -> list[str]:
    """Run `command` in `folder`; the warnings it gave. Raises DataError with its first error where it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{Path(command[0]).name} gave no end within {DEADLINE_SECONDS:.0f} s") from None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode:
        errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")] or lines
        raise DataError(errors[0] if errors else f"{Path(command[0]).name} exited with {done.returncode}")
    return [line.removeprefix("W: ") for line in lines if line.startswith("W: ")]


SCRATCH = ".fetch-"  # begins the name of a folder a fetch works in

Source = Callable[[Sequence[DataFile], Path, OnProgress], None]  # brings files into a folder, or raises DataError

SOURCES: tuple[tuple[str, Source], ...] = (
    ("Keras's download", from_keras),
    ("Debian's archive", from_debian),
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
            failures = _from_sources(folder, on_progress or _silent, sources)
    except OSError as error:
        raise DataError(f"cannot keep Fashion-MNIST in {folder}: {_remedied(error)}") from None
    if failures is not None:
        raise DataError(_nowhere(found.looked_at, failures))
    return places.search()


def _from_sources(folder: Path, on_progress: OnProgress, sources: Sequence[tuple[str, Source]]) -> list[str] | None:
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
        f"or install the Debian package {PACKAGE}"
    )


def _remedied(error: OSError) -> str:
    remedy = (
        "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "set XDG_CACHE_HOME to a folder you own"
    )
    return f"{error.strerror or error}; {remedy}, or set HPO_DATA_DIR to a folder that holds its four files"


def _silent(progress: FetchProgress) -> None:
    """The progress of a fetch nobody watches."""
