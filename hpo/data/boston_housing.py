"""Boston Housing: 506 census tracts, 13 numbers each, and the median value of their homes (Harrison, Rubinfeld 1978).

Its column B is a formula of the share of Black residents, built on the assumption that segregation lifts prices, and
the data do not bear out what the authors claimed: a benchmark for optimizers, not a set to model housing with.
"""

import hashlib
from pathlib import Path

import numpy as np

from hpo.data.dataset import Dataset, Rows
from hpo.errors import DataError

__all__ = ["FEATURE_NAMES", "boston_housing", "boston_housing_file"]

FEATURE_NAMES = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT")

_SHAPE = (506, 14)
# Of the table as little-endian float32, row by row, the target last.
_SHA256 = "65bbbf24d6f69a662a9a05ef752ea93ca07fc3bdc63bb658f5a0fed3ea97ad9b"
_KERAS_SEED = 113  # of the shuffle in keras.datasets.boston_housing
_TEST_SHARE = 0.2


def boston_housing() -> Dataset:
    """Load Boston Housing, split as `keras.datasets.boston_housing` splits it: 404 rows and 102 test rows.

    x is float32 (rows, 13), as measured: nothing is normalized. y is float32 (rows,), in thousands of dollars.

    Raises:
        DataError: mlxtend, which carries the rows, is not installed, or carries other rows.

    """
    try:
        from mlxtend.data import boston_housing_data
    except ImportError as error:
        raise DataError(f"Boston Housing comes with mlxtend: {error}; pip install 'mlxtend>=0.25,<0.26'") from None
    try:
        x, y = boston_housing_data()
        table = np.column_stack([x, y]).astype("<f4")
    except (OSError, ValueError, IndexError) as error:
        raise DataError(_damaged(" ".join(str(error).split())[:200])) from None
    if table.shape != _SHAPE:
        raise DataError(_damaged(f"{table.shape[0]} rows of {table.shape[1]} numbers instead of 506 of 14"))
    digest = hashlib.sha256(table.tobytes()).hexdigest()
    if digest != _SHA256:
        raise DataError(_damaged(f"the sha256 of its rows is {digest[:12]}…, not {_SHA256[:12]}…"))
    order = np.arange(len(table))
    np.random.RandomState(_KERAS_SEED).shuffle(order)
    table = table[order].astype(np.float32)
    cut = int(len(table) * (1 - _TEST_SHARE))
    return Dataset(
        name="boston-housing",
        development=Rows(x=table[:cut, :-1].copy(), y=table[:cut, -1].copy()),
        test=Rows(x=table[cut:, :-1].copy(), y=table[cut:, -1].copy()),
        feature_names=FEATURE_NAMES,
    )


def boston_housing_file() -> Path:
    """The file mlxtend carries the rows in. Raises DataError where mlxtend is not installed."""
    try:
        import mlxtend
    except ImportError as error:
        raise DataError(f"Boston Housing comes with mlxtend: {error}; pip install 'mlxtend>=0.25,<0.26'") from None
    return Path(mlxtend.__file__).parent / "data" / "data" / "boston_housing.csv"


def _damaged(what: str) -> str:
    return f"{boston_housing_file()} is damaged: {what}; pip install --force-reinstall 'mlxtend>=0.25,<0.26'"
