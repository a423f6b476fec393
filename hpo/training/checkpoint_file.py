"""A checkpoint as a file: arrays as NumPy writes them and a header in JSON, in one archive, of which nothing is run.

A folder that many machines share must not run code of whoever writes in it, so there is no pickle here. The archive
keeps a checksum of each entry and its entries are stored as they are, so that a damaged file is found out, and a small
one takes no memory. A file is named .npz: `numpy.load` opens it.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.files import replacing

__all__ = ["SUFFIX", "UnusableError", "read", "write"]

SUFFIX = ".npz"
_HEADER = "header.json"
_LONGEST = 256 << 20  # bytes of a header: a line for each epoch


class UnusableError(Exception):
    """A checkpoint cannot be gone on from; says why, in a few words."""


def write(path: Path, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> None:
    """Write a checkpoint in one step, in a folder made where there is none.

    Args:
        path: of the file.
        header: what JSON knows.
        arrays: numbers of any kind, those of TensorFlow among them, such as bfloat16.

    Raises:
        OSError: it cannot be written, the disk is full; what was there before still is.
        ValueError: an array has none but numbers in it.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = [array.dtype.name for array in arrays]  # NumPy's format knows no bfloat16
    with replacing(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        archive.writestr(_HEADER, json.dumps({**header, "kinds": kinds}))
        for number, array in enumerate(arrays):
            with archive.open(f"{number}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, _plain(array), allow_pickle=False)


def read(path: Path) -> tuple[dict[str, Any], list[NDArray[Any]]] | None:
    """The header and the arrays of a checkpoint; None where there is no file.

    Raises:
        UnusableError: the file is damaged, or none of ours.
        OSError: it cannot be read.

    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise UnusableError("it is none of ours")
            if archive.getinfo(_HEADER).file_size > _LONGEST:
                raise UnusableError("its header is too long")
            header = json.loads(archive.read(_HEADER))
            arrays = [_array(archive, number, kind) for number, kind in enumerate(header["kinds"])]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (zipfile.BadZipFile, EOFError, KeyError, TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnusableError("it is damaged") from error
    return header, arrays


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """An array as NumPy's format can say it: of a kind that NumPy does not have, its bytes."""
    array = np.asarray(array, order="C")
    return array.view(f"u{array.dtype.itemsize}") if array.dtype.kind == "V" else array


def _array(archive: zipfile.ZipFile, number: int, kind: str) -> NDArray[Any]:
    with archive.open(f"{number}.npy") as entry:
        array: NDArray[Any] = np.lib.format.read_array(entry, allow_pickle=False)
        if entry.read(1):  # to its end, where the checksum is looked at
            raise UnusableError("it is damaged")
    return array if array.dtype.name == kind else array.view(_kind(kind))


def _kind(name: str) -> np.dtype[Any]:
    """A kind of number that NumPy does not have and TensorFlow brings along."""
    import ml_dtypes

    kind: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return kind
