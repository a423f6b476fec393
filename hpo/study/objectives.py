"""What a search may weigh against its metric: costs of a trained model, all of them the less the better."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from hpo.errors import UsageError
from hpo.study.direction import MINIMIZE

if TYPE_CHECKING:
    from hpo.study.definition import StudyDefinition

__all__ = ["COSTS", "directions", "less", "parse_objectives"]

COSTS: Mapping[str, str] = MappingProxyType(
    {
        "latency": "seconds of one prediction of one row, on the machine that trained it",
        "parameters": "numbers the model keeps for prediction",
    }
)


_COUNTED = ("parameters",)


def parse_objectives(text: str, definition: "StudyDefinition") -> tuple[str, ...]:
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


def less(costs: Sequence[str]) -> str:
    """What a search wants of them, for a person: "less latency and fewer parameters"."""
    return " and ".join(f"{'fewer' if cost in _COUNTED else 'less'} {cost}" for cost in costs)


def directions(direction: str, costs: Sequence[str]) -> tuple[str, ...]:
    """Maximize or minimize for each objective: the metric's own, and less of each cost."""
    return (direction, *(MINIMIZE for _ in costs))
