"""A folded model predicts what the model predicts."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.errors import DefinitionError
from hpo.training import Dropout, activation, hidden
from hpo.training.after import fold

layers = keras.layers
BATCH = layers.BatchNormalization
IMAGE = (8, 8, 3)


def chain(*middle: Any, shape: tuple[int, ...] = (6,)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *middle])


def branched() -> keras.Model:
    """The normalization feeds two layers, so it stays; the one behind the sum's kernel goes."""
    inputs = keras.Input((6,))
    shared = BATCH()(layers.Dense(5, activation="relu")(inputs))
    total = layers.Add()([layers.Dense(4)(shared), layers.Dense(4)(shared)])
    return keras.Model(inputs, BATCH()(layers.Dense(3, use_bias=False)(total)))


def repeated() -> keras.Model:
    """A kernel used twice is normalized behind its second use alone."""
    inputs, kernel = keras.Input((6,)), layers.Dense(6)
    return keras.Model(inputs, BATCH()(kernel(layers.ReLU()(kernel(inputs)))))


def shared() -> keras.Model:
    """The kernel behind the normalization also takes what was not normalized."""
    inputs, kernel = keras.Input((6,)), layers.Dense(5)
    return keras.Model(inputs, layers.Add()([kernel(BATCH()(layers.ReLU()(inputs))), kernel(inputs)]))


def also_an_output() -> keras.Model:
    inputs = keras.Input((6,))
    kernel = layers.Dense(4)(inputs)
    return keras.Model(inputs, [kernel, layers.Dense(2)(BATCH()(kernel))])


def pictures(padding: str) -> keras.Model:
    return chain(
        layers.Conv2D(4, 3, padding="same", use_bias=False),
        BATCH(),
        layers.MaxPooling2D(2),
        layers.ReLU(),
        BATCH(),
        layers.Conv2D(5, 3, padding=padding),
        layers.ReLU(),
        BATCH(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(3),
        shape=IMAGE,
    )


# Name -> (model, batch normalizations left)
MODELS: dict[str, tuple[Callable[[], keras.Model], int]] = {
    "before the activation": (lambda: chain(*hidden(5, activation("elu"), normalization="before"), layers.Dense(2)), 0),
    "after the activation": (lambda: chain(*hidden(5, activation("relu"), normalization="after"), layers.Dense(2)), 0),
    "of the input": (lambda: chain(BATCH(), layers.Dense(2)), 0),
    "before dropout": (lambda: chain(layers.Dense(5, "relu"), BATCH(), Dropout(0.2), layers.Dense(2)), 0),
    "after dropout": (lambda: chain(layers.Dense(5), Dropout(0.2), BATCH(), layers.ReLU()), 0),
    "two in a row": (lambda: chain(layers.Dense(5), BATCH(), BATCH()), 0),
    "no scale": (lambda: chain(layers.Dense(5), BATCH(scale=False)), 0),
    "no center": (lambda: chain(layers.Dense(5), BATCH(center=False, epsilon=0.1)), 0),
    "last, behind an activation": (lambda: chain(layers.Dense(5, "relu"), BATCH()), 1),
    "between activations": (lambda: chain(layers.Dense(5), layers.ReLU(), BATCH(), layers.ReLU(), layers.Dense(2)), 1),
    "of another axis": (lambda: chain(layers.Dense(5), BATCH(axis=1), shape=(4, 3)), 1),
    "pictures": (lambda: pictures("valid"), 0),
    "pictures, padded": (lambda: pictures("same"), 1),
    "in groups": (lambda: chain(layers.Conv2D(6, 3, groups=3), BATCH(), layers.ReLU(), shape=IMAGE), 0),
    "before groups": (lambda: chain(BATCH(), layers.Conv2D(6, 3, groups=3), shape=IMAGE), 1),
    "an average": (
        lambda: chain(
            layers.Conv2D(4, 3, activation="relu"),
            BATCH(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
            shape=IMAGE,
        ),
        0,
    ),
    "a sequence": (
        lambda: chain(layers.Conv1D(4, 3), BATCH(), layers.ReLU(), BATCH(), layers.Conv1D(2, 2), shape=(9, 3)),
        0,
    ),
    "branches": (branched, 1),
    "a kernel used twice": (repeated, 1),
    "a kernel used elsewhere": (shared, 1),
    "an output of its own": (also_an_output, 0),
    "within a model": (lambda: chain(chain(layers.Dense(5), BATCH()), layers.Dense(2)), 1),
    "none at all": (lambda: chain(layers.Dense(5, "relu"), layers.Dense(2)), 0),
}


def trained(model: keras.Model, seed: int = 0) -> keras.Model:
    """The model with statistics, scales and shifts such as training leaves."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        wide = variable.name in ("gamma", "moving_variance")
        values = random.uniform(0.3, 3, variable.shape) if wide else random.normal(0, 0.6, variable.shape)
        variable.assign(values)
    return model


def left(model: keras.Model) -> int:
    return sum(isinstance(layer, BATCH) for layer in model._flatten_layers())


def outputs(model: keras.Model, rows: int = 20) -> list[np.ndarray]:
    x = np.random.default_rng(1).normal(size=(rows, *model.inputs[0].shape[1:])).astype(np.float32)
    return [np.asarray(y) for y in keras.tree.flatten(model(x))]


def assert_equal(folded: keras.Model, model: keras.Model) -> None:
    for ours, theirs in zip(outputs(folded), outputs(model), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(1.0, float(np.abs(theirs).max())))


@pytest.mark.parametrize("name", MODELS)
def test_a_folded_model_predicts_the_same_and_leaves_the_original_unchanged(name: str) -> None:
    make, remaining = MODELS[name]
    model = trained(make())
    before = outputs(model)
    folded = fold(model)
    assert_equal(folded, model)
    assert left(folded) == remaining
    for kept, now in zip(before, outputs(model), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_a_folded_model_has_no_batch_normalization_left_and_can_be_saved(tmp_path: Any) -> None:
    model = trained(pictures("valid"))
    folded = fold(model)
    assert [type(layer).__name__ for layer in folded.layers] == [
        type(layer).__name__ for layer in model.layers if not isinstance(layer, BATCH)
    ]
    assert folded.count_params() == model.count_params() - (4 * 4 - 4) - 4 * 4 - 4 * 5  # the first kernel got a bias
    folded.save(tmp_path / "folded.keras")
    again = keras.models.load_model(tmp_path / "folded.keras")
    for ours, theirs in zip(outputs(again), outputs(folded), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


PIECES: dict[str, Callable[[], Any]] = {
    "dense": lambda: layers.Dense(4),
    "biasless": lambda: layers.Dense(4, use_bias=False),
    "curved": lambda: layers.Dense(4, activation="tanh"),
    "batch": BATCH,
    "relu": layers.ReLU,
    "dropout": lambda: Dropout(0.5),
}


@pytest.mark.thorough
@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=8), st.integers(0, 99))
def test_any_sequence_of_layers_predicts_the_same(pieces: list[str], seed: int) -> None:
    model = trained(chain(*(PIECES[piece]() for piece in pieces), shape=(4,)), seed)
    folded = fold(model)
    assert_equal(folded, model)
    assert left(folded) <= left(model)


class Own(keras.Model):
    def call(self, inputs: Any) -> Any:
        return inputs


def test_a_model_class_of_ones_own_is_refused() -> None:
    with pytest.raises(DefinitionError, match="Own is a model class of its own"):
        fold(Own())
