"""Clipping, penalties, max-norm and cycled momentum, step by step against Keras' own on the same batches."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.errors import DefinitionError
from hpo.training import Clip, Constant, LinearOneCycle, Penalty, Recipe, Run, Schedule, build
from hpo.training.compiled_program import Program, programs
from hpo.training.loop import shuffled
from hpo.training.updates import MOMENTA

ROWS, BATCH, EPOCHS, SEED = 20, 8, 3, 5  # three steps an epoch, the last of four rows
STEPS = 3 * EPOCHS
random = np.random.default_rng(1)
DATA = Rows(x=random.normal(0, 2, (ROWS, 5, 5, 1)).astype(np.float32), y=random.normal(size=ROWS).astype(np.float32))

O = keras.optimizers  # noqa: E741
OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "sgd": lambda **k: O.SGD(0.02, **k),
    "momentum": lambda **k: O.SGD(0.02, momentum=0.9, **k),
    "nesterov": lambda **k: O.SGD(0.02, momentum=0.9, nesterov=True, **k),
    "rmsprop momentum": lambda **k: O.RMSprop(2e-3, momentum=0.5, **k),
    "adam": lambda **k: O.Adam(2e-3, **k),
    "adamw": lambda **k: O.AdamW(2e-3, weight_decay=0.1, **k),
    "nadam": lambda **k: O.Nadam(2e-3, **k),
    "adamax": lambda **k: O.Adamax(2e-3, **k),
    "adagrad": lambda **k: O.Adagrad(0.02, **k),
    "adadelta": lambda **k: O.Adadelta(0.5, **k),
    "lion": lambda **k: O.Lion(1e-3, **k),  # Keras' own way
}
SOON = ("nesterov", "rmsprop momentum", "adamw", "adagrad", "lion")  # the others are slow tests
CLIP = {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}


def model(penalty: Penalty | None = None, max_norm: float | None = None) -> keras.Model:
    """A convolution and two dense layers, with what Keras would do for a penalty and a max-norm."""

    def kernel(*axes: int) -> dict[str, Any]:
        regularizer = penalty and keras.regularizers.L1L2(penalty.l1, penalty.l2)
        constraint = max_norm and keras.constraints.MaxNorm(max_norm, axis=list(axes))
        return {"kernel_regularizer": regularizer, "kernel_constraint": constraint}

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5, 5, 1)),
            layers.Conv2D(3, 3, activation="relu", **kernel(0, 1, 2)),
            layers.Flatten(),
            layers.Dense(6, "tanh", **kernel(0)),
            layers.Dense(1, **kernel(0)),
        ]
    )


def by_keras(optimizer: str, clip: Clip | None, penalty: Penalty | None, max_norm: float | None) -> list[np.ndarray]:
    """The weights after `STEPS` steps of Keras' own regularizers, constraints and clipping."""
    config = {} if clip is None else {CLIP[clip.by]: clip.threshold}
    made = build(
        lambda _: Recipe(model=model(penalty, max_norm), optimizer=OPTIMIZERS[optimizer](**config), loss="mse"), None, 3
    )
    made.model.compile(optimizer=made.optimizer, loss=made.loss, run_eagerly=True)
    for batch in batches():
        made.model.train_on_batch(DATA.x[batch], DATA.y[batch])
    return made.model.get_weights()


def batches() -> list[np.ndarray]:
    orders = [shuffled(ROWS, ROWS, tf.constant([SEED, epoch])).numpy() for epoch in range(1, EPOCHS + 1)]
    return [order[start : start + BATCH] for order in orders for start in range(0, ROWS, BATCH)]


def by_us(
    optimizer: str,
    schedule: Schedule | None = None,
    *,
    epochs: int = EPOCHS,
    jit: bool | None = None,
    **options: Any,
) -> Run:
    def made(_: None) -> Recipe:
        return Recipe(
            model=model(),
            optimizer=OPTIMIZERS[optimizer](),
            loss="mse",
            batch_size=BATCH,
            schedule=schedule,
            **options,
        )

    run = Run(build(made, None, 3), DATA, epochs=epochs, metric="mse", seed=SEED, jit=jit)
    for _ in range(epochs):
        run.epoch()
    return run


def assert_same(run: Run, expected: list[np.ndarray]) -> None:
    for ours, theirs in zip(run.model().get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


EVERYTHING = {"clip": Clip(by="norm", threshold=0.3), "penalty": Penalty(l1=0.01, l2=0.05), "max_norm": 0.6}
ALONE: list[dict[str, Any]] = [
    {"clip": Clip(by="value", threshold=0.05)},
    {"clip": Clip(by="global_norm", threshold=0.2)},
    {"penalty": Penalty(l1=0.02)},
    {"penalty": Penalty(l2=0.1)},
    {"max_norm": 0.5},
]


@pytest.mark.parametrize(
    ("optimizer", "options"), [*((name, EVERYTHING) for name in SOON), *(("momentum", one) for one in ALONE)]
)
def test_regularized_steps_give_the_weights_of_keras(optimizer: str, options: dict[str, Any]) -> None:
    expected = by_keras(optimizer, options.get("clip"), options.get("penalty"), options.get("max_norm"))
    run = by_us(optimizer, **options)
    assert_same(run, expected)
    if "max_norm" in options:
        for weight in run.model().get_weights():
            if weight.ndim > 1:
                norms = np.sqrt(np.square(weight).sum(axis=tuple(range(weight.ndim - 1))))
                assert norms.max() <= options["max_norm"] * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name not in SOON])
def test_regularized_steps_of_every_other_optimizer_give_the_weights_of_keras(optimizer: str) -> None:
    test_regularized_steps_give_the_weights_of_keras(optimizer, EVERYTHING)


@pytest.mark.thorough
def test_the_penalty_is_in_the_reported_loss() -> None:
    """At a rate of 0, so that the weights stay."""
    penalty = Penalty(l1=0.03, l2=0.7)
    made = Recipe(model=model(), optimizer=O.SGD(0.0), loss="mse", batch_size=BATCH, penalty=penalty)
    epoch = Run(made, DATA, epochs=1, metric="mse", seed=SEED).epoch()
    kernels = [weight for weight in made.model.get_weights() if weight.ndim > 1]
    expected = sum(0.03 * np.abs(kernel).sum() + 0.7 * np.square(kernel).sum() for kernel in kernels)
    assert epoch.loss - epoch.train == pytest.approx(expected, rel=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "rmsprop momentum", "adam", "nadam", "adamax"])
def test_cycled_momentum_is_keras_with_that_momentum_set_before_each_step(optimizer: str) -> None:
    cycle = LinearOneCycle(momentum=(0.95, 0.6))
    made = build(lambda _: Recipe(model=model(), optimizer=OPTIMIZERS[optimizer](), loss="mse"), None, 3)
    theirs = made.optimizer
    made.model.compile(optimizer=theirs, loss="mse", run_eagerly=True)
    rates, momenta = cycle.rates(float(theirs.learning_rate), STEPS), cycle.momenta(0.9, STEPS)
    assert momenta is not None
    for step, batch in enumerate(batches()):
        theirs.learning_rate = rates[step]
        setattr(theirs, MOMENTA[type(theirs)], float(momenta[step]))
        made.model.train_on_batch(DATA.x[batch], DATA.y[batch])
    assert_same(by_us(optimizer, cycle), made.model.get_weights())


@pytest.mark.slow
def test_xla_gives_the_same_regularized_steps() -> None:
    plain = by_us("nesterov", LinearOneCycle(), **EVERYTHING)
    assert_same(by_us("nesterov", LinearOneCycle(), jit=True, **EVERYTHING), plain.model().get_weights())


def test_an_optimizer_without_momentum_follows_only_the_rates_of_a_cycle() -> None:
    plain = by_us("sgd", LinearOneCycle(momentum=None))
    assert_same(by_us("sgd", LinearOneCycle()), plain.model().get_weights())


def test_momentum_that_cannot_be_cycled_is_refused() -> None:
    with pytest.raises(DefinitionError, match="Lion as it is configured cannot follow: give the schedule"):
        by_us("lion", LinearOneCycle())


@pytest.mark.thorough
def test_varying_any_of_the_numbers_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = Program.__init__
    monkeypatch.setattr(Program, "__init__", lambda self, *a, **k: made.append(1) or make(self, *a, **k))
    programs.clear()

    def loss(momentum: float, clip: float, l2: float, max_norm: float, schedule: Schedule) -> float:
        def recipe(_: None) -> Recipe:
            return Recipe(
                model=model(),
                optimizer=O.SGD(0.02, momentum=momentum),
                loss="mse",
                batch_size=BATCH,
                schedule=schedule,
                clip=Clip(by="value", threshold=clip),
                penalty=Penalty(l2=l2),
                max_norm=max_norm,
            )

        return Run(build(recipe, None, 3), DATA, epochs=1, metric="mse", seed=SEED).epoch().loss

    first = (0.9, 0.3, 0.01, 1.0, Constant())
    others = [(0.5, *first[1:]), (0.9, 0.01, *first[2:]), (*first[:2], 0.2, *first[3:]), (*first[:3], 0.1, first[4])]
    losses = [loss(*numbers) for numbers in [first, *others, (*first[:4], LinearOneCycle())]]
    assert len(made) == 1
    assert len(set(losses)) == len(losses)  # each of them counts
    assert loss(*first) == losses[0]
    by_us("momentum", clip=Clip(by="norm", threshold=0.3), epochs=1)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Clip(by="length"), "choose one of value, norm, global_norm"),
        (lambda: Clip(by="norm", threshold=0), "threshold above 0"),
        (lambda: Penalty(), "give one of them above 0"),
        (lambda: Penalty(l1=-1, l2=1), "none below it"),
        (lambda: by_us("sgd", max_norm=0.0), "max_norm 0.0 is not above 0"),
        (lambda: by_us("sgd", watch=1.0), r"watch 1.0 is not in \[0, 1\)"),
    ],
)
def test_invalid_numbers_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        make()
