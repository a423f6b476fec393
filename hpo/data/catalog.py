"""The data sets that come with hpo: how each is loaded, where it lies, and whether it is as it should be.

- Fashion-MNIST: 70,000 grey pictures of clothes in ten classes (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747; MIT).
- Boston Housing: 506 census tracts, 13 numbers each, and the median value of their homes (Harrison, Rubinfeld 1978).
  Its column B is a formula of the share of Black residents, built on the assumption that segregation lifts prices, and
  the data do not bear out what the authors claimed: a benchmark for optimizers, not a set to model housing with.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hpo.data import places
from hpo.data.dataset import Dataset, Rows
from hpo.data.downloads import OnProgress, find_or_fetch
from hpo.data.places import BOSTON_HOUSING_FILE, FASHION_MNIST_FILES, DataFile, read_checked
from hpo.errors import DataError, UsageError
from hpo.study.checked_records import Name, check

__all__ = [
    "DATASETS",
    "FEATURE_NAMES",
    "LABEL_NAMES",
    "Located",
    "boston_housing",
    "fashion_mnist",
    "fetch",
    "locate",
]

FEATURE_NAMES = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT")

_REMEDY = "install hpo again: pip install --force-reinstall --no-deps hpo-service"
_KERAS_SEED = 113  # of the shuffle in keras.datasets.boston_housing
_TEST_SHARE = 0.2


def boston_housing() -> Dataset:
    """Load Boston Housing, split as `keras.datasets.boston_housing` splits it: 404 rows and 102 test rows.

    x is float32 (rows, 13), as measured: nothing is normalized. y is float32 (rows,), in thousands of dollars.

    Raises:
        DataError: the file of the package is missing or is not the one that was published.

    """
    text = read_checked(places.PACKAGE_FOLDER, BOSTON_HOUSING_FILE, remedy=_REMEDY).decode()
    table = np.loadtxt(text.splitlines(), delimiter=",", skiprows=1).astype(np.float32)
    np.random.RandomState(_KERAS_SEED).shuffle(table)
    cut = int(len(table) * (1 - _TEST_SHARE))
    return Dataset(
        name="boston-housing",
        development=Rows(x=table[:cut, :-1].copy(), y=table[:cut, -1].copy()),
        test=Rows(x=table[cut:, :-1].copy(), y=table[cut:, -1].copy()),
        feature_names=FEATURE_NAMES,
    )


LABEL_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_IDX_IMAGES, _IDX_LABELS = 0x00000803, 0x00000801  # idx magic numbers: unsigned bytes in 3 axes, in 1 axis


def fashion_mnist(on_progress: OnProgress | None = None) -> Dataset:
    """Load Fashion-MNIST, fetching it first where it lies nowhere: 60,000 rows to develop on, 10,000 to test on.

    x is uint8 (rows, 28, 28, 1), as stored: 0 is background, 255 is white. y is one-hot float32 (rows, 10).
    Every file is checked each time it is read; the whole takes about 0.3 s, so nothing else is cached.

    Args:
        on_progress: called with a `FetchProgress` now and then while files are fetched; None: nobody looks on.

    Raises:
        DataError: it cannot be had, or a file of it is damaged.

    """
    place = find_or_fetch(on_progress).found
    if place is None:  # a file went between the fetch and the look
        raise DataError("Fashion-MNIST was fetched and is gone again; try again")
    images, labels, test_images, test_labels = FASHION_MNIST_FILES
    return Dataset(
        name="fashion-mnist",
        development=_rows(place.folder, images, labels),
        test=_rows(place.folder, test_images, test_labels),
        label_names=LABEL_NAMES,
    )


def _rows(folder: Path, images: DataFile, labels: DataFile) -> Rows:
    pictures = _idx(gzip.decompress(read_checked(folder, images)), _IDX_IMAGES)
    classes = _idx(gzip.decompress(read_checked(folder, labels)), _IDX_LABELS)
    return Rows(x=pictures[..., np.newaxis], y=np.eye(len(LABEL_NAMES), dtype=np.float32)[classes])


def _idx(content: bytes, magic: int) -> NDArray[np.uint8]:
    """The array of an idx file (LeCun's format): a magic number, a big-endian uint32 for each axis, the bytes."""
    axes = magic & 0xFF
    header = np.frombuffer(content, dtype=">u4", count=1 + axes)
    if int(header[0]) != magic:
        raise DataError(f"an idx file begins with {int(header[0]):#010x}, not {magic:#010x}")
    return np.frombuffer(content, dtype=np.uint8, offset=4 * (1 + axes)).reshape([int(n) for n in header[1:]])


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
        if _refuse_unknown(name) == "boston-housing":
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
    if _refuse_unknown(name) == "boston-housing":
        return _boston()
    return _located(find_or_fetch(on_progress))


def _refuse_unknown(name: str) -> str:
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
