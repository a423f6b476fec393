"""Definitions of every kind that people bring: data, models, metrics and splits that are not one array and a mean."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import model_selection

from hpo.data import Dataset, Rows, Streams
from hpo.study import (
    Fidelity,
    Float,
    Holdout,
    KFold,
    OwnSplits,
    Params,
    Space,
    StudyDefinition,
    TimeSeriesSplit,
    ValidationData,
)
from hpo.training import Recipe

ROWS, TEST = 160, 40
_random = np.random.default_rng(0)
X = _random.normal(size=(ROWS, 4)).astype("float32")
SIGN = (X[:, 0] + X[:, 1] > 1).astype("int64")  # a quarter of the rows
NUMBER = X[:, 0] * 2 + X[:, 2]
TEXT = np.where(SIGN == 1, "ill", "well")
GROUPS = np.arange(ROWS) % 8


def split(x: Any, y: Any, **more: Any) -> Dataset:
    """The first rows for the test, of whatever has rows."""

    def some(values: Any, place: slice) -> Any:
        return {name: each[place] for name, each in values.items()} if isinstance(values, dict) else values[place]

    test, development = (
        Rows(x=some(x, place), y=some(y, place), **{name: each[place] for name, each in more.items()})
        for place in (slice(TEST), slice(TEST, None))
    )
    return Dataset(name="kinds", development=development, test=test)


def rows() -> Dataset:
    return split(X, SIGN)


def grouped_rows() -> Dataset:
    return split(X, SIGN, groups=GROUPS)


def numbers() -> Dataset:
    return split(X, NUMBER)


def two_inputs() -> Dataset:
    return split({"left": X[:, :2], "right": X[:, 2:]}, TEXT)


def frame() -> Dataset:
    return split(pd.DataFrame(X, columns=list("abcd")), pd.Series(TEXT, dtype=object))


def mapped() -> Dataset:
    file = Path(tempfile.mkdtemp()) / "x.npy"
    np.save(file, X)
    return split(np.load(file, mmap_mode="r"), SIGN)


def _batches(place: slice, seed: int | None = None) -> Any:
    import tensorflow as tf

    made = tf.data.Dataset.from_tensor_slices((X[place], SIGN[place]))
    return (made if seed is None else made.shuffle(ROWS, seed=seed)).batch(20)


def tf_data() -> Streams:
    return Streams(
        name="kinds",
        train=lambda seed: _batches(slice(80, None), seed),
        validation=lambda: _batches(slice(TEST, 80)),
        test=lambda: _batches(slice(TEST)),
    )


def py_dataset() -> Streams:
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        """Twenty rows a batch."""

        def __init__(self, first: int, batches: int) -> None:
            super().__init__()
            self._first, self._batches = first, batches

        @property
        def num_batches(self) -> int:
            return self._batches

        def __getitem__(self, index: int) -> Any:
            at = self._first + 20 * index
            return X[at : at + 20], SIGN[at : at + 20]

    return Streams(
        name="kinds", train=lambda seed: Batches(80, 4), validation=lambda: Batches(40, 2), test=lambda: Batches(0, 2)
    )


def varying_lengths() -> Streams:
    import tensorflow as tf

    words = [list(range(1, 2 + number % 5)) for number in range(60)]
    labels = [number % 5 > 2 for number in range(60)]

    def batches() -> Any:
        ragged = tf.data.Dataset.from_tensor_slices((tf.ragged.constant(words, dtype="int32"), labels))
        return ragged.map(lambda each, label: (each, tf.cast(label, "int32"))).padded_batch(10)

    return Streams(name="kinds", train=lambda seed: batches(), validation=batches, test=batches)


def dense(
    params: Params, *, outputs: int = 1, end: str | None = "sigmoid", loss: Any = "binary_crossentropy"
) -> Recipe:
    import keras

    layers = [keras.Input((4,)), keras.layers.Normalization(), keras.layers.Dense(6, "relu")]
    if params.get("own"):  # a layer of somebody's own
        layers.append(own_layer())
    return Recipe(
        model=keras.Sequential([*layers, keras.layers.Dense(outputs, end)]),
        optimizer=keras.optimizers.Adam(params["rate"]),
        loss=loss,
    )


def number(params: Params) -> Recipe:
    return dense(params, end=None, loss="mse")


def classes(params: Params) -> Recipe:
    return dense(params, outputs=2, end="softmax", loss="sparse_categorical_crossentropy")


def streamed(params: Params) -> Recipe:
    import keras

    layers = [keras.Input((4,)), keras.layers.Dense(6, "relu"), keras.layers.Dense(2, "softmax")]
    return Recipe(
        model=keras.Sequential(layers), optimizer=keras.optimizers.Adam(params["rate"]), loss=classes(params).loss
    )


def two(params: Params) -> Recipe:
    import keras

    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    hidden = keras.layers.Dense(6, "relu")(keras.layers.Concatenate()([left, right]))
    return Recipe(
        model=keras.Model({"left": left, "right": right}, keras.layers.Dense(1, "sigmoid")(hidden)),
        optimizer=keras.optimizers.Adam(params["rate"]),
        loss="binary_crossentropy",
        class_weight={"ill": 3.0},
    )


def recurrent(params: Params) -> Recipe:
    import keras

    layers = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(6, 4, mask_zero=True), keras.layers.LSTM(4)]
    return replace(streamed(params), model=keras.Sequential([*layers, keras.layers.Dense(2, "softmax")]))


def mixed(params: Params) -> Recipe:
    import keras

    keras.mixed_precision.set_global_policy("mixed_float16")
    return classes(params)


def own_step(params: Params) -> Recipe:
    import keras
    import tensorflow as tf

    class Halving(keras.Sequential):  # type: ignore[misc]
        """Halves its gradients."""

        def train_step(self, data: Any) -> dict[str, Any]:
            x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True), sample_weight=weights)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip([each / 2 for each in gradients], self.trainable_variables, strict=True))
            return {"loss": loss}

    return replace(classes(params), model=Halving(classes(params).model.layers))


def own_layer() -> Any:
    import keras

    class Scaled(keras.layers.Layer):  # type: ignore[misc]
        """Has a weight of its own."""

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

        def call(self, x: Any) -> Any:
            return x * self.scale

    return Scaled()


def own_loss(y: Any, outputs: Any) -> Any:
    """Squares, and a little more where it says too much."""
    import keras

    error = outputs - keras.ops.cast(y, outputs.dtype)
    return keras.ops.mean(keras.ops.square(error) + 0.1 * keras.ops.relu(error), axis=-1)


def own_parts(params: Params) -> Recipe:
    return dense({**params, "own": True}, end=None, loss=own_loss)


def balanced_accuracy(targets: Any, outputs: Any) -> float:
    """The mean over the classes of the share that is recognised."""
    said, true = outputs.reshape(-1) > 0.5, targets.reshape(-1) > 0.5
    return float(np.mean([(said[true == each] == each).mean() for each in (False, True)]))


def odd_and_even(x: Any, y: Any, groups: Any) -> Any:
    """Splits of somebody's own."""
    places = np.arange(len(x))
    yield places[::2], places[1::2]
    yield places[1::2], places[::2]


def study(name: str, data: Any, build: Any, metric: str, direction: Any = "maximize", **more: Any) -> StudyDefinition:
    given: dict[str, Any] = {
        "evaluation": Holdout(rows=40),
        "fidelities": (Fidelity(name="quick", epochs=2),),
        "spaces": (Space(name="s", params={"rate": Float(low=0.01, high=0.1)}),),
    }
    return StudyDefinition(
        name=name, title=name, data=data, build=build, metric=metric, direction=direction, **{**given, **more}
    )


STREAMED: dict[str, Any] = {"evaluation": ValidationData()}
auc = study("auc", rows, dense, "AUC")
r2 = study("r2", numbers, number, "R2Score")
rmse = study("rmse", numbers, number, "RootMeanSquaredError", "minimize")
f1 = study("f1", rows, dense, "F1Score")
own_metric = study("own_metric", rows, dense, "balanced accuracy", score=balanced_accuracy)
unbalanced = study("unbalanced", two_inputs, two, "AUC")
of_frame = study("of_frame", frame, classes, "accuracy")
of_mapped = study("of_mapped", mapped, classes, "accuracy")
of_tf_data = study("of_tf_data", tf_data, streamed, "accuracy", **STREAMED)
of_py_dataset = study("of_py_dataset", py_dataset, streamed, "accuracy", **STREAMED)
of_words = study("of_words", varying_lengths, recurrent, "accuracy", **STREAMED)
of_mixed = study("of_mixed", rows, mixed, "accuracy")
of_own_step = study("of_own_step", rows, own_step, "accuracy")
of_own_parts = study("of_own_parts", numbers, own_parts, "mse", "minimize")
by_group = study("by_group", grouped_rows, classes, "accuracy", evaluation=model_selection.GroupKFold(3))
grouped = study("grouped", grouped_rows, classes, "accuracy", evaluation=KFold(folds=3, grouped=True))
in_time = study("in_time", rows, classes, "accuracy", evaluation=model_selection.TimeSeriesSplit(3))
ordered = study("ordered", rows, classes, "accuracy", evaluation=TimeSeriesSplit(folds=3, gap=2))
own_splits = study("own_splits", rows, classes, "accuracy", evaluation=OwnSplits(splitter=odd_and_even, folds=2))
repeated = study("repeated", rows, classes, "accuracy", evaluation=KFold(folds=2, repeats=2))

ALL = {
    each.name: each
    for each in (
        auc, r2, rmse, f1, own_metric, unbalanced, of_frame, of_mapped, of_tf_data, of_py_dataset, of_words, of_mixed,
        of_own_step, of_own_parts, by_group, grouped, in_time, ordered, own_splits, repeated,
    )
}  # fmt: skip
