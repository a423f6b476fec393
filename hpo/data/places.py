"""The files of data sets: which there are, the folders they may lie in, in the order these are looked at, their checks.

A file that fails its check is named, never used and never deleted.
"""

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hpo import settings
from hpo.errors import DataError
from hpo.files import expanded, read
from hpo.study.checked_records import Count, Name, check

__all__ = [
    "BOSTON_HOUSING_FILE",
    "FASHION_MNIST_FILES",
    "PACKAGE_FOLDER",
    "DataFile",
    "FileReport",
    "Place",
    "Search",
    "inspect",
    "own_folder",
    "places",
    "read_checked",
    "search",
]

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
    problem = _damage(content, file)
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
    problem = _damage(content, file)
    if problem:
        raise DataError(f"{path} {problem}; {remedy}")
    return content


def _damage(content: bytes, file: DataFile) -> str | None:
    if len(content) != file.size:
        return f"is damaged: {len(content):,} bytes instead of {file.size:,}"
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        return f"is damaged: its sha256 is {digest[:12]}…, not {file.sha256[:12]}…"
    return None


FOLDER = "fashion-mnist"  # what Keras and Debian both call it
PACKAGE_FOLDER = Path(__file__).parent  # Boston Housing is a file of this package
DEBIAN_FOLDER = Path("/usr/share/datasets") / FOLDER  # of the package dataset-fashion-mnist

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder to look in."""

    name: Name  # for a person: "the Keras cache"
    folder: Path
    given: bool = False  # the user named it, so a damaged or missing file there is an error, not a reason to go on

    def __post_init__(self) -> None:
        check(self, error=DataError)


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a look at all places found."""

    found: Place | None  # the first place with all files, each right
    looked_at: tuple[Place, ...]  # in order, up to and with `found`
    problems: tuple[str, ...]  # one line for each damaged file met

    def __post_init__(self) -> None:
        check(self, error=DataError)


def own_folder() -> Path:
    """Where what we fetch ourselves is kept."""
    return settings.cache_folder() / FOLDER


def places() -> tuple[Place, ...]:
    """All places, in order: $HPO_DATA_DIR, the Keras cache, Debian's folder, our own cache."""
    given = settings.data_folder()
    named = "$HPO_DATA_DIR"
    keras = expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    return (
        *(
            (Place(name=named, folder=given / FOLDER, given=True), Place(name=named, folder=given, given=True))
            if given
            else ()
        ),
        Place(name="the Keras cache", folder=keras / "datasets" / FOLDER),
        Place(name="the Debian package", folder=DEBIAN_FOLDER),
        Place(name="hpo's cache", folder=own_folder()),
    )


def search() -> Search:
    """Look through the places, in order, for the first one with all four files, each right.

    A place with some of the files is passed over. A damaged file is logged and the place is passed over, except in
    $HPO_DATA_DIR, which the user chose, and in our own cache, where fetching would have to replace it.

    Raises:
        DataError: a file in one of those two is damaged, or $HPO_DATA_DIR holds some of the files and not all.

    """
    problems: list[str] = []
    looked_at: list[Place] = []
    for place in places():
        looked_at.append(place)
        reports = [inspect(place.folder, file) for file in FASHION_MNIST_FILES]
        damaged = [report for report in reports if report.state == "damaged"]
        if damaged:
            problems += [f"{report.path} {report.problem}" for report in damaged]
            _refuse_or_log(place, damaged[0])
        elif all(report.state == "ok" for report in reports):
            return Search(found=place, looked_at=tuple(looked_at), problems=tuple(problems))
        elif place.given:
            _refuse_partial(reports)
    return Search(found=None, looked_at=tuple(looked_at), problems=tuple(problems))


def _refuse_or_log(place: Place, damaged: FileReport) -> None:
    line = f"{damaged.path} {damaged.problem}"
    if place.given:
        raise DataError(f"{line}; put the right file there, or unset HPO_DATA_DIR to have it looked for elsewhere")
    if place.folder == own_folder():
        raise DataError(f"{line}; move it away, then `hpo data` fetches it again")
    log.warning("%s; it is not used", line)


def _refuse_partial(reports: list[FileReport]) -> None:
    missing = [report.path for report in reports if report.state == "missing"]
    if len(missing) < len(reports):
        raise DataError(f"{missing[0]} is missing beside its companions; add it, or unset HPO_DATA_DIR")
