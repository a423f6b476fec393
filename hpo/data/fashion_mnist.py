"""Fashion-MNIST: 70,000 grey pictures of clothes in ten classes (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747; MIT)."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.data.checked_files import FASHION_MNIST_FILES, DataFile, read_checked
from hpo.data.dataset import Dataset, Rows
from hpo.data.downloads import OnProgress
from hpo.data.fetch import find_or_fetch
from hpo.errors import DataError

__all__ = ["LABEL_NAMES", "fashion_mnist"]

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
