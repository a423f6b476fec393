"""The metrics Keras knows by name, and which way each is better; told without Keras, whose import takes seconds."""

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

__all__ = ["DIRECTIONS", "Direction", "closest", "spelled"]

Direction = Literal["maximize", "minimize"]
"""Which values of a metric are better, in Optuna's words: larger ones or smaller ones."""

_BY_SHAPES = ("accuracy", "acc")  # of the targets and outputs it depends which accuracy is meant

_CLASSES: Mapping[str, Direction] = {
    "AUC": "maximize",
    "Accuracy": "maximize",
    "BinaryAccuracy": "maximize",
    "BinaryIoU": "maximize",
    "CategoricalAccuracy": "maximize",
    "ConcordanceCorrelation": "maximize",
    "CosineSimilarity": "maximize",
    "F1Score": "maximize",
    "FBetaScore": "maximize",
    "IoU": "maximize",
    "MeanIoU": "maximize",
    "OneHotIoU": "maximize",
    "OneHotMeanIoU": "maximize",
    "PearsonCorrelation": "maximize",
    "Precision": "maximize",
    "PrecisionAtRecall": "maximize",
    "R2Score": "maximize",
    "Recall": "maximize",
    "RecallAtPrecision": "maximize",
    "SensitivityAtSpecificity": "maximize",
    "SparseCategoricalAccuracy": "maximize",
    "SparseTopKCategoricalAccuracy": "maximize",
    "SpecificityAtSensitivity": "maximize",
    "TopKCategoricalAccuracy": "maximize",
    "BinaryCrossentropy": "minimize",
    "CategoricalCrossentropy": "minimize",
    "CategoricalHinge": "minimize",
    "Hinge": "minimize",
    "KLDivergence": "minimize",
    "LogCoshError": "minimize",
    "MeanAbsoluteError": "minimize",
    "MeanAbsolutePercentageError": "minimize",
    "MeanSquaredError": "minimize",
    "MeanSquaredLogarithmicError": "minimize",
    "Poisson": "minimize",
    "RootMeanSquaredError": "minimize",
    "SparseCategoricalCrossentropy": "minimize",
    "SquaredHinge": "minimize",
}
_SHORT = ("bce", "mae", "mape", "mse", "msle")  # of errors; in capitals, too


def _snake(name: str) -> str:
    """A class's name as Keras writes it in lower case: BinaryIoU is binary_io_u."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


DIRECTIONS: Mapping[str, Direction] = MappingProxyType(
    {
        **dict.fromkeys(_BY_SHAPES, "maximize"),
        **{_snake(name): better for name, better in _CLASSES.items()},
        **dict.fromkeys(_SHORT, "minimize"),
        **_CLASSES,
        **dict.fromkeys(map(str.upper, _SHORT), "minimize"),
    }
)
"""Name of a metric, in each spelling that Keras takes -> which way it is better."""


def spelled(metric: str) -> str:
    """The metric's name as training takes it: Keras's compile() takes Accuracy, too, for the one by the shapes."""
    return metric.lower() if metric.lower() in _BY_SHAPES else metric


def closest(metric: str) -> str | None:
    """The name Keras knows that is most like one it does not; None where none is like it."""
    known = {_letters(name): name for name in reversed(tuple(DIRECTIONS))}  # of several spellings the first
    close = difflib.get_close_matches(_letters(metric), known, n=1, cutoff=0.75)
    return known[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
