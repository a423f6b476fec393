"""No training pays for another: each comes out as alone in a fresh process, whatever failed before it."""

import json
import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.data import Rows
from hpo.training import Dropout, Recipe, build, fit
from hpo.training.compiled_program import programs

L = keras.layers
random = np.random.default_rng(0)
X = random.normal(size=(40, 4)).astype(np.float32)
ROWS = Rows(x=X, y=(X[:, 0] - X[:, 1]).astype(np.float32))
FINE = ("plain", "wide", "dropout", "keras step")
BAD = ("unknown loss", "wrong shape", "fails in training", "fails in scoring", "diverges", "fails in the optimizer")


@keras.saving.register_keras_serializable(package="innocent")
class Failing(L.Layer):
    """Fails while it is compiled: in training, or when it is asked for outputs of many rows."""

    def __init__(self, when: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.when = when

    def call(self, x: Any, training: bool = False) -> Any:
        if self.when == ("training" if training else "scoring") and not hasattr(x, "numpy"):  # while it is compiled
            raise ValueError(f"this one fails in {self.when}")
        return x

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


class OwnStep(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.out = L.Dense(1)

    def call(self, x: Any) -> Any:
        return self.out(x)

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class Broken(keras.optimizers.SGD):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        raise RuntimeError("no step of this one succeeds")


def recipe(kind: str) -> Recipe:
    layers: list[Any] = [L.Dense(6, "tanh")]
    optimizer, loss = keras.optimizers.Adam(0.01), "mse"
    if kind == "wide":
        layers = [L.Dense(20, "tanh")]
    elif kind == "dropout":
        layers.append(Dropout(0.3))
    elif kind == "unknown loss":
        loss = "nonsense"
    elif kind == "wrong shape":
        layers.append(L.Dense(3))
        layers.append(L.Reshape((3, 1)))
    elif kind.startswith("fails in ") and kind != "fails in the optimizer":
        layers.append(Failing(kind.removeprefix("fails in ")))
    elif kind == "diverges":
        optimizer = keras.optimizers.SGD(1e30)
    elif kind == "fails in the optimizer":
        optimizer = Broken(0.1)
    model = OwnStep() if kind == "keras step" else keras.Sequential([keras.Input((4,)), *layers, L.Dense(1)])
    return Recipe(model=model, optimizer=optimizer, loss=loss, batch_size=16)


def outcome(kind: str) -> Any:
    """What comes of one configuration: its curve, or its error."""
    try:
        run = fit(build(recipe, kind, 1), ROWS, ROWS, epochs=2, metric="mae", seed=0)
        return [run.outcome.loss, run.outcome.validation]
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """Of each configuration, what comes of it in a process of its own, forked where nothing has been trained yet."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def same(ours: Any, theirs: Any) -> bool:
    return ours == theirs if isinstance(theirs, str) else ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.thorough
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from((*FINE, *BAD)), min_size=2, max_size=6))
def test_every_training_in_a_sequence_equals_the_one_trained_alone(alone: dict[str, Any], kinds: list[str]) -> None:
    programs.clear()
    for kind in kinds:
        assert same(outcome(kind), alone[kind]), (kind, kinds)


@pytest.mark.thorough
def test_every_bad_configuration_fails_for_its_own_reason(alone: dict[str, Any]) -> None:
    assert all(isinstance(alone[kind], list) for kind in FINE)
    assert all(isinstance(alone[kind], str) for kind in BAD)
    assert "fails in training" in alone["fails in training"]
    assert "fails in scoring" in alone["fails in scoring"]
    programs.clear()
    for kind in (*BAD, *FINE):  # more than the cache keeps
        assert same(outcome(kind), alone[kind]), kind


if __name__ == "__main__":
    for each in (*FINE, *BAD):
        process = os.fork()
        if not process:
            print(json.dumps([each, outcome(each)]), flush=True)
            os._exit(0)
        os.waitpid(process, 0)
