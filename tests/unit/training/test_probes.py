"""What a probe sees, against gradients worked out by hand and networks made to saturate or die."""

import functools
import json
import math
from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DefinitionError, UsageError
from hpo.training import INITIALIZERS, Clip, Dropout, Recipe, Run, activation, hidden, initializer
from hpo.training.probes import LayerProbe, Probe, probe

layers = keras.layers
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 30)).astype(np.float32)
Y = np.eye(10, dtype=np.float32)[RANDOM.integers(0, 10, 64)]
ROWS = Rows(x=X, y=Y)
LOSS = "categorical_crossentropy"


def test_probed_norms_and_moments_equal_those_by_hand() -> None:
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(2, name="first"), layers.Activation("tanh"), layers.Dense(1, name="last")]
    )
    x, y = X[:20, :3].astype(np.float64), X[:20, 3].astype(np.float64)
    w, b, v, c = (a.astype(np.float64) for a in model.get_weights())
    a = np.tanh(x @ w + b)
    error = 2 * (a @ v + c - y[:, None]) / len(x)  # of the mean squared error
    first, last = x.T @ (error @ v.T * (1 - a**2)), a.T @ error
    found = probe(model, "mse", Rows(x=x.astype(np.float32), y=y.astype(np.float32)), epoch=3)
    assert (found.epoch, found.rows) == (3, 20)
    assert found.loss == pytest.approx(np.mean((a @ v + c - y[:, None]) ** 2), rel=1e-5)
    assert [(p.name, p.units, p.activation) for p in found.layers] == [("first", 2, "tanh"), ("last", 1, "linear")]
    assert found.layers[0].gradient_norm == pytest.approx(np.linalg.norm(first), rel=1e-4)
    assert found.layers[1].gradient_norm == pytest.approx(np.linalg.norm(last), rel=1e-4)
    assert found.attenuation == pytest.approx(np.linalg.norm(first) / np.linalg.norm(last), rel=1e-4)
    assert found.layers[0].relative_gradient == pytest.approx(np.linalg.norm(first) / np.linalg.norm(w), rel=1e-4)
    assert found.layers[0].weight_norm == pytest.approx(np.linalg.norm(w), rel=1e-5)
    assert found.layers[0].activation_mean == pytest.approx(a.mean(), abs=1e-5)
    assert found.layers[0].activation_variance == pytest.approx(a.var(), rel=1e-4)


@pytest.mark.parametrize(("name", "low", "high"), [("sigmoid", 0.0, 1.0), ("tanh", -1.0, 1.0)])
def test_the_share_of_saturated_activations(name: str, low: float, high: float) -> None:
    model = keras.Sequential([keras.Input((1,)), layers.Dense(4, use_bias=False), *activation(name), layers.Dense(1)])
    model.layers[0].kernel.assign([[30.0, -30.0, 0.1, 2.0]])  # two of four are in the last hundredth, at either end
    found = probe(model, "mse", Rows(x=np.ones((8, 1), np.float32), y=np.zeros(8, np.float32))).layers[0]
    assert found.saturated == 0.5
    assert found.dead is None
    edge = {"sigmoid": math.log(0.995 / 0.005), "tanh": math.atanh(0.99)}[name]
    for factor, share in ((0.999, 0.0), (1.001, 1.0)):
        model.layers[0].kernel.assign([[edge * factor] * 4])
        assert probe(model, "mse", Rows(x=np.ones((8, 1), np.float32), y=np.zeros(8, np.float32))).layers[
            0
        ].saturated == pytest.approx(share), (low, high)


@pytest.mark.parametrize(("name", "dead"), [("relu", 0.25), ("leaky_relu", 0.0), ("elu", 0.0)])
def test_the_share_of_dead_units(name: str, dead: float) -> None:
    model = keras.Sequential([keras.Input((1,)), layers.Dense(4), *activation(name), layers.Dense(1)])
    model.layers[0].kernel.assign([[1.0, -1.0, 1.0, 0.5]])
    model.layers[0].bias.assign([0.0, 0.0, -50.0, 9.0])  # the second lives on one side, the third on neither
    x = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]
    found = probe(model, "mse", Rows(x=x, y=x[:, 0])).layers[0]
    assert found.dead == dead
    assert found.saturated is None


def test_a_convolutions_filter_is_dead_where_it_is_zero_everywhere() -> None:
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(3, 3),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.layers[0].bias.assign([-100.0, 100.0, 100.0])
    found = probe(model, "mse", Rows(x=RANDOM.normal(size=(5, 6, 6, 1)), y=np.zeros(5))).layers
    assert [(p.units, p.activation, p.dead) for p in found] == [(3, "relu", pytest.approx(1 / 3)), (1, "linear", None)]


@pytest.mark.parametrize("normalization", ["none", "before", "after"])
def test_the_activation_is_found_wherever_normalization_stands(normalization: str) -> None:
    model = keras.Sequential(
        [
            keras.Input((30,)),
            *hidden(7, activation("selu"), normalization=normalization),
            Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert [p.activation for p in probe(model, LOSS, ROWS).layers] == ["selu", "softmax"]


def test_probing_is_a_training_step_that_changes_nothing() -> None:
    model = keras.Sequential(
        [
            keras.Input((30,)),
            *hidden(7, activation("relu"), normalization="before"),
            Dropout(0.5, seed=1),
            layers.Dense(10, activation="softmax"),
        ]
    )
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(np.full(7, 50.0))  # in prediction every unit would be dead
    before = [np.asarray(v) for v in model.variables]
    first, again = probe(model, LOSS, ROWS), probe(model, LOSS, ROWS)
    assert first.layers[0].dead == 0
    assert first == again
    for kept, now in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(kept, np.asarray(now))


@pytest.mark.thorough
def test_probing_between_epochs_does_not_change_the_training() -> None:
    def trained(look: bool) -> tuple[list[Any], list[Probe]]:
        keras.utils.set_random_seed(3)
        model = deep("elu", "he_normal", depth=2, normalization="after")
        recipe = Recipe(model=model, optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss=LOSS, batch_size=16)
        run = Run(recipe, ROWS, epochs=2, metric="accuracy", seed=1)
        found = []
        for epoch in range(2):
            if look:
                found.append(probe(run.model(), recipe.loss, ROWS, epoch=epoch))
            run.epoch()
        return run.model().get_weights(), found

    (plain, _), (watched, (start, later)) = trained(look=False), trained(look=True)
    for one, other in zip(plain, watched, strict=True):
        np.testing.assert_array_equal(one, other)
    assert later.loss < start.loss
    assert later.layers[0].weight_norm != start.layers[0].weight_norm


def test_a_probe_survives_json() -> None:
    layer = LayerProbe(
        name="dense",
        units=4,
        activation="relu",
        initializer="he_normal",
        normalized=False,
        gradient_norm=math.nan,
        clipped_norm=1.0,
        weight_norm=2.0,
        activation_mean=math.inf,
        activation_variance=0.5,
        saturated=None,
        dead=0.25,
    )
    found = Probe(epoch=1, rows=8, loss=math.inf, layers=(layer,))
    text = json.dumps(found.to_json(), allow_nan=False)
    again = Probe.from_json(json.loads(text))
    assert (again.epoch, again.rows, again.layers[0].dead, again.layers[0].saturated) == (1, 8, 0.25, None)
    assert math.isnan(again.loss)
    assert math.isnan(again.layers[0].gradient_norm)
    whole = probe(keras.Sequential([keras.Input((30,)), layers.Dense(10, activation="softmax")]), LOSS, ROWS)
    assert Probe.from_json(json.loads(json.dumps(whole.to_json()))) == whole


@pytest.mark.parametrize("by", ["value", "norm", "global_norm"])
def test_gradient_norms_before_and_after_clipping(by: str) -> None:
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, use_bias=False), layers.Dense(1, use_bias=False)])
    for layer in model.layers:
        layer.kernel.assign(np.ones(layer.kernel.shape))
    rows = Rows(x=np.full((4, 2), 10, np.float32), y=np.zeros(4, np.float32))  # every gradient is far above 1
    threshold = 0.125 if by == "value" else 0.5
    plain, clipped = probe(model, "mse", rows), probe(model, "mse", rows, clip=Clip(by=by, threshold=threshold))
    assert not plain.clips
    assert clipped.clips
    assert [one.gradient_norm for one in plain.layers] == [one.gradient_norm for one in clipped.layers]
    found = [one.clipped_norm for one in clipped.layers]
    if by == "global_norm":
        assert math.hypot(*found) == pytest.approx(0.5, rel=1e-5)
    else:  # by value: kernels of four and of two entries, 0.125 each
        assert found == pytest.approx((0.25, 0.125 * math.sqrt(2)) if by == "value" else (0.5, 0.5), rel=1e-5)


@pytest.mark.parametrize("name", list(INITIALIZERS))
def test_a_probed_layer_names_its_initializer_and_normalization(name: str) -> None:
    first = hidden(8, activation("relu"), initializer=initializer(name), normalization="before")
    second = hidden(8, activation("relu"), initializer=initializer(name), normalization="none")
    found = probe(keras.Sequential([keras.Input((30,)), *first, *second, layers.Dense(10)]), LOSS, ROWS)
    assert [one.initializer for one in found.layers] == [name, name, "glorot_uniform"]
    assert [one.normalized for one in found.layers] == [True, False, False]
    assert found.normalized
    assert found.hidden == found.layers[:2]


def test_no_rows_and_models_without_kernels_are_refused() -> None:
    model = keras.Sequential([keras.Input((30,)), layers.Dense(10)])
    with pytest.raises(UsageError, match="0 rows to probe with"):
        probe(model, LOSS, Rows(x=X[:0], y=Y[:0]))
    with pytest.raises(DefinitionError, match="no layers with kernels to probe"):
        probe(keras.Sequential([keras.Input((30,)), layers.BatchNormalization()]), LOSS, ROWS)


def deep(name: str, start: str, *, depth: int = 20, units: int = 100, normalization: str = "none") -> keras.Model:
    """Dense layers of so many units over as many inputs (30 where it is shallow), and a softmax of 10 classes."""
    towers = (
        hidden(units, activation(name), initializer=initializer(start), normalization=normalization)
        for _ in range(depth)
    )
    inputs = keras.Input((units if depth > 2 else 30,))
    return keras.Sequential(
        [inputs, *(layer for tower in towers for layer in tower), layers.Dense(10, activation="softmax")]
    )


# What the chapter says of depth, on 20 layers of equal width over inputs of mean 0 and variance 1; two seeds each.


@functools.cache
def looks(name: str, start: str, units: int = 100, **more: Any) -> list[Probe]:
    found = []
    for seed in range(2):
        keras.utils.set_random_seed(seed)
        x = np.random.default_rng(seed).normal(size=(64, units)).astype(np.float32)
        found.append(probe(deep(name, start, units=units, **more), LOSS, Rows(x=x, y=Y)))
    return found


@pytest.mark.parametrize("units", [30, 100, 300])
def test_sigmoid_with_naive_weights_changes_gradients_by_the_fourth_root_of_the_width(units: int) -> None:
    """It vanishes in narrow networks and explodes in wide ones; at 100 units it happens to do neither.

    Backwards through a layer gradients grow by sqrt(n E[s'(z)^2]). With weights of variance 1, z is so wide (variance
    n E[a^2], E[a^2] = 0.4) that E[s'(z)^2] is the integral of s'^2, 1/6, times the density at 0: sqrt(0.1 sqrt(n)).
    """
    for found in looks("sigmoid", "naive", units):
        assert found.attenuation ** (1 / 19) == pytest.approx(math.sqrt(0.1 * math.sqrt(units)), rel=0.12)


@pytest.mark.thorough
def test_sigmoid_with_naive_weights_saturates_and_hardly_moves() -> None:
    naive, he = looks("sigmoid", "naive"), looks("relu", "he_normal")
    for found in naive:
        assert min(layer.saturated or 0 for layer in found.layers[1:-1]) > 0.2
    slow = max(found.layers[0].relative_gradient for found in naive)
    assert slow < min(found.layers[0].relative_gradient for found in he) / 10


def test_sigmoid_with_naive_weights_vanishes_in_a_narrow_network() -> None:
    assert all(found.attenuation < 1e-2 for found in looks("sigmoid", "naive", 30))
    assert all(found.attenuation > 0.1 for found in looks("relu", "he_normal", 30))


def test_sigmoid_with_glorots_weights_vanishes_by_ten_orders_of_magnitude() -> None:
    for found in looks("sigmoid", "glorot_normal"):
        assert found.attenuation < 1e-10
        assert found.layers[10].saturated == 0


def test_tanh_with_naive_weights_explodes() -> None:
    assert all(found.attenuation > 1e4 for found in looks("tanh", "naive"))


def test_relu_with_hes_weights_keeps_its_gradients() -> None:
    for found in looks("relu", "he_normal"):
        norms = [layer.gradient_norm for layer in found.layers]
        assert max(norms) / min(norms) < 15
        assert 0.1 < found.attenuation < 10


def test_selu_with_lecuns_weights_keeps_mean_0_and_variance_1() -> None:
    for found in looks("selu", "lecun_normal"):
        for layer in found.layers[:-1]:
            assert layer.activation_mean == pytest.approx(0, abs=0.15)
            assert layer.activation_variance == pytest.approx(1, abs=0.35)


@pytest.mark.thorough
def test_batch_normalization_mends_sigmoids_vanishing() -> None:
    assert all(0.3 < found.attenuation < 3 for found in looks("sigmoid", "glorot_normal", normalization="before"))
