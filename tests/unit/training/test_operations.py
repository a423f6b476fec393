"""What a training costs follows from shapes: of a product of weights and inputs what it takes, of all else its size."""

from collections.abc import Sequence
from typing import Any

import keras
import pytest

from hpo.training import Recipe
from hpo.training.operation_counts import _NUMBER, _STEP, _WEIGHT, operations

L = keras.layers


def recipe(model: keras.Model, batch_size: int = 32) -> Recipe:
    return Recipe(model=model, optimizer="sgd", loss="mse", batch_size=batch_size)


def row(layers: Sequence[Any], shape: tuple[int | None, ...]) -> float:
    found = operations(recipe(keras.Sequential([keras.Input(shape), *layers])), (1,))
    assert found is not None
    return found.row


@pytest.mark.parametrize(
    ("layers", "shape", "products", "numbers"),
    [
        ([L.Dense(5)], (3,), 3 * 5, 5),
        ([L.Dense(5), L.ReLU()], (4, 3), 4 * 3 * 5, 2 * 4 * 5),
        ([L.Conv2D(8, 3)], (10, 12, 2), 8 * 10 * 3 * 3 * 2 * 8, 8 * 10 * 8),
        ([L.Conv2D(8, 3, strides=2, padding="same")], (10, 12, 2), 5 * 6 * 3 * 3 * 2 * 8, 5 * 6 * 8),
        ([L.DepthwiseConv2D(3)], (10, 12, 2), 8 * 10 * 3 * 3 * 2, 8 * 10 * 2),
        ([L.Conv1D(4, 2)], (9, 3), 8 * 2 * 3 * 4, 8 * 4),
        ([L.BatchNormalization()], (7,), 0, 7),
        ([L.Embedding(1000, 16)], (5,), 0, 5 * 16),
        ([L.SimpleRNN(6)], (9, 3), 9 * (3 * 6 + 6 * 6), 6),
        ([L.Bidirectional(L.SimpleRNN(6))], (9, 3), 9 * 2 * (3 * 6 + 6 * 6), 12),
    ],
)
def test_the_operations_of_a_forward_pass_follow_from_the_layers(
    layers: list[Any], shape: tuple[int, ...], products: int, numbers: int
) -> None:
    assert row(layers, shape) == 2 * products + _NUMBER * numbers


def test_channels_first_costs_the_same_as_channels_last() -> None:
    assert row([L.Conv2D(8, 3, data_format="channels_first")], (2, 10, 12)) == row([L.Conv2D(8, 3)], (10, 12, 2))


def test_nested_models_and_shared_layers_count_at_each_use() -> None:
    inner = keras.Sequential([keras.Input((3,)), L.Dense(3)])
    once = row([L.Dense(3)], (3,))
    inputs = keras.Input((3,))
    dense = L.Dense(3)
    model = keras.Model(inputs, dense(dense(inner(inputs))))
    found = operations(recipe(model), (3,))
    assert found is not None
    assert found.row == 3 * once


def test_operations_count_optimizer_steps_and_both_passes_of_an_epoch() -> None:
    found = operations(recipe(keras.Sequential([keras.Input((3,)), L.Dense(5)]), batch_size=4), (3,))
    assert found is not None
    assert found.step == _STEP + _WEIGHT * (3 * 5 + 5)
    assert found.epoch(10, 7) == found.row * (3 * 10 + 7) + 3 * found.step


def test_a_model_without_input_shape_is_built_for_the_rows() -> None:
    found = operations(recipe(keras.Sequential([L.Dense(5)])), (3,))
    assert found is not None
    assert found.row == row([L.Dense(5)], (3,))


class Own(keras.Model):
    def call(self, x: Any) -> Any:
        return x


def test_a_model_of_unknown_shape_has_no_cost() -> None:
    assert operations(recipe(Own()), (3,)) is None
    assert operations(recipe(keras.Sequential([keras.Input((None, 3)), L.Dense(5)])), (3,)) is None
