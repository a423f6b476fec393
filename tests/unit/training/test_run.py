"""One training: what an epoch reports, and what runs share and do not share."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DefinitionError, Diverged, UsageError
from hpo.training import Dropout, EarlyStopping, Recipe, Run, build, fit
from hpo.training.compiled_program import MOST, Program, ProgramCache, programs

random = np.random.default_rng(0)
X = random.normal(3, 5, (70, 4))
Y = (X[:, 0] - X[:, 1]).astype(np.float32)
TRAIN, VALIDATION = Rows(x=X[:45], y=Y[:45]), Rows(x=X[45:], y=Y[45:])


def recipe(
    *, rate: float = 0.2, learning_rate: float = 1e-2, units: int = 8, augment: Callable | None = None
) -> Recipe:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Normalization(),
            keras.layers.Dense(units, "relu"),
            Dropout(rate),
            keras.layers.Dense(1),
        ]
    )
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=learning_rate / 10)
    return Recipe(model=model, optimizer=optimizer, loss="mse", batch_size=16, augment=augment)


def run(seed: int = 1, *, train: Rows = TRAIN, jit: bool | None = None, epochs: int = 3, **options: object) -> Run:
    made = build(lambda given: recipe(**given), options, seed)
    return Run(made, train, VALIDATION, epochs=epochs, metric="mae", seed=seed, jit=jit)


def curve(one: Run, epochs: int = 3) -> list[tuple[float, float, float | None]]:
    return [(e.loss, e.train, e.validation) for e in (one.epoch() for _ in range(epochs))]


def test_validation_is_exact_and_the_model_has_the_trained_weights() -> None:
    one = run()
    last = [one.epoch() for _ in range(3)][-1]
    outputs = one.predict(VALIDATION.x)
    assert outputs.shape == (25, 1)
    assert last.validation == pytest.approx(np.abs(outputs[:, 0] - VALIDATION.y).mean(), rel=1e-5)
    assert one.evaluate(VALIDATION) == pytest.approx(last.validation, rel=1e-6)
    np.testing.assert_allclose(one.model().predict(VALIDATION.x, verbose=0), outputs, rtol=1e-4, atol=1e-5)
    assert last.number == 3
    assert one.fit_seconds > 0


def test_training_figures_are_means_over_rows_with_penalties_in_the_loss() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.5))])
    made = Recipe(model=model, optimizer=keras.optimizers.SGD(0.0), loss="mse", batch_size=16)
    epoch = Run(made, TRAIN, epochs=1, metric="mae", seed=0).epoch()
    error = model.predict(TRAIN.x, verbose=0)[:, 0] - TRAIN.y
    assert epoch.train == pytest.approx(np.abs(error).mean(), rel=1e-4)
    penalty = 0.5 * float(np.square(model.get_weights()[0]).sum())
    assert epoch.loss == pytest.approx(np.square(error).mean() + penalty, rel=1e-4)
    assert epoch.validation is None


@pytest.mark.thorough
def test_the_seed_determines_the_curve() -> None:
    def jitter(x: object) -> object:
        return x + keras.random.normal(keras.ops.shape(x), stddev=0.1)

    first = curve(run(augment=jitter))
    assert curve(run(augment=jitter)) == first
    assert curve(run(seed=2, augment=jitter)) != first


def test_runs_stepped_in_turn_equal_runs_alone() -> None:
    alone = [curve(run(seed, rate=rate)) for seed, rate in ((1, 0.2), (2, 0.4))]
    runs = [run(1, rate=0.2), run(2, rate=0.4)]
    in_step = [[], []]
    for _ in range(3):
        for one, seen in zip(runs, in_step, strict=True):
            seen += curve(one, 1)
    assert in_step == alone


def test_a_run_continues_after_its_program_was_evicted() -> None:
    expected = curve(run())
    one = run()
    seen = curve(one, 1)
    programs.clear()
    assert seen + curve(one, 2) == expected


@pytest.mark.thorough
def test_configurations_that_differ_only_in_variables_share_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = Program.__init__
    monkeypatch.setattr(Program, "__init__", lambda self, *a, **k: made.append(1) or make(self, *a, **k))
    programs.clear()
    for options in ({}, {"rate": 0.37}, {"learning_rate": 1e-4}):
        run(**options).epoch()
    run(train=Rows(x=X[:33], y=Y[:33])).epoch()  # without XLA any number of rows
    assert len(made) == 1
    run(units=9)
    run(rate=0.0)
    assert len(made) == 3


def test_normalization_is_fitted_on_the_training_rows_of_each_run() -> None:
    for rows in (TRAIN, Rows(x=X[10:60], y=Y[10:60])):
        one = run(train=rows)
        one.epoch()
        layer = one.model().layers[0]
        np.testing.assert_allclose(np.ravel(layer.mean), rows.x.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(np.ravel(layer.variance), rows.x.var(axis=0), rtol=1e-5)


def test_divergence_ends_the_epoch_where_it_happens() -> None:
    y = Y[:45].copy()
    y[7] = np.inf
    one = run(train=Rows(x=X[:45], y=y))
    with pytest.raises(Diverged) as caught:
        one.epoch()
    assert caught.value.epoch == 1
    assert 1 <= caught.value.step <= 3


@pytest.mark.thorough
def test_xla_trains_the_same_with_a_partial_batch() -> None:
    plain, compiled = run(rate=0.0), run(rate=0.0, jit=True)
    for ours, theirs in zip(curve(compiled), curve(plain), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="0 epochs"):
        run(epochs=0)
    with pytest.raises(DefinitionError, match="metric 'nonsense' is unknown"):
        Run(recipe(), TRAIN, epochs=1, metric="nonsense", seed=0)
    with pytest.raises(DefinitionError, match="loss 'nonsense' is unknown"):
        Run(Recipe(**{**vars(recipe()), "loss": "nonsense"}), TRAIN, epochs=1, metric="mae", seed=0)
    rates = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(DefinitionError, match=r"Recipe\.schedule"):
        Run(
            Recipe(**{**vars(recipe()), "optimizer": keras.optimizers.SGD(rates)}),
            TRAIN,
            epochs=1,
            metric="mae",
            seed=0,
        )
    one = run(epochs=1)
    one.epoch()
    with pytest.raises(UsageError, match="beyond"):
        one.epoch()
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Flatten()])
    with pytest.raises(DefinitionError, match="no weights"):
        Run(Recipe(**{**vars(recipe()), "model": flat}), TRAIN, epochs=1, metric="mae", seed=0)
    with pytest.raises(UsageError, match="0 rows"):
        one.evaluate(Rows(x=X[:0], y=Y[:0]))


@pytest.mark.parametrize("onehot", [False, True])
def test_accuracy_of_labels_and_of_one_hot_targets(onehot: bool) -> None:
    labels = random.integers(0, 3, 45)
    rows = Rows(x=TRAIN.x, y=np.eye(3, dtype=np.float32)[labels] if onehot else labels)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    loss = "categorical_crossentropy" if onehot else "sparse_categorical_crossentropy"
    one = fit(
        Recipe(model=model, optimizer=keras.optimizers.SGD(0.01), loss=loss), rows, epochs=1, metric="accuracy", seed=0
    )
    assert one.evaluate(rows) == pytest.approx((one.predict(rows.x).argmax(axis=1) == labels).mean())


def test_fit_calls_on_epoch_after_every_epoch() -> None:
    seen = []
    fit(recipe(), TRAIN, VALIDATION, epochs=3, metric="mae", seed=0, on_epoch=lambda epoch: seen.append(epoch.number))
    assert seen == [1, 2, 3]


def test_dropout_survives_saving(tmp_path: Path) -> None:
    one = run(rate=0.3)
    one.epoch()
    one.model().save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), one.predict(X), rtol=1e-4, atol=1e-5)
    assert loaded.layers[2].rate == 0.3
    assert not np.allclose(loaded(X, training=True), loaded(X, training=False))


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    outputs = np.asarray(Dropout(0.25)(np.ones((100, 100), np.float32), training=True))
    assert (outputs == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert outputs.mean() == pytest.approx(1, abs=0.03)


class Thing:
    """A program as the cache sees it."""

    gone = False

    def __init__(self, nbytes: int = 0, idle: bool = True) -> None:
        self.nbytes, self.idle = nbytes, idle

    def release(self) -> None: ...

    def dismantle(self) -> None:
        self.gone = True


def test_the_cache_keeps_what_was_used_last() -> None:
    cache, things = ProgramCache(2), [Thing(), Thing(), Thing()]
    for key, thing in zip("aba", (things[0], things[1], things[0]), strict=True):
        cache.get(key, lambda thing=thing: thing)
    cache.get("c", lambda: things[2])
    assert [thing.gone for thing in things] == [False, True, False]
    assert len(cache) == 2


def test_the_cache_evicts_the_largest_idle_program_when_over_its_bytes() -> None:
    cache, things = ProgramCache(4, kept_bytes=10), [Thing(3), Thing(9), Thing(3), Thing(30), Thing(1)]
    for key, thing in enumerate(things):
        cache.get(str(key), lambda thing=thing: thing)
    assert [thing.gone for thing in things] == [False, True, False, True, False]


@pytest.mark.thorough
def test_the_cache_keeps_what_living_runs_train_with() -> None:
    cache, things = ProgramCache(2, kept_bytes=10), [Thing(90, idle=False), Thing(), Thing(), Thing(90, idle=False)]
    for key, thing in enumerate(things):
        cache.get(str(key), lambda thing=thing: thing)
    assert [thing.gone for thing in things] == [False, True, True, False]
    for key in range(4, 20):
        cache.get(str(key), lambda: Thing(idle=False))
    assert things[0].gone  # but not without end
    assert len(cache) == MOST


def test_a_program_measures_its_bytes() -> None:
    programs.clear()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1000, use_bias=False)])
    made = Recipe(model=model, optimizer=keras.optimizers.Adam(), loss="mse")
    rows = Rows(x=TRAIN.x, y=np.zeros((45, 1000), np.float32))
    Run(made, rows, epochs=1, metric="mae", seed=0)
    (program,) = programs._programs.values()
    assert program.nbytes == pytest.approx(3 * 4 * 4 * 1000, abs=100)  # weights, two moments; a few scalars


def test_concurrent_threads_train_to_the_same_results() -> None:
    expected = [curve(run(seed), 3) for seed in (1, 2, 3)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda seed: curve(run(seed), 3), (1, 2, 3))) == expected


@pytest.mark.thorough
def test_a_keras_dropout_never_shares_a_program_with_another_rate() -> None:
    def made(rate: float) -> Recipe:
        layers = [keras.layers.Dropout(rate, name="hpo_dropout"), keras.layers.Dense(1)]
        return Recipe(
            model=keras.Sequential([keras.Input((4,)), *layers]), optimizer=keras.optimizers.SGD(), loss="mse"
        )

    programs.clear()
    for rate in (0.1, 0.9):
        Run(made(rate), TRAIN, epochs=1, metric="mae", seed=0)
    assert len(programs) == 2


def test_recipes_and_schedules_need_no_tensorflow() -> None:
    code = (
        "import sys, hpo.training as t; t.Recipe, t.OneCycle; sys.exit(bool({'tensorflow', 'keras'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.thorough
def test_every_row_counts_once_where_rows_are_pictures() -> None:
    """Pictures are scored in smaller batches; 45 of them end in the middle of one."""
    pictures = Rows(x=random.integers(0, 255, (45, 20, 20), dtype=np.uint8), y=random.normal(size=45).astype("float32"))

    def flat() -> Recipe:
        layers = [keras.Input((20, 20), dtype="uint8"), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
        return Recipe(
            model=keras.Sequential([*layers, keras.layers.Dense(1)]), optimizer=keras.optimizers.SGD(), loss="mse"
        )

    made = build(lambda _: flat(), {}, 1)
    one = Run(made, pictures, pictures, epochs=1, metric="mae", seed=1)
    expected = np.abs(one.model().predict(pictures.x, verbose=0)[:, 0] - pictures.y).mean()
    assert one.evaluate(pictures) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("stops", [False, True])
def test_an_epoch_that_is_not_scored_trains_the_same_and_the_last_is_scored(stops: bool) -> None:
    def trained(scored: bool) -> tuple[list[float], list[float | None]]:
        stopping = EarlyStopping(patience=2) if stops else None
        made = build(lambda _: replace(recipe(), stopping=stopping), {}, 1)
        one = Run(made, TRAIN, VALIDATION, epochs=3, metric="mae", seed=1)
        epochs = [one.epoch(scored=scored) for _ in range(3)]
        return [each.loss for each in epochs], [each.validation for each in epochs]

    losses, scores = trained(True)
    again, some = trained(False)
    assert again == losses
    assert some == (scores if stops else [None, None, scores[-1]])  # early stopping goes by every score
