"""Two ways to bring the files of Fashion-MNIST from elsewhere: Keras's download and Debian's package."""

import http.client
import os
import queue
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.data.files import DataFile
from hpo.errors import DataError
from hpo.study.looks import Count
from hpo.study.records import check

__all__ = ["FetchProgress", "OnProgress", "from_debian", "from_keras"]

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


def from_keras(files: Sequence[DataFile], folder: Path, on_progress: OnProgress, *, origin: str = KERAS_ORIGIN) -> None:
    """Download `files` from where Keras does into `folder`. Raises DataError within bounded time."""
    # The smallest first, within a limit of its own, so that a place that cannot be reached is soon known to be:
    # a socket's timeout bounds neither looking up a name nor trying one dead address after another.
    first, *others = sorted(files, key=lambda file: file.size)
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        _within(ANSWER_SECONDS, lambda: _download(origin, first, folder, on_progress, deadline))
        for file in others:
            _download(origin, file, folder, on_progress, deadline)
    except urllib.error.URLError as error:
        raise DataError(f"{error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DataError(f"{error}" or type(error).__name__) from None


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do `work`, and raise what it raises, or TimeoutError where it takes longer; then it is left to itself."""
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
        raise TimeoutError(f"no answer within {seconds:.0f} s") from None
    if error:
        raise error


def _download(origin: str, file: DataFile, folder: Path, on_progress: OnProgress, deadline: float) -> None:
    url, done = f"{origin}/{file.name}", 0
    with urllib.request.urlopen(url, timeout=STALL_SECONDS) as response, (folder / file.name).open("wb") as out:
        while chunk := response.read(CHUNK):
            out.write(chunk)
            done += len(chunk)
            on_progress(FetchProgress(what=file.name, done=done, total=file.size))
            if done > file.size:
                raise DataError(f"{url} is longer than {file.size:,} bytes")
            if time.monotonic() > deadline:
                raise DataError(f"gave up after {DEADLINE_SECONDS:.0f} s")


def from_debian(files: Sequence[DataFile], folder: Path, on_progress: OnProgress) -> None:
    """Get Debian's package and unpack `files` from it into `folder`, without being root: apt's lists are private.

    Raises:
        DataError: this is no Debian, its archive cannot be reached, or it has no such package.

    """
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
    on_progress(FetchProgress(what=f"Debian's package {PACKAGE}", done=0, total=sum(file.size for file in files)))
    try:
        _run([*command, "download", PACKAGE], folder)
    except DataError as error:
        raise DataError("; ".join([str(error), *warned[:1]])) from None
    package = next(folder.glob(f"{PACKAGE}_*.deb"), None)
    if package is None:
        raise DataError(f"apt-get downloaded no {PACKAGE}")
    _run([dpkg, "-x", package.name, "unpacked"], folder)
    for file in files:
        unpacked = folder / "unpacked" / "usr" / "share" / "datasets" / "fashion-mnist" / file.name
        if not unpacked.is_file():
            raise DataError(f"{package.name} holds no {file.name}")
        unpacked.replace(folder / file.name)


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
