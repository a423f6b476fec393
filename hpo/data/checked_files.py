"""The files of a data set and their checks: a file that fails its check is named, never used and never deleted."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hpo.errors import DataError
from hpo.files import read
from hpo.study.checked_records import Count, Name, check

__all__ = ["BOSTON_HOUSING_FILE", "FASHION_MNIST_FILES", "DataFile", "FileReport", "inspect", "read_checked"]


_LARGEST = 100_000_000  # bytes of a file of a data set


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a data set, as its publisher made it."""

    name: Name  # without a folder
    size: Count  # bytes
    sha256: str  # of the whole file, 64 hexadecimal digits

    def __post_init__(self) -> None:
        check(self, error=DataError)


BOSTON_HOUSING_FILE = DataFile(  # as StatLib has it, below a line of names; the target is the last column
    name="boston_housing.csv",
    size=34_695,
    sha256="79ac716620024011b03c0c44d2bf99069b8173649181926d9109c25475a3804c",
)

FASHION_MNIST_FILES: tuple[DataFile, ...] = (
    DataFile(
        name="train-images-idx3-ubyte.gz",
        size=26_421_856,
        sha256="b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    ),
    DataFile(
        name="train-labels-idx1-ubyte.gz",
        size=29_491,
        sha256="0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    ),
    DataFile(
        name="t10k-images-idx3-ubyte.gz",
        size=4_422_079,
        sha256="cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    ),
    DataFile(
        name="t10k-labels-idx1-ubyte.gz",
        size=5_125,
        sha256="8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
    ),
)


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """What a look at one file found."""

    path: Path
    state: Literal["ok", "missing", "damaged"]  # damaged: it is there, and not what it should be
    problem: str | None = None  # what is wrong with it, one clause; None where nothing is

    def __post_init__(self) -> None:
        check(self, error=DataError)


def inspect(folder: Path, file: DataFile) -> FileReport:
    """Look at `file` in `folder`: reads it whole, about 10 ms for 30 MB."""
    path = folder / file.name
    try:
        content = read(path, most=_LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return FileReport(path=path, state="missing")
    except OSError as error:
        return FileReport(path=path, state="damaged", problem=f"cannot be read: {error.strerror or error}")
    problem = _problem(content, file)
    return FileReport(path=path, state="damaged" if problem else "ok", problem=problem)


def read_checked(folder: Path, file: DataFile, *, remedy: str = "put the right file there or move it away") -> bytes:
    """The content of `file` in `folder`, checked as read.

    Raises:
        DataError: it is not what it should be; the message ends with the remedy.

    """
    path = folder / file.name
    try:
        content = read(path, most=_LARGEST)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; {remedy}") from None
    problem = _problem(content, file)
    if problem:
        raise DataError(f"{path} {problem}; {remedy}")
    return content


def _problem(content: bytes, file: DataFile) -> str | None:
    if len(content) != file.size:
        return f"is damaged: {len(content):,} bytes instead of {file.size:,}"
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        return f"is damaged: its sha256 is {digest[:12]}…, not {file.sha256[:12]}…"
    return None
