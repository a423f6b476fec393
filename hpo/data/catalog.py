"""The data sets there are, where each lies, and whether it is as it should be: for `hpo data` and `hpo doctor`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hpo.data import places
from hpo.data.boston_housing import boston_housing
from hpo.data.checked_files import BOSTON_HOUSING_FILE
from hpo.data.downloads import OnProgress
from hpo.data.fetch import find_or_fetch
from hpo.errors import DataError, UsageError
from hpo.study.checked_records import Name, check

__all__ = ["DATASETS", "Located", "fetch", "locate"]

DATASETS: Mapping[str, str] = MappingProxyType(
    {
        "fashion-mnist": "Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28, ten classes (MIT)",
        "boston-housing": "Boston Housing: 404 + 102 census tracts, 13 numbers each, median home value",
    }
)
"""Name of each data set that comes with hpo -> one line on it."""


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a data set lies.

    Raises:
        DataError: a field is not of its kind.

    """

    name: Name  # a key of DATASETS
    source: str | None  # whose folder it lies in, for a person: "the Keras cache"; None where it lies nowhere
    path: Path | None  # the folder or file; None where it lies nowhere
    problems: tuple[str, ...] = ()  # one line for each file that is damaged, wherever it lies

    def __post_init__(self) -> None:
        check(self, error=DataError)

    @property
    def ok(self) -> bool:
        """Whether it is here and passed its checks."""
        return self.path is not None


def locate(name: str) -> Located:
    """Look for a data set and check it, fetching nothing.

    Args:
        name: a key of `DATASETS`.

    Raises:
        UsageError: the name is not in DATASETS.

    """
    try:
        if _known(name) == "boston-housing":
            return _boston()
        return _located(places.search())
    except DataError as error:
        return Located(name=name, source=None, path=None, problems=(str(error),))


def fetch(name: str, on_progress: OnProgress | None = None) -> Located:
    """Look for a data set and fetch it where it lies nowhere.

    Args:
        name: a key of `DATASETS`.
        on_progress: called with a `FetchProgress` now and then; None: nobody looks on.

    Raises:
        DataError: it cannot be had, or a file of it is damaged.
        UsageError: the name is not in DATASETS.

    """
    if _known(name) == "boston-housing":
        return _boston()
    return _located(find_or_fetch(on_progress))


def _known(name: str) -> str:
    if name not in DATASETS:
        raise UsageError(f"there is no data set {name!r}; there are: {', '.join(DATASETS)}")
    return name


def _located(search: places.Search) -> Located:
    place = search.found
    return Located(
        name="fashion-mnist",
        source=place.name if place else None,
        path=place.folder if place else None,
        problems=search.problems,
    )


def _boston() -> Located:
    boston_housing()  # raises where it is not as it should be
    path = places.PACKAGE_FOLDER / BOSTON_HOUSING_FILE.name
    return Located(name="boston-housing", source="hpo itself", path=path)
