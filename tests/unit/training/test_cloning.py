"""What is trained is the model that was given: a clone stands for it only where nothing tells the two apart."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DefinitionError, HpoWarning
from hpo.training import Recipe, Run, build, fit
from hpo.training.compiled_program import programs

L = keras.layers
random = np.random.default_rng(0)
N = 48
X = random.normal(size=(N, 4)).astype(np.float32)
NUMBERS = Rows(x=X, y=(X[:, 0] > 0.3).astype(np.float32))


@keras.saving.register_keras_serializable(package="tests")
class Scale(L.Layer):
    """Multiplies; its configuration forgets by how much."""

    def __init__(self, by: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by

    def call(self, x: Any) -> Any:
        return x * self.by

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@keras.saving.register_keras_serializable(package="tests")
class ScaleInTraining(Scale):
    """Only training shows it."""

    def call(self, x: Any, training: bool = False) -> Any:
        return x * self._strength if training else x

    @property
    def _strength(self) -> float:
        return self.holder["by"]

    def build(self, shape: Any) -> None:
        self.holder = {"by": self.by}


@keras.saving.register_keras_serializable(package="tests")
class Hidden(L.Layer):
    """Keeps its number where no attribute tells of it."""

    def __init__(self, by: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.numbers = _Slotted(by)

    def call(self, x: Any, training: bool = False) -> Any:
        return x * self.numbers.by if training else x

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


class _Slotted:
    __slots__ = ("by",)

    def __init__(self, by: float) -> None:
        self.by = by


@keras.saving.register_keras_serializable(package="tests")
class Full(Scale):
    """Its configuration says all."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "by": self.by}


def set_later() -> L.Layer:
    layer = Scale()
    layer.by = 0.0
    return layer


def sequential(*middle: L.Layer, inputs: Any = None) -> keras.Model:
    return keras.Sequential([keras.Input((4,)) if inputs is None else inputs, *middle, L.Dense(1)])


def recipe(model: Callable[[], keras.Model], seed: int = 1, **given: Any) -> Recipe:
    def made(_: None) -> Recipe:
        return Recipe(**{"model": model(), "optimizer": keras.optimizers.SGD(0.1), "loss": "mse", **given})

    return build(made, None, seed)


def trained(model: Callable[[], keras.Model], rows: Rows = NUMBERS, seed: int = 1) -> Run:
    return fit(recipe(model, seed), rows, epochs=3, metric="mae", seed=0)


def error_of(model: keras.Model, rows: Rows) -> float:
    return float(np.abs(np.asarray(model(rows.x)).ravel() - rows.y).mean())


WORDS = np.array([["ant", "bee", "cat"][i % 3] for i in range(N)])[:, None]
SENTENCES = np.array([["ant bee", "cat"][i % 2] for i in range(N)])[:, None]
NUMBERED = np.array([[101, 205, 307][i % 3] for i in range(N)])[:, None]
OF_WORDS = (np.arange(N) % 3 == 0).astype(np.float32)


def looked_up(kind: str) -> tuple[Callable[[], keras.Model], Rows]:
    layer, x, dtype = {
        "StringLookup": (lambda: L.StringLookup(output_mode="one_hot"), WORDS, "string"),
        "IntegerLookup": (lambda: L.IntegerLookup(output_mode="one_hot"), NUMBERED, "int64"),
        "TextVectorization": (lambda: L.TextVectorization(max_tokens=9, output_mode="multi_hot"), SENTENCES, "string"),
        "Discretization": (lambda: L.Discretization(num_bins=4, output_mode="one_hot"), X[:, :1], "float32"),
    }[kind]

    def model() -> keras.Model:
        made = layer()
        made.adapt(x)
        return sequential(made, inputs=keras.Input((1,), dtype=dtype))

    return model, Rows(x=x, y=OF_WORDS)


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization", "Discretization"])
def test_adapted_lookup_layers_are_trained_with_their_vocabulary(kind: str) -> None:
    model, rows = looked_up(kind)
    run = trained(model, rows)
    assert run.evaluate(rows) == pytest.approx(error_of(run.model(), rows), abs=1e-6)
    before = error_of(recipe(model).model, rows)
    assert run.evaluate(rows) < before


@pytest.mark.parametrize("layer", [lambda: Scale(3.0), set_later, lambda: ScaleInTraining(3.0), lambda: Hidden(3.0)])
def test_a_layer_whose_configuration_is_incomplete_is_trained_itself(layer: Callable[[], L.Layer]) -> None:
    with pytest.warns(HpoWarning, match="a clone of the model is not the model"):
        run = trained(lambda: sequential(layer()))
    assert run._way._sharing._alone
    assert run.evaluate(NUMBERS) == pytest.approx(error_of(run.model(), NUMBERS), abs=1e-6)
    reference = recipe(lambda: sequential(layer())).model
    reference.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", run_eagerly=True)  # compiling takes longer
    for epoch in (1, 2, 3):
        _one_epoch(reference, epoch)
    for ours, theirs in zip(run.model().get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def _one_epoch(model: keras.Model, epoch: int) -> None:
    import tensorflow as tf

    from hpo.training.loop import shuffled

    order = shuffled(N, N, tf.constant([0, epoch])).numpy()
    for start in range(0, N, 32):
        index = order[start : start + 32]
        model.train_on_batch(NUMBERS.x[index], NUMBERS.y[index])


def test_clones_in_a_reused_program_are_compared() -> None:
    """The first model is as its configuration says, so a program of a clone is there; the second one is not."""
    programs.clear()
    first = trained(lambda: sequential(Scale()))
    assert not first._way._sharing._alone
    with pytest.warns(HpoWarning, match="by is 3.0 in one and 1.0 in the other"):
        second = trained(lambda: sequential(Scale(3.0)))
    assert second.evaluate(NUMBERS) == pytest.approx(error_of(second.model(), NUMBERS), abs=1e-6)
    again = trained(lambda: sequential(Scale()))
    assert again.model().get_weights()[0] == pytest.approx(first.model().get_weights()[0])


def test_a_complete_configuration_shares_its_program_without_a_warning() -> None:
    programs.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error", HpoWarning)
        for seed in (1, 2):
            assert not trained(lambda: sequential(Full(3.0)), seed=seed)._way._sharing._alone
        assert len(programs) == 1


def test_comparing_a_clone_leaves_the_model_unchanged() -> None:
    made = recipe(lambda: sequential(L.BatchNormalization(), L.Dropout(0.5)))
    before = [np.array(variable) for variable in made.model.variables]
    Run(made, NUMBERS, epochs=1, metric="mae", seed=0)
    for ours, theirs in zip(made.model.variables, before, strict=True):
        np.testing.assert_array_equal(np.array(ours), theirs)


class Forgetful(keras.optimizers.SGD):
    """An optimizer whose configuration forgets an argument."""

    def __init__(self, learning_rate: float = 0.1, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.factor = factor

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient * self.factor, variable, learning_rate)


def test_an_optimizer_that_loses_settings_when_copied_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"factor is 2\.0 in one and 1\.0 in the other.*get_config"):
        Run(
            recipe(sequential, optimizer=Forgetful(factor=2.0)),
            NUMBERS,
            epochs=1,
            metric="mae",
            seed=0,
        )
    Run(recipe(sequential, optimizer=Forgetful()), NUMBERS, epochs=1, metric="mae", seed=0).epoch()


def test_the_warning_about_an_incomplete_configuration_appears_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport test_cloning as t\n"
        "for seed in (1, 2, 3):\n    t.trained(lambda: t.sequential(t.Scale(3.0)), seed=seed)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("a clone of the model is not the model") == 1
