"""Data sets and splits, as arrays.

- Rows come in any form (frames by position, tensors, lists) and are arrays from then on. `checked` has one look at what
  a definition's `data()` gave, in every process that loads it.
- `digest` says which rows these are. A study keeps it, and a process that has others refuses the study.
- A loader checks every byte it uses. A damaged file in `$HPO_DATA_DIR` or in our own cache is a DataError; anywhere
  else it is a warning, and the next place is looked at. None is ever deleted.
- Splits are functions of a seed; indices are int64 and rise.
"""

from hpo.data.catalog import DATASETS, Located, boston_housing, fashion_mnist, fetch, locate
from hpo.data.class_weighing import BALANCED, ClassWeight, class_weights
from hpo.data.data_checks import checked
from hpo.data.dataset import Dataset, Rows, digest
from hpo.data.downloads import FetchProgress
from hpo.data.group_splits import group_holdout, group_kfold, group_rows, group_share, stratified_group_kfold
from hpo.data.splits import holdout, kfold, stratified_holdout, stratified_kfold, subset, time_series
from hpo.data.streams import Stream, Streams

__all__ = [
    "BALANCED",
    "DATASETS",
    "ClassWeight",
    "Dataset",
    "FetchProgress",
    "Located",
    "Rows",
    "Stream",
    "Streams",
    "boston_housing",
    "checked",
    "class_weights",
    "digest",
    "fashion_mnist",
    "fetch",
    "group_holdout",
    "group_kfold",
    "group_rows",
    "group_share",
    "holdout",
    "kfold",
    "locate",
    "stratified_group_kfold",
    "stratified_holdout",
    "stratified_kfold",
    "subset",
    "time_series",
]
