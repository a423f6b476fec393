import mlxtend.data
import numpy as np
import pytest

from hpo.data import boston_housing as load
from hpo.data import locate
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


def test_rows_that_are_not_the_published_ones_are_refused(monkeypatch):
    x, y = mlxtend.data.boston_housing_data()
    x[17, 3] += 1
    monkeypatch.setattr(mlxtend.data, "boston_housing_data", lambda: (x, y))
    with pytest.raises(DataError, match=r"boston_housing.csv is damaged: the sha256 .*; pip install") as refused:
        load()
    assert "\n" not in str(refused.value)
    assert not locate("boston-housing").ok
    assert "boston_housing.csv" in locate("boston-housing").problems[0]


def test_a_table_cut_short_is_refused(monkeypatch):
    x, y = mlxtend.data.boston_housing_data()
    monkeypatch.setattr(mlxtend.data, "boston_housing_data", lambda: (x[:100], y[:100]))
    with pytest.raises(DataError, match="100 rows of 14 numbers instead of 506 of 14"):
        load()


def test_it_is_found_in_mlxtend():
    located = locate("boston-housing")
    assert located.ok
    assert located.path.is_file()
    assert not located.problems
