"""Ours beside Keras's own training on the same batches: some cases of each kind here, all of them by `make parity`."""

import keras
import numpy as np
import pytest
from parity import BATCH, CLOSE, EPOCHS, SEED, Case, by_keras, cases, losses, optimizers, run

from hpo.errors import DefinitionError
from hpo.training import LinearOneCycle, Recipe, Run, Schedule, build

CASES = {case.name: case for case in cases()}

BY_THE_LOOP = (
    # Optimizers with a kernel here, those without, and what kernels leave to Keras or have to heed.
    "Adadelta rho",
    "Adagrad initial_accumulator_value",
    "Adam amsgrad",
    "Adamax",
    "AdamW",
    "Lion",
    "Nadam",
    "RMSprop momentum",
    "SGD nesterov",
    "Adafactor",
    "Muon",
    "Muon without decay of biases",
    "ScheduleFreeAdamW",
    "Adam ema_overwrite_frequency",
    "Adam loss_scale_factor",
    "Adam gradient_accumulation_steps",
    "Adam  of an embedding",
    "Adagrad clipnorm of an embedding",
    "RMSprop momentum of an embedding",
    "LossScaleOptimizer of Adam weight_decay",
    # Losses
    "BinaryCrossentropy by its name",
    "Huber delta",
    "crossentropy of classes",
    "SparseCategoricalCrossentropy ignore_class",
    "a function of one's own",
    # Masks
    "mask of an Embedding, sparse_categorical_crossentropy",
    "mask by hand",
    # Layers, states, types
    "add_loss and a state",
    "GRU",
    "frozen layers",
    "a weight without a gradient",
    "mixed_float16 AdamW",
    "bfloat16",
    "float64 Adam",
)
BY_KERAS = ("MultiOptimizer", "a train_step of its own", "a compute_loss of its own")
REFUSED = ("a fit of its own", "a stateful RNN", "CTC by class")


@pytest.mark.thorough
@pytest.mark.parametrize("name", BY_THE_LOOP)
def test_the_compiled_loop_trains_as_keras_does(name: str) -> None:
    outcome = run(CASES[name])
    assert (outcome.way, outcome.difference <= CLOSE) == ("loop", True), outcome


@pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")
@pytest.mark.parametrize("name", BY_KERAS)
def test_models_with_their_own_train_step_are_trained_by_keras(name: str) -> None:
    outcome = run(CASES[name])
    assert (outcome.way, outcome.difference <= CLOSE) == ("keras", True), outcome


@pytest.mark.parametrize("name", REFUSED)
def test_models_neither_loop_can_train_are_refused(name: str) -> None:
    assert run(CASES[name]).way == "refused"


def test_every_optimizer_and_loss_of_keras_is_among_the_cases() -> None:
    """And every option of each: one that is new to `cases` fails when they are made."""
    assert len(CASES) == len(cases()) > 400
    assert {kind.__name__ for kind in optimizers()} >= {"Adam", "Lion", "Muon", "SGD"}
    assert all(f"{kind.__name__}" in CASES for kind in optimizers())
    assert all(f"{kind.__name__} by class" in CASES for kind in losses())


@pytest.mark.thorough
def test_momentum_that_a_schedule_cycles_reaches_embeddings() -> None:
    schedule = LinearOneCycle()
    case = CASES["Adam  of an embedding"]
    ours = Run(_recipe(case, schedule), case.rows, epochs=EPOCHS, metric="mse", seed=SEED)
    for _ in range(EPOCHS):
        ours.epoch()
    steps = EPOCHS * 3
    rates, momenta = iter(schedule.rates(0.03, steps)), iter(schedule.momenta(0.9, steps))

    def paced(model: keras.Model) -> None:
        model.optimizer.learning_rate, model.optimizer.beta_1 = next(rates), float(next(momenta))

    theirs = by_keras(case, paced)
    for got, expected in zip(ours.model().get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, atol=CLOSE)
    recipe = _recipe(CASES["RMSprop momentum of an embedding"], schedule)
    with pytest.raises(DefinitionError, match="RMSprop cannot follow with an embedding"):
        Run(recipe, case.rows, epochs=EPOCHS, metric="mse", seed=SEED)


def _recipe(case: Case, schedule: Schedule) -> Recipe:
    def made(_: None) -> Recipe:
        return Recipe(
            model=case.model(), optimizer=case.optimizer(), loss=case.loss, batch_size=BATCH, schedule=schedule
        )

    return build(made, None, 3)


def test_the_parity_comparison_detects_a_difference() -> None:
    """Were the suite blind, this would pass as well: Keras's side trains at another rate."""
    rates = iter((0.05, 0.0501))
    case = Case(
        name="two rates",
        model=CASES["SGD"].model,
        rows=CASES["SGD"].rows,
        optimizer=lambda: keras.optimizers.SGD(next(rates)),
    )
    assert run(case).difference > CLOSE
