"""Zeros among weights, a model's size, and how often a prediction is timed."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.errors import UsageError
from hpo.training import Dropout, LinearOneCycle, Penalty, Recipe, Run, build, fit
from hpo.training.after import latencies, latency, pruned, size, sparsity

layers = keras.layers


def model() -> keras.Model:
    made = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Normalization(mean=0.0, variance=1.0),
            layers.Dense(2),
            layers.BatchNormalization(),
            Dropout(0.2),
            layers.Dense(1, use_bias=False),
        ]
    )
    made.layers[1].kernel.assign([[0.0, 0.5], [-0.01, 0.02], [0.01, -3.0], [1e-9, 0.011]])
    made.layers[1].bias.assign([0.0, 0.001])
    made.layers[-1].kernel.assign([[0.005], [-0.7]])
    return made


@pytest.mark.parametrize(("threshold", "share"), [(0.0, 1 / 10), (1e-8, 2 / 10), (0.01, 5 / 10), (10.0, 1.0)])
def test_sparsity_counts_kernel_weights_of_either_sign(threshold: float, share: float) -> None:
    assert sparsity(model(), threshold) == pytest.approx(share)


def test_pruning_zeroes_small_weights_in_a_copy() -> None:
    whole = model()
    small = pruned(whole, 0.01)
    np.testing.assert_array_equal(
        small.layers[1].kernel.numpy(), np.array([[0, 0.5], [0, 0.02], [0, -3], [0, 0.011]], dtype=np.float32)
    )
    np.testing.assert_array_equal(small.layers[1].bias.numpy(), whole.layers[1].bias.numpy())
    assert sparsity(small, 0) == sparsity(whole, 0.01)
    assert sparsity(whole, 0) == pytest.approx(1 / 10)
    x = np.ones((2, 4), dtype=np.float32)
    np.testing.assert_allclose(pruned(whole, 0)(x), whole(x), rtol=1e-6)


def test_the_size_counts_what_predicting_needs() -> None:
    found = size(model())
    assert found.parameters == 4 * 2 + 2 + 4 * 2 + 2  # neither the dropout's rate nor its random state
    assert found.bytes == 4 * found.parameters
    assert found.zeros == 1 + 1 + 4  # in the kernel, in the bias, and in the normalization: beta, moving mean


def test_pruned_weights_count_as_zeros_in_the_size() -> None:
    assert size(pruned(model(), 0.01)).zeros == size(model()).zeros + 4


def test_l1_makes_most_weights_prunable_without_changing_predictions() -> None:
    """Of twenty inputs two count: without L1 hardly a weight is near 0, with it most, and none of those is missed."""
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 20)).astype(np.float32)
    rows = Rows(x=x, y=(x[:, 0] + 2 * x[:, 1] > 0).astype(np.float32))

    def trained(penalty: Penalty | None) -> Run:
        def made(_: None) -> Recipe:
            network = keras.Sequential([keras.Input((20,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])
            optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
            return Recipe(
                model=network,
                optimizer=optimizer,
                loss="binary_crossentropy",
                penalty=penalty,
                schedule=LinearOneCycle(),  # by its end steps are so small that weights stay where L1 has driven them
            )

        return fit(build(made, None, 1), rows, epochs=40, metric="accuracy", seed=1)

    plain, sparse = trained(None), trained(Penalty(l1=0.003))
    assert sparsity(plain.model(), 1e-2) < 0.2
    assert sparsity(sparse.model(), 1e-2) > 0.6
    small = pruned(sparse.model(), 1e-2)(x).numpy()[:, 0] > 0.5
    assert sparse.evaluate(rows) > 0.95
    assert np.mean(small == rows.y) == pytest.approx(sparse.evaluate(rows), abs=0.01)


@pytest.mark.parametrize("call", [sparsity, pruned])
def test_a_negative_threshold_and_a_model_without_kernels_are_refused(call: Any) -> None:
    with pytest.raises(UsageError, match=r"threshold -0.1: give a size of weights, at least 0"):
        call(model(), -0.1)
    with pytest.raises(UsageError, match="has no kernels"):
        call(keras.Sequential([keras.Input((4,)), layers.BatchNormalization()]), 0.1)


class Watching(layers.Layer):
    """Hands what passes to a function when a prediction is run, not when it is traced."""

    def __init__(self, note: Callable[[Any], Any]) -> None:
        super().__init__()
        self.note = note

    def call(self, inputs: Any) -> Any:
        passed = tf.py_function(self.note, [inputs], inputs.dtype)
        passed.set_shape(inputs.shape)
        return passed


def watched(dtype: str, seen: list[Any]) -> keras.Model:
    """Notes what passes through it in `seen`."""

    def note(values: Any) -> Any:
        seen.append((tuple(values.shape), values.dtype.name))
        return values

    inputs = keras.Input((3, 2), dtype=dtype)
    network = keras.Model(inputs, layers.Flatten()(Watching(note)(inputs)))
    seen.clear()
    return network


@pytest.mark.parametrize(("batch", "dtype"), [(1, "uint8"), (256, "float32")])
def test_latency_is_of_compiled_predictions_of_that_many_rows(batch: int, dtype: str) -> None:
    seen: list[Any] = []
    assert 0 < latency(watched(dtype, seen), batch, repeats=7) < 60
    assert seen == [((batch, 3, 2), dtype)] * (5 + 7)


def test_latencies_of_several_models_are_measured_in_turns() -> None:
    seen: list[Any] = []
    models = [watched(dtype, seen) for dtype in ("uint8", "float32", "int32")]
    assert len(latencies(models, 2, repeats=3)) == 3
    assert [dtype for _, dtype in seen] == ["uint8", "float32", "int32"] * (5 + 3)


@pytest.mark.parametrize(("batch", "repeats"), [(0, 5), (5, 0)])
def test_latency_without_rows_or_repeats_is_refused(batch: int, repeats: int) -> None:
    with pytest.raises(UsageError, match=f"latency of {batch} rows over {repeats} repeats"):
        latency(model(), batch, repeats=repeats)
