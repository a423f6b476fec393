"""Data sets and splits, as arrays."""

from hpo.data.boston_housing import boston_housing
from hpo.data.catalog import DATASETS, Located, fetch, locate
from hpo.data.dataset import Dataset, Rows
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
    "fashion_mnist",
    "fetch",
    "holdout",
    "kfold",
    "locate",
    "stratified_holdout",
    "subset",
]
