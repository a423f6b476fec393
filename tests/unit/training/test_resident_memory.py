"""One process may train any number of configurations without growing."""

import json
import subprocess
import sys

import pytest

TRAININGS = """
import gc, json, sys
import numpy as np, psutil
from hpo.training import Recipe, build, configure, fit
configure(threads=1)
import keras
from hpo.data import Rows

optimizers = ("adam", "rmsprop", "sgd", "nadam", "adagrad")
activations, losses = ("relu", "tanh", "elu"), ("mse", "mae", "huber")

def recipe(n):
    layers = [keras.layers.Dense(16 + n, activations[n % 3]) for _ in range(1 + n % 4)]
    model = keras.Sequential([keras.Input((13,)), keras.layers.Normalization(), *layers, keras.layers.Dense(1)])
    return Recipe(model=model, optimizer=keras.optimizers.get(optimizers[n % 5]), loss=losses[n % 3])

x = np.random.default_rng(0).normal(size=(100, 13))
train, validation = Rows(x=x[:80], y=x[:80, 0]), Rows(x=x[80:], y=x[80:, 0])
sizes, graphs = [], []
for n in range(int(sys.argv[1])):
    fit(build(recipe, n, n), train, validation, epochs=1, metric="mae", seed=n)
    sizes.append(psutil.Process().memory_info().rss)
    graphs.append(sum(type(thing).__name__.endswith("FuncGraph") for thing in gc.get_objects()))
print(json.dumps([sizes, graphs]))
"""


def trainings(number: int) -> tuple[list[int], list[int]]:
    done = subprocess.run([sys.executable, "-c", TRAININGS, str(number)], capture_output=True, text=True, check=True)
    sizes, graphs = json.loads(done.stdout.splitlines()[-1])
    return sizes, graphs


@pytest.mark.slow
def test_graphs_of_evicted_programs_are_freed() -> None:
    _, graphs = trainings(10)
    assert graphs[9] <= graphs[4], graphs  # the cache is full after four


@pytest.mark.slow
@pytest.mark.timeout(600)  # each is compiled
def test_memory_is_flat_over_sixty_architectures() -> None:
    sizes, _ = trainings(60)
    assert sizes[59] <= 1.1 * sizes[9], [size // 10**6 for size in sizes]
