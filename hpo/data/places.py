"""Where data sets lie: the places Fashion-MNIST may already be in, in the order they are looked at, and our package."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from hpo import settings
from hpo.data.checked_files import FASHION_MNIST_FILES, FileReport, inspect
from hpo.errors import DataError
from hpo.files import expanded
from hpo.study.checked_records import Name, check

__all__ = ["PACKAGE_FOLDER", "Place", "Search", "own_folder", "places", "search"]

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
