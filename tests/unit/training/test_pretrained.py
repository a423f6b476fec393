"""Pretrained networks: one training a key, kept whole, found again, reused by layers. By one process."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DataError, DefinitionError
from hpo.training import Clip, EarlyStopping, Penalty, Phase, Power, Recipe, activation, build, fit
from hpo.training.pretrained import folder, kept, key, pretrained, reuse

random = np.random.default_rng(1)
DATA = Rows(x=random.normal(size=(24, 5)).astype(np.float32), y=random.normal(size=24).astype(np.float32))
TRAINING: dict[str, Any] = {"epochs": 2, "metric": "mse", "seed": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def recipe(*, units: int = 4, rate: float = 0.1, seed: int = 7, **more: Any) -> Recipe:
    def made(_: None) -> Recipe:
        dense = keras.layers.Dense
        layers = [keras.Input((5,)), dense(units, name="lower"), *activation("elu"), dense(1, name="head")]
        return Recipe(
            model=keras.Sequential(layers), optimizer=keras.optimizers.SGD(rate), loss="mse", batch_size=8, **more
        )

    return build(made, None, seed)


def files() -> list[Path]:
    return sorted(folder().glob("*.npz"))


def test_the_weights_are_those_of_the_training() -> None:
    expected = fit(recipe(), DATA, **TRAINING).model()
    weights = pretrained(recipe(), DATA, **TRAINING)
    for name in ("lower", "head"):
        for array, variable in zip(weights[name], expected.get_layer(name).weights, strict=True):
            np.testing.assert_array_equal(array, np.asarray(variable))


def test_a_network_is_pretrained_only_once() -> None:
    first = pretrained(recipe(), DATA, **TRAINING)
    assert len(files()) == 1
    written = files()[0].stat().st_mtime_ns
    # A model built later, whose unnamed layers Keras counts on, is the same network.
    again = pretrained(recipe(), DATA, **TRAINING)
    assert files()[0].stat().st_mtime_ns == written
    assert len(files()) == 1
    for name in ("lower", "head"):
        for one, other in zip(first[name], again[name], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "other",
    [
        lambda: key(recipe(units=5), DATA, **TRAINING),
        lambda: key(recipe(rate=0.2), DATA, **TRAINING),
        lambda: key(recipe(seed=8), DATA, **TRAINING),
        lambda: key(replace(recipe(), optimizer=keras.optimizers.Adam(0.1)), DATA, **TRAINING),
        lambda: key(recipe(), DATA, **{**TRAINING, "epochs": 3}),
        lambda: key(recipe(), DATA, **{**TRAINING, "seed": 4}),
        lambda: key(recipe(), DATA.take(np.arange(23)), **TRAINING),
        lambda: key(recipe(), Rows(x=DATA.x, y=DATA.y[::-1].copy()), **TRAINING),
        lambda: key(recipe(), replace(DATA, sample_weight=np.linspace(1, 2, len(DATA)).astype("float32")), **TRAINING),
    ],
)
def test_every_setting_of_a_pretraining_changes_its_key(other: Callable[[], str]) -> None:
    assert other() != key(recipe(), DATA, **TRAINING)


def test_each_part_of_a_recipe_changes_the_key() -> None:
    parts = {
        "average": 0.5,
        "class_weight": {0: 1.0, 1: 2.0},
        "loss_weights": [2.0],
        "batch_size": 4,
        "clip": Clip(by="norm", threshold=1.0),
        "loss": "mae",
        "max_norm": 1.0,
        "penalty": Penalty(l2=0.1),
        "phases": (Phase(frozen=("lower",)),),
        "schedule": Power(s=10.0),
        "stopping": EarlyStopping(),
        "watch": 0.5,
    }
    assert {field.name for field in fields(Recipe)} == {*parts, "model", "optimizer", "augment", "callbacks"}
    keys = {key(replace(recipe(), **{name: part}), DATA, **TRAINING) for name, part in parts.items()}
    assert len(keys | {key(recipe(), DATA, **TRAINING)}) == len(parts) + 1


def test_another_keras_version_changes_the_key_of_a_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(recipe(), DATA, **TRAINING)
    monkeypatch.setattr(keras, "__version__", "0.0")
    assert key(recipe(), DATA, **TRAINING) != before


def test_a_layers_configuration_changes_the_key_even_if_shapes_are_equal() -> None:
    def with_activation(kind: str) -> Recipe:
        def made(_: None) -> Recipe:
            model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, activation=kind, name="lower")])
            return Recipe(model=model, optimizer=keras.optimizers.SGD(0.1), loss="mse")

        return build(made, None, 7)

    keys = [key(with_activation(kind), DATA, **TRAINING) for kind in ("tanh", "relu", "tanh")]
    assert keys[0] == keys[2] != keys[1]


def test_a_recipe_with_custom_code_has_no_key() -> None:
    class Own(keras.optimizers.SGD):
        """An optimizer whose code the key cannot contain."""

    class Falling(Power):
        """A schedule whose code the key cannot contain."""

    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    for opaque in (
        replace(recipe(), augment=lambda x: x),
        replace(recipe(), callbacks=(keras.callbacks.Callback(),)),
        replace(recipe(), loss=keras.losses.MeanSquaredError()),
        replace(recipe(), model=unbuilt),
        replace(recipe(), optimizer=Own(0.1)),
        replace(recipe(), schedule=Falling(s=10.0)),
    ):
        with pytest.raises(DefinitionError, match="kept under what its recipe says"):
            key(opaque, DATA, **TRAINING)


def test_reused_layers_begin_pretrained_and_the_others_fresh() -> None:
    weights = pretrained(recipe(), DATA, **TRAINING)
    model, untouched = recipe(seed=9).model, recipe(seed=9).model
    reuse(model, weights, ["lower"])
    np.testing.assert_array_equal(model.get_layer("lower").get_weights()[0], weights["lower"][0])
    np.testing.assert_array_equal(
        model.get_layer("head").get_weights()[0], untouched.get_layer("head").get_weights()[0]
    )


@pytest.mark.thorough
def test_layers_that_do_not_fit_are_refused() -> None:
    weights = pretrained(recipe(), DATA, **TRAINING)
    with pytest.raises(DefinitionError, match="the model has no layer 'upper' to reuse: it has lower"):
        reuse(recipe().model, weights, ["upper"])
    with pytest.raises(DefinitionError, match="the pretrained network has no layer 'lower'"):
        reuse(recipe().model, {}, ["lower"])
    with pytest.raises(DefinitionError, match=r"'lower' has weights of shapes \[\(5, 6\), \(6,\)\]"):
        reuse(recipe(units=6).model, weights, ["lower"])


def test_a_damaged_pretrained_file_is_recreated(caplog: pytest.LogCaptureFixture) -> None:
    arrays = {"a/0": np.arange(1000.0)}
    kept("some", lambda: arrays)
    path = folder() / "some.npz"
    sound = path.read_bytes()
    for damaged in (sound[:-200], sound[:400] + b"\xff\xfe" + sound[402:], b"", b"no archive"):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(kept("some", lambda: arrays)["a/0"], arrays["a/0"])
        assert "trained again" in caplog.text
        caplog.clear()
    np.testing.assert_array_equal(kept("some", lambda: pytest.fail("it is sound"))["a/0"], arrays["a/0"])


def test_a_failed_pretraining_keeps_nothing_and_is_repeated() -> None:
    def fails() -> dict[str, Any]:
        raise RuntimeError("diverged")

    with pytest.raises(RuntimeError):
        kept("some", fails)
    assert not files()
    assert kept("some", lambda: {"a": np.ones(2)})["a"].sum() == 2


def test_partial_files_of_a_killed_pretraining_are_removed() -> None:
    folder().mkdir(parents=True)
    left, other = folder() / ".some.123.part.npz", folder() / ".another.123.part.npz"
    for path in (left, other):
        path.write_bytes(b"half")
    kept("some", lambda: {"a": np.ones(2)})
    assert other.exists()  # perhaps somebody is writing that one
    assert files() == [other, folder() / "some.npz"]


def test_an_unwritable_pretraining_folder_is_reported_in_one_line(cache: Path) -> None:
    (cache / "hpo").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot be kept in .*XDG_CACHE_HOME"):
        kept("some", lambda: {"a": np.ones(2)})
