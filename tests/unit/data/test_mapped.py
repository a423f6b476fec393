"""Rows that lie in a file: taken as they are, read when they are asked for, refused where no memory holds them."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from hpo.data import Dataset, Rows, checked, digest
from hpo.data.mapped import is_mapped, look_at_memory
from hpo.errors import DataError, HpoWarning

X = np.arange(400, dtype=np.float32).reshape(100, 4)
Y = np.arange(100) % 3


@pytest.fixture(params=["npy", "memmap"])
def mapped(request: pytest.FixtureRequest, tmp_path: Path) -> np.ndarray:
    path = tmp_path / "x.npy"
    if request.param == "npy":
        np.save(path, X)
        return np.asarray(np.load(path, mmap_mode="r"))
    X.tofile(path)
    return np.memmap(path, dtype=np.float32, mode="r", shape=X.shape)


def test_mapped_rows_stay_in_the_file_until_taken(mapped: np.ndarray) -> None:
    data = Dataset(name="d", development=Rows(x=mapped[:80], y=Y[:80]), test=Rows(x=mapped[80:], y=Y[80:]))
    assert is_mapped(checked(data).development.x)
    some = data.development.take(np.array([3, 5]))
    assert not is_mapped(some.x)
    np.testing.assert_array_equal(some.x, X[[3, 5]])
    whole = Dataset(name="d", development=Rows(x=X[:80], y=Y[:80]), test=Rows(x=X[80:], y=Y[80:]))
    assert digest(data) == digest(whole)


def test_mapped_rows_too_large_for_memory_are_refused_and_large_ones_warned_of(mapped: np.ndarray) -> None:
    size = X.nbytes
    with pytest.raises(DataError, match=r"x is mapped from a file of 0\.0 MB.*give fewer rows or a smaller type"):
        look_at_memory(mapped, 2 * size - 1)
    with pytest.warns(HpoWarning, match="in each worker"):
        look_at_memory(mapped, 2 * size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        look_at_memory(mapped, 8 * size)
