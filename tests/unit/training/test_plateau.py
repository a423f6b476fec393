"""The rules that follow a run's scores, epoch by epoch against Keras' own callbacks on the same scores."""

from types import SimpleNamespace

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.errors import DefinitionError
from hpo.training import EarlyStopping, Performance
from hpo.training.early_stopping import Patience, Score

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


def test_no_patience_is_refused() -> None:
    with pytest.raises(DefinitionError, match="patience of at least 1 epoch"):
        EarlyStopping(patience=0)
    with pytest.raises(DefinitionError, match="min_delta of at least 0"):
        EarlyStopping(min_delta=-1)
