"""An epoch in ten parts is the epoch in one, to the last bit; how long it takes decides which."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import Diverged
from hpo.training import AUGMENTATIONS, Clip, Dropout, EarlyStopping, OneCycle, Performance, Phase, Recipe, Run, build
from hpo.training import epoch_parts as parts
from hpo.training.epoch_parts import PARTS, EpochParts

L = keras.layers
NUMBERS = np.random.default_rng(0)
FLAT = Rows(x=NUMBERS.normal(size=(78, 6)).astype(np.float32), y=NUMBERS.integers(0, 3, 78))
PICTURES = Rows(x=NUMBERS.integers(0, 256, (78, 8, 8, 1)).astype(np.uint8), y=NUMBERS.integers(0, 3, 78))


def dense(_: None) -> Recipe:
    layers = [L.Normalization(), L.Dense(8, activation="relu", name="low"), L.BatchNormalization(), Dropout(0.4)]
    return Recipe(
        model=keras.Sequential([keras.Input((6,)), *layers, L.Dense(3, activation="softmax")]),
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        batch_size=4,
        schedule=OneCycle(),
        clip=Clip(by="global_norm", threshold=1.0),
        average=0.5,
    )


def convolutional(_: None) -> Recipe:
    layers = [L.Rescaling(1 / 255), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), Dropout(0.3)]
    return Recipe(
        model=keras.Sequential([keras.Input((8, 8, 1), dtype="uint8"), *layers, L.Dense(3, activation="softmax")]),
        optimizer=keras.optimizers.Nadam(0.01, use_ema=True),
        loss="sparse_categorical_crossentropy",
        batch_size=4,
        schedule=Performance(patience=1, factor=0.5),
        stopping=EarlyStopping(patience=2),
        augment=AUGMENTATIONS["flip-shift"],
    )


def phased(_: None) -> Recipe:
    made = dense(None)
    return Recipe(
        model=made.model,
        optimizer=made.optimizer,
        loss=made.loss,
        batch_size=4,
        phases=(Phase(epochs=1, frozen=("low",), rate=0.1), Phase(rate=0.01)),
    )


def plain(_: None) -> Recipe:
    model = keras.Sequential([keras.Input((6,)), Dropout(0.2), L.Dense(3, activation="softmax")])
    return Recipe(model=model, optimizer="sgd", loss="sparse_categorical_crossentropy", batch_size=4)


def regression(_: None) -> Recipe:
    return Recipe(model=keras.Sequential([keras.Input((6,)), L.Dense(1)]), optimizer="sgd", loss="mse", batch_size=4)


class Own(keras.Model):
    """Trained by Keras's own step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = L.Dense(3, activation="softmax")
        self.drop = L.Dropout(0.3, seed=7)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.layer(self.drop(x, training=training))

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def by_keras(_: None) -> Recipe:
    return Recipe(model=Own(), optimizer="sgd", loss="sparse_categorical_crossentropy", batch_size=4)


def trained(
    recipe: Callable[[None], Recipe],
    rows: Rows,
    beat: Callable[[], object] | None,
    *,
    metric: str = "accuracy",
    **options: Any,
) -> tuple[list[tuple[float, ...]], list[Any]]:
    """What three epochs came to, and the weights after them."""
    validation = Rows(x=rows.x[:20], y=rows.y[:20])
    run = Run(build(recipe, None, 1), rows, validation, epochs=3, metric=metric, seed=2, **options)
    told = [run.epoch(beat) for _ in range(3)]
    weights = [variable.numpy() for variable in run.model().variables]
    return [(one.loss, one.train, one.validation or 0.0) for one in told], weights


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("recipe", "rows", "options"),
    [
        (dense, FLAT, {}),
        (plain, FLAT, {"jit": True}),
        (convolutional, PICTURES, {}),
        (phased, FLAT, {}),
        (regression, Rows(x=FLAT.x, y=FLAT.x[:, 0]), {"metric": "root_mean_squared_error"}),  # of all rows together
        pytest.param(by_keras, FLAT, {}, marks=pytest.mark.filterwarnings("ignore:Own has a train_step")),
    ],
)
def test_ten_parts_are_the_same_training_to_the_bit(
    recipe: Callable[[None], Recipe], rows: Rows, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LONG", -1.0)  # every epoch takes long
    told, weights = trained(recipe, rows, None, **options)
    beats: list[None] = []
    again, same = trained(recipe, rows, lambda: beats.append(None), **options)
    assert len(beats) == 3 * (PARTS - 1)  # whoever trains knows of the last one himself
    assert again == told
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_exception_of_the_beat_callback_ends_the_epoch() -> None:
    class LostError(Exception):
        pass

    def lost() -> None:
        raise LostError

    run = Run(build(dense, None, 1), FLAT, epochs=3, metric="accuracy", seed=2)
    with pytest.raises(LostError):
        run.epoch(lost)


def test_divergence_in_a_later_part_names_the_step_of_the_epoch() -> None:
    x = FLAT.x.copy()
    x[40] = np.inf

    steps = []
    for beat in (None, lambda: None):
        run = Run(build(plain, None, 1), Rows(x=x, y=FLAT.y), epochs=1, metric="accuracy", seed=2)
        with pytest.raises(Diverged) as found:
            run.epoch(beat)
        steps.append(found.value.step)
    assert steps[0] == steps[1] != 1


def spans(of: EpochParts, seconds_a_step: float, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The spans of an epoch whose steps take so long."""
    now = [0.0]
    monkeypatch.setattr(parts.time, "perf_counter", lambda: now[0])
    made = []
    for first, last in of.spans():
        made.append((first, last))
        now[0] += (last - first) * seconds_a_step
    return made


def test_the_first_tenth_shows_whether_epochs_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    short = EpochParts(95)
    assert spans(short, 0.01, monkeypatch) == [(0, 10), (10, 95)]
    assert spans(short, 0.01, monkeypatch) == [(0, 95)]


def test_long_epochs_and_those_that_become_long_run_in_tenths(monkeypatch: pytest.MonkeyPatch) -> None:
    tenths = [(first, min(first + 10, 95)) for first in range(0, 95, 10)]
    assert spans(EpochParts(95), 1.0, monkeypatch) == tenths
    slower = EpochParts(95)
    for _ in range(2):
        spans(slower, 0.01, monkeypatch)
    assert spans(slower, 1.0, monkeypatch) == [(0, 95)]  # found out too late
    assert spans(slower, 1.0, monkeypatch) == tenths


def test_an_epoch_with_fewer_steps_than_parts_has_one_step_per_part(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spans(EpochParts(3), 60.0, monkeypatch) == [(0, 1), (1, 2), (2, 3)]
