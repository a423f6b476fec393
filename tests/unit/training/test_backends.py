"""Keras on JAX and on PyTorch: fit trains, in processes of their own, as a process has one backend."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("default", category=DeprecationWarning)
import numpy as np
from hpo.data import Rows
from hpo.errors import DefinitionError, Diverged, HpoWarning
from hpo.training import EarlyStopping, OneCycle, Recipe, build, configure, fit
configure(threads=1)
warnings.simplefilter("default")
import keras
random = np.random.default_rng(0)
x = random.normal(size=(60, 4)).astype("float32")
rows = Rows(x={"all": x}, y=(x[:, 0] > 0).astype("int32"))
rates = []
class Seen(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        rates.append(float(self.model.optimizer.learning_rate))
def recipe(params):
    inputs = keras.Input((4,), name="all")
    model = keras.Model({"all": inputs}, keras.layers.Dense(2, "softmax")(keras.layers.Dropout(0.1)(inputs)))
    optimizer = keras.optimizers.Adam(params["rate"], use_ema=params["ema"], ema_momentum=0.5)
    return Recipe(model=model, optimizer=optimizer, loss="sparse_categorical_crossentropy", schedule=OneCycle(),
                  callbacks=(Seen(),), stopping=EarlyStopping(patience=9))
def run(ema=False, rate=0.1):
    return fit(build(recipe, {"rate": rate, "ema": ema}, 1), rows, rows, epochs=15, metric="accuracy", seed=2)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    first = run()
print(*[str(each.message) for each in said if issubclass(each.category, HpoWarning)], sep="\\n")
again = run()
print(first.outcome.loss == again.outcome.loss, first.outcome.validation > 0.8)
print(np.allclose(rates[:30], OneCycle().rates(0.1, 30)), first.predict({"all": x}).shape == (60, 2))
averaged = run(ema=True)
print(averaged.outcome.loss < 1)
try:
    run(rate=float("inf"))
except Diverged as error:
    print(error)
from hpo.training.runtime import needs_tensorflow
try:
    needs_tensorflow("this")
except DefinitionError as error:
    print(error)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_fit_trains_on_another_backend(backend: str) -> None:
    pytest.importorskip(backend, reason=f"needs {backend}")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    note, *said, refusal = done.stdout.splitlines()
    assert note.startswith(f"Keras runs on {backend}, so Keras's own fit trains it, ")
    assert said[:3] == ["True True", "True True", "True"]
    assert said[3].startswith("diverged: the ")
    assert refusal == f"this needs TensorFlow, and Keras runs on {backend}: set KERAS_BACKEND=tensorflow"
