"""What a search optimizes: a metric, in its better direction, and what is weighed against it.

That is costs of the trained model, or the further values of an objective of somebody's own.
The metrics that Keras knows are listed here, as importing Keras takes seconds.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from hpo.errors import UsageError
from hpo.study.direction import MAXIMIZE, MINIMIZE, Direction, better_word

if TYPE_CHECKING:
    from hpo.study.searchable import Searchable

__all__ = [
    "COSTS",
    "DIRECTIONS",
    "UNFINISHED",
    "closest",
    "directions",
    "further",
    "kept",
    "parse_objectives",
    "spelled",
    "unknown",
    "wanted",
]

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


_TOLD_MORE = (
    "IoU",
    "MeanIoU",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
)

UNFINISHED = frozenset((*_TOLD_MORE, *map(_snake, _TOLD_MORE)))
"""Metrics that Keras does not make by their names alone, in each spelling."""


def spelled(metric: str) -> str:
    """The metric's name as training takes it: Keras's compile() takes Accuracy, too, for the one by the shapes."""
    return metric.lower() if metric.lower() in _BY_SHAPES else metric


_ELSEWHERE: Mapping[str, str] = {  # letters of a name that other libraries have -> Keras's for it
    "auroc": "AUC",
    "f1": "F1Score",
    "logloss": "BinaryCrossentropy, CategoricalCrossentropy or SparseCategoricalCrossentropy",
    "neglogloss": "BinaryCrossentropy, CategoricalCrossentropy or SparseCategoricalCrossentropy",
    "nll": "SparseCategoricalCrossentropy",
    "r2": "R2Score",
    "rmse": "RootMeanSquaredError",
    "rocauc": "AUC",
}


def unknown(metric: str) -> str:
    """What to say of a metric that Keras has no such name for."""
    near = closest(metric)
    guess = f"did you mean {near}? " if near else ""
    return (
        f"metric {metric!r} is unknown: {guess}use accuracy, a Keras metric such as mae, or give score=, a function of "
        "all targets and all outputs"
    )


def closest(metric: str) -> str | None:
    """The name Keras knows that is most like one it does not, or means the same; None where there is none."""
    if _letters(metric) in _ELSEWHERE:
        return _ELSEWHERE[_letters(metric)]
    known = {_letters(name): name for name in reversed(tuple(DIRECTIONS))}  # of several spellings the first
    close = difflib.get_close_matches(_letters(metric), known, n=1, cutoff=0.75)
    return known[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


COSTS: Mapping[str, str] = MappingProxyType(
    {
        "latency": "seconds of one prediction of one row, on the machine that trained it",
        "parameters": "numbers the model keeps for prediction",
    }
)


_COUNTED = ("parameters",)


def parse_objectives(text: str, definition: "Searchable") -> tuple[str, ...]:
    """The costs in `METRIC,COST[,COST]`, such as accuracy,latency; the metric is the definition's and comes first.

    Raises:
        UsageError: the metric is another one, a cost is unknown or named twice, or there is none.

    """
    metric, *costs = (word.strip() for word in text.split(","))
    example = f"such as {definition.metric},latency"
    if metric != definition.metric:
        raise UsageError(f"the first objective of {definition.name} is its metric, not {metric!r}; give two, {example}")
    if not any(costs) or len({metric, *costs}) <= len(costs):
        raise UsageError(
            f"objectives {text!r}: give {metric} and one or more of {', '.join(COSTS)}, each once, {example}"
        )
    unknown = [cost for cost in costs if cost not in COSTS]
    if unknown:
        raise UsageError(
            f"there is no objective {unknown[0]!r}; beside {metric} there are: {', '.join(COSTS)}; {example}"
        )
    return tuple(costs)


def wanted(further: Mapping[str, str]) -> str:
    """What a search wants of what it weighs, for a person: "less latency and fewer parameters"."""
    return " and ".join(_wanted(name, direction) for name, direction in further.items())


def _wanted(name: str, direction: str) -> str:
    if name in COSTS and direction == MINIMIZE:
        return f"{'fewer' if name in _COUNTED else 'less'} {name}"
    return f"{better_word(direction)} {name}"


def kept(metrics: Sequence[str], directions: Sequence[str]) -> str | None:
    """Several objectives as a storage keeps them: `accuracy,latency`, and `loss,recall:maximize` where more is better.

    None for one objective: the metric and its direction are kept apart. `further` reads it.
    """
    words = [
        name if better == MINIMIZE else f"{name}:{better}" for name, better in zip(metrics, directions, strict=True)
    ]
    return ",".join([metrics[0], *words[1:]]) if len(words) > 1 else None


def further(objectives: str | None) -> dict[str, Direction]:
    """What `kept` wrote of the objectives after the first: name -> which values are better."""
    words = (word.partition(":") for word in (objectives or "").split(",")[1:])
    return {name: MAXIMIZE if better == MAXIMIZE else MINIMIZE for name, _, better in words}


def directions(direction: Direction, costs: Sequence[str]) -> tuple[Direction, ...]:
    """Maximize or minimize for each objective: the metric's own, and less of each cost."""
    return (direction, *(MINIMIZE for _ in costs))
