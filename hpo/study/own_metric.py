"""A metric of one's own: what a trained model is judged by where Keras has no such metric."""

from collections.abc import Callable
from dataclasses import dataclass

from hpo.study.checked_records import Name, check
from hpo.study.direction import Direction
from hpo.study.value_checks import function

__all__ = ["Metric", "OwnMetric", "ScoreFunction"]

ScoreFunction = Callable[..., float]
"""(targets, outputs) of all rows that are scored, each of shape (rows, ...) -> the metric.

A weighted one (`StudyDefinition.weighted`) is given the rows' weights, of shape (rows,), as its third argument.
"""


@dataclass(frozen=True, kw_only=True)
class OwnMetric:
    """A metric that is somebody's own function.

    Raises:
        DefinitionError: its name is no text, it is no function, or the direction is none.

    """

    name: Name  # what it is called, here and where it is told
    function: ScoreFunction  # of all rows that are scored, at once
    direction: Direction  # which values are better

    def __post_init__(self) -> None:
        check(self)
        function(self.function, f"metric {self.name!r}")


Metric = str | OwnMetric
"""Accuracy, the name of a Keras metric, or one's own."""
