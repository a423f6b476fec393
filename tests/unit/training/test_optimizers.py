"""Each optimizer by its name against its formula, step by step; `test_updates.py` holds the rest against Keras."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.training import OPTIMIZERS, Recipe, Run, coupled, decoupled, optimizer

STEPS, E = 6, 1e-7
Gradient = Callable[[np.ndarray], np.ndarray]
Path = Iterator[np.ndarray]


def sgd(w: np.ndarray, g: Gradient, r: float) -> Path:
    while True:
        w = w - r * g(w)
        yield w


def momentum(w: np.ndarray, g: Gradient, r: float, nesterov: bool = False) -> Path:
    m = np.zeros_like(w)
    while True:
        now = r * g(w)
        m = 0.9 * m - now
        w = w + (0.9 * m - now if nesterov else m)
        yield w


def adagrad(w: np.ndarray, g: Gradient, r: float) -> Path:
    s = np.full_like(w, 0.1)
    while True:
        now = g(w)
        s = s + now**2
        w = w - r * now / np.sqrt(s + E)
        yield w


def rmsprop(w: np.ndarray, g: Gradient, r: float) -> Path:
    s = np.zeros_like(w)
    while True:
        now = g(w)
        s = 0.9 * s + 0.1 * now**2
        w = w - r * now / np.sqrt(s + E)
        yield w


def adam(w: np.ndarray, g: Gradient, r: float, decay: float = 0.0, kind: str = "adam") -> Path:
    m, s, product = np.zeros_like(w), np.zeros_like(w), 1.0
    for t in range(1, STEPS + 1):
        now = g(w)
        m = 0.9 * m + 0.1 * now
        if kind == "adamax":
            s = np.maximum(0.999 * s, np.abs(now))
            w = w - r * m / ((1 - 0.9**t) * (s + E))
        else:
            s = 0.999 * s + 0.001 * now**2
            here, there = (0.9 * (1 - 0.5 * 0.96**step) for step in (t, t + 1))
            product *= here
            w = w - r * decay * w
            if kind == "nadam":
                ahead = there * m / (1 - product * there) + (1 - here) * now / (1 - product)
                w = w - r * ahead / (np.sqrt(s / (1 - 0.999**t)) + E)
            else:
                w = w - r * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(s) + E)
        yield w


def adadelta(w: np.ndarray, g: Gradient, r: float) -> Path:
    s, d = np.zeros_like(w), np.zeros_like(w)
    while True:
        now = g(w)
        s = 0.95 * s + 0.05 * now**2
        v = now * np.sqrt(d + E) / np.sqrt(s + E)
        d = 0.95 * d + 0.05 * v**2
        w = w - r * v
        yield w


FORMULA: dict[str, Callable[[np.ndarray, Gradient, float], Path]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": lambda w, g, r: momentum(w, g, r, nesterov=True),
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "nadam": lambda w, g, r: adam(w, g, r, kind="nadam"),
    "adamax": lambda w, g, r: adam(w, g, r, kind="adamax"),
    "adadelta": adadelta,
    "adamw": lambda w, g, r: adam(w, g, r, decay=0.004),
}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 5)).astype(np.float32)
Y = (3 * X[:, 0] + RANDOM.normal(size=40)).astype(np.float32)


def gradient(w: np.ndarray) -> np.ndarray:
    """Of the mean squared error of a linear layer."""
    return 2 / len(X) * X.T.astype(np.float64) @ (X @ w - Y[:, None])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_step_equals_its_formula(name: str) -> None:
    rate = 0.5 if name == "adadelta" else 0.05
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, use_bias=False)])
    start = model.get_weights()[0].astype(np.float64)
    made = Recipe(model=model, optimizer=optimizer(name, learning_rate=rate), loss="mse", batch_size=len(X))
    run = Run(made, Rows(x=X, y=Y), epochs=STEPS, metric="mse", seed=0)
    path = FORMULA[name](start, gradient, rate)
    for _ in range(STEPS):  # of one step each
        run.epoch()
        np.testing.assert_allclose(run.model().get_weights()[0], next(path), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("sgd", {"learning_rate": 0.01, "momentum": 0.0}),
        ("momentum", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": False}),
        ("nesterov", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True}),
        ("adagrad", {"learning_rate": 0.001, "initial_accumulator_value": 0.1}),
        ("rmsprop", {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "centered": False}),
        *((name, {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999}) for name in ("adam", "nadam", "adamax")),
        ("adadelta", {"learning_rate": 0.001, "rho": 0.95}),
        ("adamw", {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "weight_decay": 0.004}),
    ],
)
def test_the_defaults_are_the_documented_ones(name: str, numbers: dict[str, Any]) -> None:
    config = optimizer(name).get_config()
    assert {key: config[key] for key in numbers} == pytest.approx(numbers)
    told = [f"{value:g}" for value in numbers.values() if not isinstance(value, bool) and value]
    for value in told:
        assert value in OPTIMIZERS[name] or "Adam's defaults" in OPTIMIZERS[name]


def test_unknown_names_and_bad_numbers_are_refused() -> None:
    with pytest.raises(DefinitionError, match="no optimizer 'lion': take one of sgd, momentum"):
        optimizer("lion")
    with pytest.raises(DefinitionError, match=r"optimizer sgd: .*beta_1"):
        optimizer("sgd", beta_1=0.9)
    with pytest.raises(DefinitionError, match=r"optimizer momentum: .*\[0, 1\]"):
        optimizer("momentum", momentum=2.0)


BATCHES = st.sampled_from([16, 32, 64, 128, 256, 512, 1024])


@given(st.floats(1e-4, 10), st.floats(1e-6, 0.1), BATCHES, st.none() | st.floats(0, 0.99))
def test_decoupled_and_coupled_are_each_others_inverse(
    rate: float, decay: float, batch_size: int, momentum: float | None
) -> None:
    numbers = coupled(rate, decay, batch_size=batch_size, momentum=momentum)
    again = decoupled(**numbers, batch_size=batch_size, momentum=momentum)
    assert again == pytest.approx((rate, decay), rel=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_gradient_descent_moves_equally_far_at_any_batch_and_momentum(momentum: float, nesterov: bool) -> None:
    """A gradient of 1 carries a weight by the rate for each 1024 examples, once momentum has built up."""
    for batch_size in (128, 512):
        steps, examples = 4_096, 4_096 * batch_size
        numbers = coupled(2e-3, batch_size=batch_size, momentum=momentum)
        position, velocity = 0.0, 0.0
        for _ in range(steps):
            velocity = momentum * velocity - numbers["learning_rate"]
            position += momentum * velocity - numbers["learning_rate"] if nesterov else velocity
        assert -position == pytest.approx(2e-3 * examples / 1024, rel=0.01)


@pytest.mark.parametrize("momentum", [None, 0.0, 0.9])
def test_weight_decay_shrinks_by_the_same_share_at_any_batch_and_rate(momentum: float | None) -> None:
    for batch_size in (32, 512):
        for rate in (0.01, 1.0):
            numbers = coupled(rate, 0.02, batch_size=batch_size, momentum=momentum)
            assert numbers["learning_rate"] * numbers["weight_decay"] == pytest.approx(0.02 * batch_size / 1024)


def test_a_rate_of_adam_grows_with_the_root_of_the_batch() -> None:
    small, large = (coupled(0.01, batch_size=size, momentum=None)["learning_rate"] for size in (32, 512))
    assert large / small == pytest.approx(4)
