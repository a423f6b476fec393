"""Weights of rows and of classes: losses, scores and weights of the model are those of Keras's fit and evaluate."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from hpo.data import Dataset, Rows
from hpo.errors import DefinitionError, HpoWarning, Infeasible, UsageError
from hpo.study import OwnMetric
from hpo.training import Recipe, Run
from hpo.training.loop import shuffled

ROWS, BATCH, EPOCHS, SEED = 43, 8, 2, 5  # six batches, the last of three rows
CLASS_WEIGHT = {0: 0.5, 2: 3.0}  # those that are not named weigh 1


def table(seed: int = 0, *, classes: int = 3) -> Rows:
    """Three classes, one of them rare, whose rows weigh from 0 to 2."""
    random = np.random.default_rng(seed)
    y = random.choice(classes, size=ROWS, p=(0.7, 0.2, 0.1) if classes == 3 else (0.8, 0.2))
    weights = np.where(np.arange(ROWS) % 7 == 0, 0.0, random.uniform(0, 2, ROWS))
    x = (random.normal(size=(ROWS, 4)) + y[:, None]).astype("float32")
    return Rows(x=x, y=y, sample_weight=weights)


def dense(
    loss: Any = "sparse_categorical_crossentropy", outputs: int = 3, activation: str | None = "softmax"
) -> Recipe:
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(outputs, activation)]
    return Recipe(model=keras.Sequential(layers), optimizer=keras.optimizers.Adam(0.05), loss=loss, batch_size=BATCH)


def by_keras(
    recipe: Recipe, rows: Rows, metrics: dict[str, Any], **weights: Any
) -> tuple[keras.Model, dict[str, float]]:
    """Keras's fit on the batches of ours, and its last epoch's history."""
    model = recipe.model
    model.compile(optimizer=recipe.optimizer, loss=recipe.loss, run_eagerly=True, **metrics)
    told: dict[str, float] = {}
    for epoch in range(1, EPOCHS + 1):
        order = shuffled(ROWS, ROWS, tf.constant([SEED, epoch])).numpy()
        if "sample_weight" in weights:
            weights = {"sample_weight": weights["sample_weight"]}
        given = {key: value[order] if key == "sample_weight" else value for key, value in weights.items()}
        history = model.fit(rows.x[order], rows.y[order], batch_size=BATCH, shuffle=False, verbose=0, **given).history
        told = {key: float(values[-1]) for key, values in history.items()}
    return model, told


def trained(recipe: Recipe, rows: Rows, validation: Rows | None = None, **how: Any) -> tuple[Run, Any]:
    run = Run(recipe, rows, validation, epochs=EPOCHS, metric=how.pop("metric", "accuracy"), seed=SEED, **how)
    return run, [run.epoch() for _ in range(EPOCHS)][-1]


def assert_same(ours: keras.Model, theirs: keras.Model) -> None:
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def balanced(y: NDArray[Any]) -> dict[int, float]:
    """As scikit-learn has it."""
    classes, counts = np.unique(y, return_counts=True)
    return {int(c): len(y) / (len(classes) * n) for c, n in zip(classes, counts, strict=True)}


@pytest.mark.thorough
@pytest.mark.parametrize(("loss", "jit"), [("sparse_categorical_crossentropy", True), ("summed", False)])
@pytest.mark.parametrize("by", ["row", "class", "balanced", "row and class"])
def test_a_weighted_training_equals_that_of_keras(by: str, loss: str, jit: bool) -> None:
    made = keras.losses.SparseCategoricalCrossentropy(reduction="sum") if loss == "summed" else loss
    rows = table()
    given: dict[str, Any] = {}
    if by != "row":
        given["class_weight"] = balanced(rows.y) if by == "balanced" else CLASS_WEIGHT
    if by.startswith("row"):
        given["sample_weight"] = rows.sample_weight
    if by == "row and class":  # which Keras does not take together
        given = {"sample_weight": rows.sample_weight * np.array([CLASS_WEIGHT.get(int(c), 1.0) for c in rows.y])}
    theirs, told = by_keras(dense(made), rows, {"metrics": ["accuracy"]}, **given)
    recipe = replace(dense(made), class_weight={"row": None, "balanced": "balanced"}.get(by, CLASS_WEIGHT))
    ours = rows if by.startswith("row") else replace(rows, sample_weight=None)
    run, epoch = trained(recipe, ours, jit=jit)
    assert_same(run.model(), theirs)
    assert epoch.loss == pytest.approx(told["loss"], rel=1e-5)
    assert epoch.train == pytest.approx(told["accuracy"])  # as Keras's metrics: rows count alike


@pytest.mark.thorough
@pytest.mark.parametrize(("metric", "jit"), [("accuracy", True), ("binary_crossentropy", False), ("AUC", False)])
def test_a_weighted_score_equals_that_of_keras(metric: str, jit: bool) -> None:
    rows, validation = table(classes=2), table(1, classes=2)
    made = dense("binary_crossentropy", 1, "sigmoid")
    for weighted in (False, True):
        run, epoch = trained(made, rows, validation, metric=metric, weighted=weighted, jit=jit)
        model = run.model()
        metrics = {
            "weighted_metrics" if weighted else "metrics": [
                keras.metrics.get(metric) if metric != "accuracy" else metric
            ]
        }
        model.compile(loss="binary_crossentropy", **metrics)
        theirs = model.evaluate(
            validation.x, validation.y[:, None], sample_weight=validation.sample_weight, verbose=0, return_dict=True
        )
        expected = next(value for name, value in theirs.items() if name != "loss")
        assert epoch.validation == pytest.approx(expected, abs=1e-5), weighted
        assert run.evaluate(validation) == pytest.approx(expected, abs=1e-5)


@pytest.mark.thorough
def test_a_weighted_score_while_training_is_that_of_keras() -> None:
    rows = table()
    _, told = by_keras(dense(), rows, {"weighted_metrics": ["accuracy"]}, sample_weight=rows.sample_weight)
    _, epoch = trained(dense(), rows, weighted=True)
    assert epoch.train == pytest.approx(told["accuracy"])


@pytest.mark.thorough
def test_class_weights_are_of_the_rows_trained_on_and_have_no_say_in_scores() -> None:
    """Validation rows, all of one class here, change nothing."""
    rows, of_one = table(), replace(table(1), y=np.zeros(ROWS, dtype=int))
    recipe = replace(dense(), class_weight="balanced")
    run, epoch = trained(recipe, rows, of_one)
    alone, _ = trained(replace(dense(), class_weight="balanced"), rows)
    assert_same(run.model(), alone.model())
    assert epoch.validation == pytest.approx(float((run.predict(of_one.x).argmax(axis=1) == 0).mean()))


@pytest.mark.thorough
def test_masks_and_sample_weights_combine_as_in_keras() -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 4, size=(ROWS, 6))  # 0: nothing is there
    rows = Rows(x=x, y=x % 2, sample_weight=random.uniform(0, 2, ROWS))

    def made() -> Recipe:
        keras.utils.set_random_seed(1)
        layers = [
            keras.Input((6,)),
            keras.layers.Embedding(4, 3, mask_zero=True),
            keras.layers.SimpleRNN(3, return_sequences=True),
            keras.layers.Dense(2, activation="softmax"),
        ]
        model, optimizer = keras.Sequential(layers), keras.optimizers.SGD(0.1)
        return Recipe(model=model, optimizer=optimizer, loss="sparse_categorical_crossentropy", batch_size=BATCH)

    theirs, told = by_keras(
        made(), rows, {"weighted_metrics": ["accuracy"]}, sample_weight=rows.sample_weight[:, None] + np.zeros(x.shape)
    )
    run, epoch = trained(made(), rows, weighted=True)
    assert_same(run.model(), theirs)
    assert epoch.loss == pytest.approx(told["loss"], rel=1e-5)
    assert epoch.train == pytest.approx(told["accuracy"])


def test_a_model_with_its_own_train_step_gets_the_weights() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.layer = keras.layers.Dense(3, activation="softmax")

        def call(self, x: Any) -> Any:
            return self.layer(x)

        def compute_loss(self, *given: Any, **named: Any) -> Any:
            return super().compute_loss(*given, **named)

    def made() -> Recipe:
        keras.utils.set_random_seed(1)
        model, optimizer = Own(), keras.optimizers.SGD(0.1)
        model(table().x)  # it has weights now, the same both times
        return Recipe(model=model, optimizer=optimizer, loss="sparse_categorical_crossentropy", batch_size=BATCH)

    rows = table()
    theirs, _ = by_keras(made(), rows, {}, sample_weight=rows.sample_weight)
    with pytest.warns(HpoWarning, match="Keras's own fit trains it"):
        run, _ = trained(made(), rows)
    assert_same(run.model(), theirs)


@pytest.mark.thorough
def test_a_metric_of_ones_own_is_given_the_weights() -> None:
    def weighed(y: NDArray[Any], outputs: NDArray[Any], weights: NDArray[Any]) -> float:
        return float(np.average(outputs.argmax(axis=1) == y, weights=weights))

    metric = OwnMetric(name="weighed", function=weighed, direction="maximize")
    _, mine = trained(dense(), table(), table(1), metric=metric, weighted=True)
    _, theirs = trained(dense(), table(), table(1), weighted=True)
    assert mine.validation == pytest.approx(theirs.validation)


@pytest.mark.thorough
def test_changing_weights_needs_no_recompilation() -> None:
    first = trained(replace(dense(), class_weight={0: 2.0}), table())[0]
    again = trained(replace(dense(), class_weight="balanced"), table(1))[0]
    plain = trained(dense(), replace(table(), sample_weight=None))[0]
    assert first._way._sharing._key == again._way._sharing._key
    assert first._way._sharing._key != plain._way._sharing._key


@pytest.mark.parametrize(
    ("change", "error", "refusal"),
    [
        (lambda rows, recipe: (replace(rows, sample_weight=None), recipe, True), UsageError, "have no sample_weight"),
        (
            lambda rows, recipe: (replace(rows, sample_weight=np.zeros(ROWS)), recipe, False),
            UsageError,
            "all rows .* weigh 0",
        ),
        (
            lambda rows, recipe: (rows, replace(recipe, class_weight={7: 2.0}), False),
            Infeasible,
            "names class 7, of which",
        ),
        (
            lambda rows, recipe: (rows, replace(recipe, class_weight={"rare": 2.0}), False),
            Infeasible,
            "names class 'rare', and the classes have no names: give numbers",
        ),
        (
            lambda rows, recipe: (named(rows), replace(recipe, class_weight={"most": 2.0}), False),
            Infeasible,
            "names class 'most', and classes are common, other, rare",
        ),
        (
            lambda rows, recipe: (named(rows), replace(recipe, class_weight={2: 2.0, "rare": 2.0}), False),
            Infeasible,
            "names class 2 twice, by its number and as 'rare'",
        ),
        (
            lambda rows, recipe: (
                replace(rows, y=rows.y + 0.5),
                replace(recipe, class_weight="balanced", loss=own),
                False,
            ),
            Infeasible,
            "a number and no class: class_weight weighs",
        ),
    ],
)
def test_invalid_uses_of_weights_are_refused(
    change: Callable[[Rows, Recipe], tuple[Rows, Recipe, bool]], error: type[Exception], refusal: str
) -> None:
    rows, recipe, weighted = change(table(), dense())
    with pytest.raises(error, match=refusal) as refused:
        trained(recipe, rows, weighted=weighted, metric=OwnMetric(name="m", function=own, direction="maximize"))
    assert "\n" not in str(refused.value)


def named(rows: Rows) -> Rows:
    """The rows as part of a data set whose labels are texts."""
    texts = replace(rows, y=np.array(["common", "other", "rare"])[rows.y])
    return Dataset(name="d", development=texts, test=texts).development


def test_class_weights_may_name_text_labels() -> None:
    by_name, _ = trained(replace(dense(), class_weight={"common": 0.5, "rare": 3.0}), named(table()))
    by_number, _ = trained(replace(dense(), class_weight=CLASS_WEIGHT), table())
    assert_same(by_name.model(), by_number.model())
    some = named(table()).take(np.arange(20))
    assert some.joined(some).label_names == ("common", "other", "rare")


def own(y: Any, outputs: Any) -> Any:
    return keras.ops.mean(outputs, axis=-1)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ("even", "class_weight is 'even': give classes and their weights"),
        ([1.0, 2.0], "class_weight is .*: give classes"),
        ({1.5: 2.0}, "names a class 1.5: give class numbers, .* or names of labels"),
        ({"rare": -1.0}, "class_weight of class rare must be 0 or more"),
        ({0: -1.0}, "class_weight of class 0 must be 0 or more, not -1.0"),
        ({0: np.nan}, "class_weight of class 0 must be a finite number"),
    ],
)
def test_malformed_class_weights_are_refused_on_declaration(given: Any, refusal: str) -> None:
    with pytest.raises(DefinitionError, match=refusal):
        replace(dense(), class_weight=given)


def test_class_weights_of_numpy_are_taken() -> None:
    given = dict(enumerate(np.array([0.5, 2.0])))
    assert replace(dense(), class_weight=given).class_weight == {0: 0.5, 1: 2.0}
