"""Boston Housing: 506 census tracts, 13 numbers each, and the median value of their homes (Harrison, Rubinfeld 1978).

Its column B is a formula of the share of Black residents, built on the assumption that segregation lifts prices, and
the data do not bear out what the authors claimed: a benchmark for optimizers, not a set to model housing with.
"""

import numpy as np

from hpo.data import places
from hpo.data.checked_files import BOSTON_HOUSING_FILE, read_checked
from hpo.data.dataset import Dataset, Rows

__all__ = ["FEATURE_NAMES", "boston_housing"]

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
