"""Metrics that are no mean over rows: computed from the outputs of all rows, as Keras' own evaluation has them."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import DefinitionError, Infeasible
from hpo.study import OwnMetric
from hpo.training import Recipe, Run
from hpo.training.scores import higher_is_better, is_mean_over_rows, score_of_all

ROWS = 300  # no multiple of a batch, nor of what is predicted at a time


def binary(seed: int = 0) -> Rows:
    """Two classes, one of them rare, that overlap."""
    random = np.random.default_rng(seed)
    y = (random.random(ROWS) < 0.2).astype("float32")
    return Rows(x=(random.normal(size=(ROWS, 3)) + y[:, None]).astype("float32"), y=y)


def numbers(seed: int = 0) -> Rows:
    """A sum with noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(ROWS, 3)).astype("float32")
    return Rows(x=x, y=(x.sum(axis=1) + random.normal(size=ROWS)).astype("float32"))


def recipe(outputs: int = 1, activation: str | None = "sigmoid", loss: str = "binary_crossentropy") -> Recipe:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(outputs, activation=activation)])
    return Recipe(model=model, optimizer=keras.optimizers.Adam(0.1), loss=loss, batch_size=32)


def gini(y: NDArray[np.generic], outputs: NDArray[np.generic]) -> float:
    """Twice the area under the curve, less one, by ranks."""
    scores, labels = outputs.reshape(-1), y.reshape(-1) > 0
    yes, no = scores[labels][:, None], scores[~labels]
    return float(2 * ((yes > no).mean() + (yes == no).mean() / 2) - 1)


@pytest.mark.thorough
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("metric", "rows", "made"),
    [
        ("AUC", binary, ()),
        ("Precision", binary, ()),
        ("recall", binary, ()),
        ("R2Score", numbers, (1, None, "mse")),
        ("RootMeanSquaredError", numbers, (1, None, "mse")),
    ],
)
def test_metrics_over_all_rows_equal_those_of_keras(
    metric: str, rows: "type[Rows]", made: tuple[object, ...], jit: bool
) -> None:
    train, validation = rows(0), rows(1)
    run = Run(recipe(*made), train, validation, epochs=2, metric=metric, seed=0, jit=jit)
    run.epoch()
    epoch = run.epoch()
    model = run.model()
    model.compile(metrics=[keras.metrics.get(metric)], loss="mse")
    for part, score in ((train, epoch.train), (validation, epoch.validation)):
        expected = model.evaluate(part.x, part.y[:, None], verbose=0, return_dict=True)
        assert score == pytest.approx(next(value for name, value in expected.items() if name != "loss"), abs=1e-5)
    assert run.evaluate(validation) == pytest.approx(epoch.validation)


def test_an_f_score_of_one_output_asks_whether_it_is_above_a_half() -> None:
    y = np.array([1, 1, 0, 0, 1], dtype="float32")
    outputs = np.array([0.9, 0.2, 0.6, 0.1, 0.8], dtype="float32")[:, None]
    assert score_of_all("F1Score", y, outputs) == pytest.approx(2 / 3)  # of 3 said and 3 true, 2 are both


def test_an_f_score_of_several_classes_is_their_mean() -> None:
    y, outputs = np.eye(3, dtype="float32")[[0, 0, 1, 2]], np.eye(3, dtype="float32")[[0, 1, 1, 2]]
    assert score_of_all("F1Score", y, outputs) == pytest.approx(np.mean([2 / 3, 2 / 3, 1]))


@pytest.mark.thorough
def test_a_custom_metric_gets_all_rows_at_once() -> None:
    train, validation = binary(0), binary(1)
    own = OwnMetric(name="gini", function=gini, direction="maximize")
    run = Run(recipe(), train, validation, epochs=1, metric=own, seed=0)
    epoch = run.epoch()
    assert epoch.validation == pytest.approx(gini(validation.y, run.predict(validation.x)))
    assert epoch.train == pytest.approx(gini(train.y, run.predict(train.x)))
    assert run.metric == "gini"
    assert higher_is_better(own)


def test_runs_of_one_shape_share_a_program_whatever_of_all_rows_they_are_scored_by() -> None:
    own = OwnMetric(name="gini", function=gini, direction="maximize")
    first = Run(recipe(), binary(0), epochs=1, metric="AUC", seed=0)
    second = Run(recipe(), binary(0), epochs=1, metric=own, seed=0)
    assert first._way._program() is second._way._program()


def test_an_exception_of_a_custom_metric_is_raised() -> None:
    def broken(y: NDArray[np.generic], outputs: NDArray[np.generic]) -> float:
        raise ZeroDivisionError("mine")

    run = Run(recipe(), binary(), epochs=1, metric=OwnMetric(name="b", function=broken, direction="maximize"), seed=0)
    with pytest.raises(ZeroDivisionError, match="mine"):
        run.epoch()
    silent = OwnMetric(name="silent", function=lambda y, outputs: None, direction="maximize")  # type: ignore[arg-type, return-value]
    with pytest.raises(DefinitionError, match="metric 'silent' must be a number, not None"):
        Run(recipe(), binary(), epochs=1, metric=silent, seed=0).epoch()


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.arange(ROWS, dtype="int64") % 3, "metric AUC takes targets 0 and 1, and y holds those from 0 to 2"),
        (np.zeros((ROWS, 2), dtype="float32"), r"compares outputs of shape \(1,\) with targets of shape \(2,\)"),
    ],
)
def test_targets_a_keras_metric_would_misread_are_refused(y: NDArray[np.generic], words: str) -> None:
    made = recipe(loss="mse")
    with pytest.raises(Infeasible, match=words):
        Run(made, Rows(x=binary().x, y=y), epochs=1, metric="AUC", seed=0)


def test_metrics_that_are_means_over_rows_are_recognized() -> None:
    assert all(map(is_mean_over_rows, ("accuracy", "mae", "binary_crossentropy", "CosineSimilarity")))
    assert not any(map(is_mean_over_rows, ("AUC", "R2Score", "F1Score", "RootMeanSquaredError")))
