import shutil
import subprocess
import sys

import numpy as np
import pytest

from hpo.data import boston_housing as load
from hpo.data import digest, locate, places
from hpo.data.places import BOSTON_HOUSING_FILE
from hpo.errors import DataError


def test_the_rows_are_those_of_keras_in_its_order(boston_housing):
    development, test = boston_housing.development, boston_housing.test
    assert development.x.shape == (404, 13)
    assert test.x.shape == (102, 13)
    assert {array.dtype for array in (development.x, development.y, test.x, test.y)} == {np.dtype(np.float32)}
    first = [1.23247, 0, 8.14, 0, 0.538, 6.142, 91.7, 3.9769, 4, 307, 21, 396.9, 18.72]
    np.testing.assert_array_equal(development.x[0], np.array(first, dtype=np.float32))
    np.testing.assert_array_equal(development.y[:5], np.array([15.2, 42.3, 50.0, 21.1, 17.7], dtype=np.float32))
    np.testing.assert_array_equal(test.y[:5], np.array([7.2, 18.8, 19.0, 27.0, 22.2], dtype=np.float32))
    assert boston_housing.feature_names[11] == "B"
    assert len(boston_housing.feature_names) == 13


def test_the_digest_of_the_boston_rows_never_changes(boston_housing):
    """A study keeps this digest and refuses other rows."""
    assert digest(boston_housing) == "15609cec7f7e5205e9137d47ce5c04f7"


@pytest.fixture
def package_folder(tmp_path, monkeypatch):
    """A folder in place of the package's, with its table in it."""
    shutil.copy(places.PACKAGE_FOLDER / BOSTON_HOUSING_FILE.name, tmp_path)
    monkeypatch.setattr(places, "PACKAGE_FOLDER", tmp_path)
    return tmp_path


def test_rows_that_are_not_the_published_ones_are_refused(package_folder):
    path = package_folder / BOSTON_HOUSING_FILE.name
    path.write_text(path.read_text().replace("0.00632", "0.00633"))
    with pytest.raises(DataError, match=r"boston_housing.csv is damaged: its sha256 .*; install hpo again") as refused:
        load()
    assert "\n" not in str(refused.value)
    assert not locate("boston-housing").ok
    assert "boston_housing.csv" in locate("boston-housing").problems[0]


def test_a_table_cut_short_is_refused(package_folder):
    path = package_folder / BOSTON_HOUSING_FILE.name
    path.write_text("\n".join(path.read_text().splitlines()[:101]))
    with pytest.raises(DataError, match=r"is damaged: [\d,]+ bytes instead of 34,695; install hpo again"):
        load()


def test_a_table_that_is_missing_is_named_with_the_remedy(package_folder):
    (package_folder / BOSTON_HOUSING_FILE.name).unlink()
    with pytest.raises(DataError, match=r"boston_housing.csv cannot be read: No such file.*; install hpo again"):
        load()


def test_the_boston_table_is_found_in_the_package():
    located = locate("boston-housing")
    assert located.ok
    assert located.path == places.PACKAGE_FOLDER / "boston_housing.csv"
    assert not located.problems


def test_the_boston_rows_need_no_package_but_numpy():
    """Hides what carried the rows once, and what that package needs, which may be installed here for something else."""
    hidden = ("mlxtend", "sklearn", "matplotlib", "joblib", "pandas")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
        "from hpo.data import boston_housing, locate\n"
        "print(len(boston_housing().development), locate('boston-housing').ok)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["404", "True"]
