"""Which of a model's outputs a metric is of, and whether the targets of each go with its loss and its metric."""

from collections.abc import Mapping
from typing import Any

import keras

from hpo.data.structures import Arrays
from hpo.errors import DefinitionError, Infeasible
from hpo.study.direction import MAXIMIZE
from hpo.study.objectives import spelled
from hpo.study.own_metric import Metric, OwnMetric
from hpo.training.model_graph import symbolic
from hpo.training.recipe import Recipe
from hpo.training.scores import ACCURACIES, fresh, higher_is_better, keras_metric
from hpo.training.targets import refuse_unfit

__all__ = ["Output", "Scored", "names", "refuse_unfit_parts", "scored"]


class Output:
    """One output of a model, by its name and its place."""

    def __init__(self, name: str, place: int) -> None:
        self.name = name  # empty where there is one
        self._place = place

    def of(self, structure: Any, what: str) -> Any:
        """Its part of what has a part for each output; all of it where there is one output, or one part for all."""
        if not self.name or not isinstance(structure, Mapping | list | tuple):
            return structure
        if not isinstance(structure, Mapping):
            return structure[self._place] if self._place < len(structure) else None
        if self.name not in structure and what:
            raise DefinitionError(
                f"{what} has {', '.join(map(str, structure))}, and the model an output {self.name}: name them alike"
            )
        return structure.get(self.name)


class Scored:
    """A metric of one output; one's own is of all of them."""

    def __init__(self, metric: Metric, output: Output, *, alone: bool = True) -> None:
        self.metric = metric  # without the output's name
        self.output = output
        self._alone = alone  # whether the model has no other output

    @property
    def higher(self) -> bool:
        """Whether a higher value is better."""
        if isinstance(self.metric, OwnMetric):
            return self.metric.direction == MAXIMIZE
        return higher_is_better(self.metric)

    @property
    def name(self) -> str:
        """What Keras calls the metric."""
        assert isinstance(self.metric, str)
        return self.metric if spelled(self.metric) in ACCURACIES else str(keras_metric(self.metric).name)

    @property
    def logged(self) -> str | None:
        """Under which name fit tells it; None for one's own."""
        if isinstance(self.metric, OwnMetric):
            return None
        return self.name if self._alone else f"{self.output.name}_{self.name}"

    def made(self, shapes: Any) -> Any:
        """The metric as `keras.Model.compile` takes it, for a model that gives outputs of these shapes."""
        assert isinstance(self.metric, str)
        if spelled(self.metric) in ACCURACIES:
            return self.metric
        return fresh(keras_metric(self.metric), self.output.of(shapes, "")[-1] if self.output.name else shapes[-1])

    def compiled(self, shapes: Any) -> Any:
        """The metrics to compile a model with that gives outputs of these shapes."""
        if isinstance(self.metric, OwnMetric):
            return None
        made = self.made(shapes)
        return {self.output.name: [made]} if self.output.name else [made]


def names(model: keras.Model, shapes: Any) -> list[str]:
    """What a model's outputs are called; one empty name where there is one output.

    Args:
        model: a built one.
        shapes: of what it gives, in the structure it gives them in.

    """
    if isinstance(shapes, Mapping):
        return [str(name) for name in shapes]
    if isinstance(shapes, list) or (isinstance(shapes, tuple) and shapes and isinstance(shapes[0], tuple | list)):
        return [*model.output_names] if symbolic(model) else [f"output_{place}" for place in range(len(shapes))]
    return [""]


def scored(metric: Metric, model: keras.Model, shapes: Any) -> Scored:
    """What a run of the model is scored by.

    Args:
        metric: the name of one of Keras's, of a model with several outputs as in digit_accuracy; or one's own.
        model: a built one.
        shapes: of what it gives.

    Raises:
        DefinitionError: there is no such metric, or it is of no output.

    """
    outputs = [Output(name, place) for place, name in enumerate(names(model, shapes))]
    if isinstance(metric, OwnMetric):
        return Scored(metric, Output("", 0))
    if len(outputs) == 1:
        found = [Scored(metric, outputs[0])]
    else:
        mine = sorted(
            (each for each in outputs if metric.startswith(f"{each.name}_")), key=lambda each: -len(each.name)
        )
        found = [Scored(metric.removeprefix(f"{each.name}_"), each, alone=False) for each in mine]
    if not found:
        listed = ", ".join(each.name for each in outputs)
        raise DefinitionError(
            f"metric {metric!r} is of none of the model's outputs {listed}: give it as {outputs[0].name}_{metric}"
        )
    if spelled(str(found[0].metric)) not in ACCURACIES:
        keras_metric(str(found[0].metric))
    return found[0]


def refuse_unfit_parts(recipe: Recipe, metric: Scored, model: keras.Model, y: Arrays, shapes: Any) -> None:
    """Refuse targets of any output that its loss, or the metric, takes for something else.

    Raises:
        Infeasible: as `hpo.training.targets.refuse_unfit`.
        DefinitionError: targets and outputs have different names.

    """
    for place, name in enumerate(names(model, shapes)):
        output = Output(name, place)
        loss = output.of(recipe.loss, "")
        if loss is None:
            continue  # nothing is asked of it
        its = output.of(y, "y")
        scoring = metric.metric if metric.output.name == name and isinstance(metric.metric, str) else None
        try:
            refuse_unfit(loss, scoring, its, output.of(shapes, "") if name else shapes)
        except Infeasible as error:
            if not name:
                raise
            raise Infeasible(f"output {name}: {str(error).removeprefix('infeasible: ')}") from None
