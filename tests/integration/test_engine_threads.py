"""A long epoch leaves Python free: a signal's thread, a lease's renewal go on meanwhile."""

import threading

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.training import Recipe, Run


@pytest.mark.thorough
def test_other_threads_run_during_an_epoch() -> None:
    x = np.random.default_rng(0).normal(size=(20_000, 8)).astype(np.float32)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1)])
    recipe = Recipe(model=model, optimizer=keras.optimizers.Adam(), loss="mse", batch_size=4)
    run = Run(recipe, Rows(x=x, y=x[:, 0]), epochs=1, metric="mae", seed=0)
    begun, over = threading.Event(), threading.Event()
    turns = []

    def other() -> None:
        begun.wait()
        while not over.wait(0.001):
            turns.append(1)

    thread = threading.Thread(target=other)
    thread.start()
    begun.set()
    run.epoch()  # 5,000 steps
    over.set()
    thread.join()
    assert len(turns) > 20  # with the lock held there would be one before the epoch and one after
