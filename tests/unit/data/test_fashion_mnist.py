"""Fashion-MNIST where it lies already: the real files, in places a test arranges."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from hpo.data import fashion_mnist as load
from hpo.data import fetch, locate, places
from hpo.data.places import FASHION_MNIST_FILES
from hpo.errors import DataError, UsageError

LABELS = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without the data: every place there is lies in `tmp_path` and is empty."""
    monkeypatch.delenv("HPO_DATA_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "DEBIAN_FOLDER", tmp_path / "debian")
    return tmp_path


def lay(real: Path, folder: Path, *, without: str = "", damaged: str = "") -> Path:
    """Put the real files into `folder`, one of them left out or spoiled."""
    folder.mkdir(parents=True)
    for file in FASHION_MNIST_FILES:
        if file.name == damaged:
            content = bytearray((real / file.name).read_bytes())
            content[-1] ^= 1
            (folder / file.name).write_bytes(content)
        elif file.name != without:
            (folder / file.name).symlink_to(real / file.name)
    return folder


def test_fashion_mnist_has_its_published_shapes_types_and_labels(fashion_mnist):
    development, test = fashion_mnist.development, fashion_mnist.test
    assert development.x.shape == (60_000, 28, 28, 1)
    assert test.x.shape == (10_000, 28, 28, 1)
    assert development.x.dtype == np.uint8
    assert development.y.dtype == np.float32
    np.testing.assert_array_equal(development.y.sum(axis=0), np.full(10, 6000))
    np.testing.assert_array_equal(test.y.sum(axis=0), np.full(10, 1000))
    np.testing.assert_array_equal(development.y[:10].argmax(axis=1), [9, 0, 0, 3, 0, 2, 7, 2, 5, 5])
    # The mean and deviation everybody normalizes with, 0.2860 and 0.3530 of 255.
    assert development.x.mean() == pytest.approx(0.2860 * 255, abs=0.02)
    assert development.x.std() == pytest.approx(0.3530 * 255, abs=0.02)
    assert len(fashion_mnist.label_names) == 10


def test_pictures_and_labels_belong_together(fashion_mnist):
    # The last row of the file and its label, read without the loader's help.
    folder = fetch("fashion-mnist").path
    pixels = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())[-784:]
    label = gzip.decompress((folder / LABELS).read_bytes())[-1]
    np.testing.assert_array_equal(fashion_mnist.test.x[-1].ravel(), np.frombuffer(pixels, np.uint8))
    assert fashion_mnist.test.y[-1].argmax() == label


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("given", "$HPO_DATA_DIR"),
        ("given/fashion-mnist", "$HPO_DATA_DIR"),
        ("keras/datasets/fashion-mnist", "the Keras cache"),
        ("debian", "the Debian package"),
        ("cache/hpo/fashion-mnist", "hpo's cache"),
    ],
)
def test_fashion_mnist_is_found_in_each_known_folder(fashion_files, nowhere, monkeypatch, folder, source):
    monkeypatch.setenv("HPO_DATA_DIR", str(nowhere / "given"))
    assert not locate("fashion-mnist").ok
    lay(fashion_files, nowhere / folder)
    located = locate("fashion-mnist")
    assert (located.path, located.source, located.problems) == (nowhere / folder, source, ())


def test_the_first_folder_with_the_files_is_used(fashion_files, nowhere, monkeypatch):
    monkeypatch.setenv("HPO_DATA_DIR", str(nowhere / "given"))
    order = ["cache/hpo/fashion-mnist", "debian", "keras/datasets/fashion-mnist", "given"]
    for folder in order:
        lay(fashion_files, nowhere / folder)
        assert locate("fashion-mnist").path == nowhere / folder


@pytest.mark.parametrize(
    ("folder", "remedy"),
    [("given", "unset HPO_DATA_DIR"), ("cache/hpo/fashion-mnist", "move it away, then `hpo data`")],
)
def test_a_damaged_file_in_a_configured_folder_is_an_error(fashion_files, nowhere, monkeypatch, folder, remedy):
    monkeypatch.setenv("HPO_DATA_DIR", str(nowhere / "given"))
    damaged = lay(fashion_files, nowhere / folder, damaged=LABELS) / LABELS
    before = damaged.read_bytes()
    with pytest.raises(DataError, match=remedy) as refused:
        load()
    assert str(damaged) in str(refused.value)
    assert "8d3605d196f4" in str(refused.value)  # what it should be
    assert "\n" not in str(refused.value)
    assert damaged.read_bytes() == before
    located = locate("fashion-mnist")
    assert not located.ok
    assert str(damaged) in located.problems[0]


def test_a_damaged_file_elsewhere_is_reported_and_skipped(fashion_files, nowhere, caplog):
    damaged = lay(fashion_files, nowhere / "keras/datasets/fashion-mnist", damaged=LABELS) / LABELS
    good = lay(fashion_files, nowhere / "debian")
    located = fetch("fashion-mnist")
    assert located.path == good
    assert str(damaged) in located.problems[0]
    assert str(damaged) in caplog.text
    assert damaged.exists()


def test_a_file_cut_short_is_named_with_both_sizes(fashion_files, nowhere, monkeypatch):
    monkeypatch.setenv("HPO_DATA_DIR", str(nowhere / "given"))
    folder = lay(fashion_files, nowhere / "given", without=LABELS)
    (folder / LABELS).write_bytes(b"short")
    with pytest.raises(DataError, match="5 bytes instead of 5,125"):
        load()


def test_an_unreadable_data_file_is_named(fashion_files, nowhere, monkeypatch):
    monkeypatch.setenv("HPO_DATA_DIR", str(nowhere / "given"))
    folder = lay(fashion_files, nowhere / "given", without=LABELS)
    (folder / LABELS).mkdir()
    with pytest.raises(DataError, match=f"{LABELS} cannot be read: it is a folder, not a file"):
        load()


def test_a_file_missing_beside_its_companions_in_the_folder_given_is_an_error(fashion_files, nowhere, monkeypatch):
    monkeypatch.setenv("HPO_DATA_DIR", str(nowhere / "given"))
    folder = lay(fashion_files, nowhere / "given", without=LABELS)
    with pytest.raises(DataError, match=f"{folder / LABELS} is missing"):
        load()


def test_an_incomplete_cache_is_skipped(fashion_files, nowhere):
    lay(fashion_files, nowhere / "keras/datasets/fashion-mnist", without=LABELS)
    good = lay(fashion_files, nowhere / "debian")
    assert fetch("fashion-mnist").path == good


def test_an_unknown_set_is_refused_with_the_known_ones():
    for look in (locate, fetch):
        with pytest.raises(UsageError, match=r"no data set 'mnist'; there are: fashion-mnist, boston-housing"):
            look("mnist")
