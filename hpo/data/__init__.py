"""Data sets and splits, as arrays."""

from hpo.data.boston_housing import boston_housing
from hpo.data.catalog import DATASETS, Located, fetch, locate
from hpo.data.checks import checked
from hpo.data.dataset import Dataset, Rows
from hpo.data.digest import digest
from hpo.data.downloads import FetchProgress
from hpo.data.fashion_mnist import fashion_mnist
from hpo.data.splits import holdout, kfold, stratified_holdout, subset

__all__ = [
    "DATASETS",
    "Dataset",
    "FetchProgress",
    "Located",
    "Rows",
    "boston_housing",
    "checked",
    "digest",
    "fashion_mnist",
    "fetch",
    "holdout",
    "kfold",
    "locate",
    "stratified_holdout",
    "subset",
]
