"""Scores and outputs of a model by Keras's own evaluate and predict, whatever steps the model has of its own."""

from typing import Any

import keras
import numpy as np

from hpo.data.structures import Arrays
from hpo.errors import DefinitionError
from hpo.study.own_metric import OwnMetric
from hpo.training.feeding import SCORED, Feed
from hpo.training.outputs import Scored
from hpo.training.scores import score_of_all

__all__ = ["Scoring"]


class Scoring:
    """Scores one model by one metric."""

    def __init__(self, model: keras.Model, scored: Scored, shapes: Any, *, weighted: bool) -> None:
        """Of a built model that gives outputs of these shapes; `weighted`: rows count by the weights they come with."""
        self._scored = scored
        self._scorer = _Scorer(model, scored)
        own = isinstance(scored.metric, OwnMetric)
        made = [] if own else [scored.made(shapes)]
        plain, by_weight = ([], made) if weighted else (made, [])
        self._scorer.compile(metrics=[*plain, _Outputs()], weighted_metrics=by_weight or None, jit_compile=False)

    def score(self, data: Feed) -> tuple[float, bool]:
        """The metric on the data, and whether all outputs are finite."""
        if isinstance(self._scored.metric, OwnMetric):
            return self._by_own(data, self._scored.metric)
        told = self._scorer.evaluate(**data.whole(), verbose=0, return_dict=True)
        return float(told[self._scored.name]), bool(np.isfinite(told[_Outputs.NAME]))

    def predict(self, x: Arrays) -> Any:
        """The outputs for inputs of shape (rows, ...)."""
        return self._scorer.predict(x, batch_size=SCORED, verbose=0)

    def _by_own(self, data: Feed, metric: OwnMetric) -> tuple[float, bool]:
        told = [(y, self._scorer.predict_on_batch(x), weights) for x, y, weights in data.batches()]
        weights = [each for *_, each in told if each is not None]
        try:
            y, outputs = (
                keras.tree.map_structure(lambda *each: np.concatenate(each), *part)
                for part in zip(*(each[:2] for each in told), strict=True)
            )
        except ValueError as error:
            raise DefinitionError(
                f"metric {metric.name!r} is a function of all outputs, and those of two batches differ in shape: pad "
                "all batches alike, or take a metric of Keras"
            ) from error
        if not all(np.isfinite(each).all() for each in keras.tree.flatten(outputs)):
            return float("nan"), False
        return score_of_all(metric, y, outputs, np.concatenate(weights) if weights else None), True


class _Scorer(keras.Model):  # type: ignore[misc]
    """A model without steps, losses and metrics of its own."""

    def __init__(self, model: keras.Model, scored: Scored) -> None:
        super().__init__(name="scorer")
        self._asked = model
        self._scored = scored

    def call(self, x: Any, training: bool = False) -> Any:  # noqa: ARG002 - never in training
        """What the model gives."""
        return self._asked(x, training=False)

    def compute_loss(self, *given: Any, **more: Any) -> Any:  # noqa: ARG002 - as keras.Model
        """Nobody asks for one."""
        return keras.ops.zeros(())

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Of the output that is scored."""
        output = self._scored.output
        y, y_pred = output.of(y, "y"), output.of(y_pred, "")
        return super().compute_metrics(x, y, y_pred, output.of(sample_weight, ""))


class _Outputs(keras.metrics.Mean):  # type: ignore[misc]
    """The mean of what a model gives, which is finite where all of it is."""

    NAME = "outputs"

    def __init__(self) -> None:
        super().__init__(name=self.NAME)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:  # noqa: ARG002 - as Keras's
        """Count a batch, padding and all."""
        return super().update_state(keras.ops.mean(keras.ops.cast(y_pred, "float32")))
