"""Early stopping and lower rates on a plateau, against Keras' callbacks; batches are whole: no order differs."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.data import Rows
from hpo.errors import DefinitionError, UsageError
from hpo.training import EarlyStopping, Performance, Recipe, Run, build, fit
from hpo.training.early_stopping import Patience, Score

random = np.random.default_rng(4)
X = random.normal(size=(60, 8)).astype(np.float32)
LABELS = (X[:, 0] + random.normal(0, 1, 60) > 0).astype(np.float32)
TRAIN, VALIDATION = Rows(x=X[:30], y=LABELS[:30]), Rows(x=X[30:], y=LABELS[30:])
EPOCHS = 60


def recipe(**options: object) -> Recipe:
    def made(_: None) -> Recipe:
        layers = [keras.Input((8,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1, "sigmoid")]
        optimizer = keras.optimizers.SGD(0.5, momentum=0.9)
        return Recipe(
            model=keras.Sequential(layers), optimizer=optimizer, loss="binary_crossentropy", batch_size=60, **options
        )

    return build(made, None, 2)


def overfitting(**options: object) -> Run:
    """A run whose validation accuracy rises, then falls."""
    return Run(recipe(**options), TRAIN, VALIDATION, epochs=EPOCHS, metric="accuracy", seed=1)


def trained(run: Run) -> list[float]:
    scores = []
    while not run.stopped and run.epochs_done < EPOCHS:
        scores.append(run.epoch().validation)
    return scores


@pytest.mark.parametrize("restore", [True, False])
def test_a_run_stops_where_fit_stops_with_the_weights_fit_has(restore: bool) -> None:
    made = recipe()
    made.model.compile(optimizer=made.optimizer, loss=made.loss, metrics=["accuracy"])
    stopping = keras.callbacks.EarlyStopping("val_accuracy", patience=4, restore_best_weights=restore)
    plateau = keras.callbacks.ReduceLROnPlateau("val_accuracy", factor=0.5, patience=2, min_delta=1e-4)
    history = made.model.fit(
        TRAIN.x,
        TRAIN.y,
        batch_size=60,
        epochs=EPOCHS,
        validation_data=(VALIDATION.x, VALIDATION.y),
        callbacks=[stopping, plateau],
        verbose=0,
    ).history["val_accuracy"]
    run = overfitting(
        stopping=EarlyStopping(patience=4, restore_best=restore), schedule=Performance(factor=0.5, patience=2)
    )
    scores = trained(run)
    assert run.stopped
    assert 5 < len(scores) < EPOCHS
    np.testing.assert_allclose(scores, history, atol=1e-6)
    for ours, theirs in zip(run.model().get_weights(), made.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    outcome = run.outcome
    assert outcome is not None
    assert outcome.validation == (max(scores) if restore else scores[-1])
    assert run.evaluate(VALIDATION) == pytest.approx(outcome.validation)


def test_the_best_weights_are_restored_where_the_epochs_run_out_first() -> None:
    run = overfitting(stopping=EarlyStopping(patience=EPOCHS))
    scores = trained(run)
    assert not run.stopped
    assert len(scores) == EPOCHS
    assert max(scores) > scores[-1]
    assert run.evaluate(VALIDATION) == pytest.approx(max(scores))


def test_an_epoch_after_early_stopping_is_refused() -> None:
    run = overfitting(stopping=EarlyStopping(patience=1))
    scores = trained(run)
    with pytest.raises(UsageError, match=f"early stopping ended the run after {len(scores)}"):
        run.epoch()


def test_without_validation_rows_the_training_loss_is_watched() -> None:
    """At a rate too high the loss goes up and down, and the weights of its lowest epoch are kept."""
    made = recipe(stopping=EarlyStopping(patience=3))
    made.optimizer.learning_rate = 30.0
    losses = []
    run = fit(made, TRAIN, epochs=EPOCHS, metric="accuracy", seed=1, on_epoch=lambda epoch: losses.append(epoch.loss))
    assert run.stopped
    assert run.outcome is not None
    assert run.outcome.loss == min(losses) == losses[-4]
    assert run.outcome.validation is None


def test_rows_held_out_are_watched_and_not_trained_on() -> None:
    rows = Rows(x=X[:40], y=LABELS[:40])
    run = Run(
        recipe(stopping=EarlyStopping(patience=EPOCHS), watch=0.25),
        rows,
        epochs=EPOCHS,
        metric="accuracy",
        seed=1,
    )
    scores = trained(run)
    assert len(run._way._data.x) == 30
    assert run._way._validation_rows == 10
    seen = {row.tobytes() for row in run._way._data.x.numpy()}
    assert not seen & {row.tobytes() for row in run._way._validation.x.numpy()}
    assert run.outcome.validation == max(scores)
    unwatched = Run(recipe(watch=0.25), rows, epochs=1, metric="accuracy", seed=1)
    unwatched.epoch()
    assert len(unwatched._way._data.x) == 40  # nothing watches, so nothing is held out


SCORES = st.lists(st.integers(0, 8).map(lambda tenths: tenths / 10), min_size=1, max_size=40)
DELTAS = st.sampled_from([0.0, 0.05, 0.25])


@settings(deadline=None)
@given(SCORES, st.booleans(), st.integers(1, 4), DELTAS, st.integers(0, 3), st.sampled_from([0.0, 0.004]))
def test_performance_scheduling_is_reduce_lr_on_plateau(
    scores: list[float], higher: bool, patience: int, min_delta: float, cooldown: int, min_rate: float
) -> None:
    theirs = keras.callbacks.ReduceLROnPlateau(
        monitor="s",
        mode="max" if higher else "min",
        factor=0.3,
        patience=patience,
        min_delta=min_delta,
        cooldown=cooldown,
        min_lr=min_rate,
    )
    optimizer = SimpleNamespace(learning_rate=0.1)
    theirs.set_model(SimpleNamespace(optimizer=optimizer, metrics=[]))
    theirs.on_train_begin()
    schedule = Performance(factor=0.3, patience=patience, min_delta=min_delta, cooldown=cooldown, min_rate=min_rate)
    reaction, rate = schedule.reaction(), float(schedule.rates(0.1, 1)[0])
    for epoch, value in enumerate(scores):
        theirs.on_epoch_end(epoch, {"s": value})
        rate *= reaction.factor_after(Score(value=value, higher=higher), rate)
        assert rate == pytest.approx(optimizer.learning_rate, rel=1e-6)


@settings(deadline=None)
@given(SCORES, st.booleans(), st.integers(1, 4), DELTAS)
def test_early_stopping_is_that_of_keras(scores: list[float], higher: bool, patience: int, min_delta: float) -> None:
    theirs = keras.callbacks.EarlyStopping(
        monitor="s", mode="max" if higher else "min", patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    model = SimpleNamespace(stop_training=False, metrics=[], get_weights=list, set_weights=lambda _: None)
    theirs.set_model(model)
    theirs.on_train_begin()
    ours, best = Patience(EarlyStopping(patience=patience, min_delta=min_delta)), -1
    for epoch, value in enumerate(scores):
        theirs.on_epoch_end(epoch, {"s": value})
        if ours.improved(Score(value=value, higher=higher)):
            best = epoch
        assert best == theirs.best_epoch
        assert ours.over == model.stop_training
        if ours.over:
            break


def test_zero_patience_and_a_negative_min_delta_are_refused() -> None:
    with pytest.raises(DefinitionError, match="patience of at least 1 epoch"):
        EarlyStopping(patience=0)
    with pytest.raises(DefinitionError, match="min_delta of at least 0"):
        EarlyStopping(min_delta=-1)
