"""MC dropout against many plain stochastic passes, taken one by one."""

from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DefinitionError, UsageError
from hpo.training import AlphaDropout, Dropout, Recipe, Run, activation, hidden
from hpo.training.after import classifies, mc_predict

layers = keras.layers
PASSES = 1500


def network(*output: Any, dropout: Any = Dropout, normalization: str = "none") -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            *hidden(16, activation("tanh"), normalization=normalization),
            dropout(0.3),
            *hidden(16, activation("tanh"), normalization=normalization),
            dropout(0.4),
            *output,
        ]
    )
    random = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(random.normal(size=16))
            layer.moving_variance.assign(random.uniform(0.5, 2, 16))
    return model


RANDOM = np.random.default_rng(0)
X = RANDOM.normal(0, 2, (6, 4)).astype(np.float32)


def one_by_one(model: keras.Model) -> np.ndarray:
    """(passes, rows, outputs): dropout draws, batch normalization is frozen, which in Keras means inference."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    many = np.repeat(X, PASSES, axis=0)  # a pass a row: dropout draws for each
    return np.asarray(model(many, training=True)).reshape(len(X), PASSES, -1).swapaxes(0, 1).astype(np.float64)


def entropy(p: np.ndarray) -> np.ndarray:
    return -np.sum(p * np.log(p), axis=-1)


@pytest.mark.parametrize(
    ("dropout", "normalization"),
    [(Dropout, "none"), (Dropout, "before"), (AlphaDropout, "none"), (layers.Dropout, "after")],
)
def test_mc_dropout_agrees_with_separate_stochastic_passes(dropout: Any, normalization: str) -> None:
    model = network(layers.Dense(3, activation="softmax"), dropout=dropout, normalization=normalization)
    found = mc_predict(model, X, samples=PASSES, seed=1)
    passes = one_by_one(model)
    error = passes.std(axis=0) * np.sqrt(2 / PASSES)  # of the difference of two means
    assert np.all(np.abs(found.mean - passes.mean(axis=0)) < 5 * error)
    squares = (passes - passes.mean(axis=0)) ** 2
    error = squares.std(axis=0) / (2 * passes.std(axis=0)) * np.sqrt(2 / PASSES)  # likewise, of two deviations
    assert np.all(np.abs(found.std - passes.std(axis=0)) < 5 * error)
    total, expected = entropy(passes.mean(axis=0)), entropy(passes).mean(axis=0)
    assert found.entropy is not None
    assert found.mutual_information is not None
    np.testing.assert_allclose(found.entropy, total, atol=0.04)
    np.testing.assert_allclose(found.mutual_information, total - expected, atol=0.04)
    assert np.all(found.mutual_information > 0.005)


def test_a_single_mc_dropout_pass_has_no_deviation() -> None:
    found = mc_predict(network(layers.Dense(3, activation="softmax")), X, samples=1, seed=1)
    np.testing.assert_array_equal(found.std, 0)
    np.testing.assert_allclose(found.mutual_information, 0, atol=1e-6)
    np.testing.assert_allclose(found.entropy, entropy(found.mean.astype(np.float64)), rtol=1e-4)


def test_mc_dropout_follows_its_seed_and_leaves_the_model_unchanged() -> None:
    model = network(layers.Dense(3, activation="softmax"), normalization="before")
    before = [np.array(v) for v in model.variables]
    first, again, other = (mc_predict(model, X, samples=5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.mean, again.mean)
    assert not np.array_equal(first.mean, other.mean)
    for kept, now in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(kept, np.array(now))


def test_a_regressor_has_no_entropy() -> None:
    model = network(layers.Dense(2))
    found = mc_predict(model, X, samples=PASSES, seed=1)
    passes = one_by_one(model)
    assert found.entropy is None
    assert found.mutual_information is None
    assert found.mean.shape == found.std.shape == (6, 2)
    squares = (passes - passes.mean(axis=0)) ** 2
    error = squares.std(axis=0) / (2 * passes.std(axis=0)) * np.sqrt(2 / PASSES)  # likewise, of two deviations
    assert np.all(np.abs(found.std - passes.std(axis=0)) < 5 * error)


def test_a_small_scatter_about_a_large_value_is_not_lost() -> None:
    model = network(layers.Dense(1, bias_initializer=keras.initializers.Constant(1e4)))
    large = mc_predict(model, X, samples=200, seed=1).std
    model.layers[-1].bias.assign([0.0])
    np.testing.assert_allclose(large, mc_predict(model, X, samples=200, seed=1).std, rtol=0.02)


def test_the_entropy_of_a_single_sigmoid_is_of_two_classes() -> None:
    found = mc_predict(network(layers.Dense(1, activation="sigmoid")), X, samples=20, seed=1)
    p = found.mean[:, 0].astype(np.float64)
    np.testing.assert_allclose(found.entropy, -p * np.log(p) - (1 - p) * np.log(1 - p), rtol=1e-4)


def test_softmax_outputs_are_recognized_as_a_classifier() -> None:
    assert classifies(network(layers.Dense(3), layers.Softmax()))
    assert classifies(network(layers.Dense(3), layers.Activation("softmax")))
    assert not classifies(network(layers.Dense(3)))
    assert not classifies(network(layers.Dense(3, activation="sigmoid")))


def test_mc_dropout_of_a_run_handles_more_rows_than_one_batch() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((4,), dtype="uint8"), layers.Rescaling(1 / 255), Dropout(0.5), layers.Dense(1)]
    )
    x = RANDOM.integers(0, 256, (1500, 4)).astype(np.uint8)
    rows = Rows(x=x, y=(x.sum(axis=1) / 255).astype(np.float32))
    run = Run(
        Recipe(model=model, optimizer=keras.optimizers.SGD(0.1), loss="mse"), rows, epochs=1, metric="mae", seed=1
    )
    run.epoch()
    found = mc_predict(run, x, samples=400, seed=1)
    # Behind one linear layer the mean over dropout is the plain prediction.
    assert found.mean.shape == (1500, 1)
    assert np.all(np.abs(found.mean - run.predict(x)) < 6 * found.std / np.sqrt(400) + 1e-5)


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.drop, self.out = layers.Dropout(0.2), layers.Dense(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.out(self.drop(inputs, training=training))


def test_no_rows_no_passes_and_no_dropout_are_refused() -> None:
    plain = keras.Sequential([keras.Input((4,)), Dropout(0.0), layers.Dense(1)])
    with pytest.raises(UsageError, match="the model has no dropout"):
        mc_predict(plain, X, samples=5)
    with pytest.raises(UsageError, match="0 passes over 6 rows"):
        mc_predict(plain, X, samples=0)
    with pytest.raises(UsageError, match="5 passes over 0 rows"):
        mc_predict(plain, X[:0], samples=5)
    own = Own()
    own(X)
    with pytest.raises(DefinitionError, match="Own is a model class of its own: build it as"):
        mc_predict(own, X, samples=5)


def test_no_layer_drops_in_one_pass_what_another_drops_in_another() -> None:
    """Two layers beside each other over ones, so that the passes, each told from the means of one more, are masks."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, layers.Concatenate()([Dropout(0.5)(inputs), Dropout(0.5)(inputs)]))
    ones, passes, before = np.ones((300, 1), dtype=np.float32), 4, np.zeros((300, 2))
    masks = []
    for samples in range(1, passes + 1):
        total = samples * mc_predict(model, ones, samples=samples, seed=1).mean.astype(np.float64)
        masks += [tuple(np.round(column)) for column in (total - before).T]
        before = total
    assert set(np.ravel(masks)) == {0, 2}
    assert len(set(masks)) == 2 * passes
