"""A definition that trains in a moment, for measuring: a line through four features.

Of its `kind`s one cannot be trained, one leaves the finite numbers, one breaks off with an error of its own, and one
waits for a file `go` in the working folder, saying that it began with a file named after its process.
"""

import os
import time
from pathlib import Path

import numpy as np

from hpo.data import Dataset, Rows
from hpo.search import Job
from hpo.study import Baseline, Categorical, Fidelity, Float, Holdout, Params, Space, StudyDefinition
from hpo.training import Recipe

FILE = str(Path(__file__).resolve())
WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0], dtype=np.float32)


def _rows(count: int, seed: int) -> Rows:
    x = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    return Rows(x=x, y=(x @ WEIGHTS).astype(np.float32))


def _data() -> Dataset:
    return Dataset(name="line", development=_rows(200, 1), test=_rows(50, 2))


def _build(params: Params) -> Recipe:
    import keras

    if params["kind"] == "held":
        Path(f"began-{os.getpid()}").touch()
        while not Path("go").exists():
            time.sleep(0.01)
    if params["kind"] == "wrong":
        raise ZeroDivisionError("no such luck")
    rate = 1e9 if params["kind"] == "explodes" else params["rate"]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(learning_rate=rate)
    return Recipe(model=model, optimizer=optimizer, loss="mean_squared_error", batch_size=20)


def _infeasible(params: Params) -> str | None:
    return "it is impossible" if params["kind"] == "impossible" else None


study = StudyDefinition(
    name="small",
    title="A line through four features",
    data=_data,
    build=_build,
    metric="mae",
    direction="minimize",
    spaces=(
        Space(
            name="line",
            params={
                "rate": Float(low=1e-4, high=1e-1, log=True),
                "kind": Categorical(choices=("plain", "held", "impossible", "explodes", "wrong")),
            },
        ),
    ),
    evaluation=Holdout(rows=40),
    fidelities=(
        Fidelity(name="quick", epochs=2, rows=100, trial_seconds=3.0),
        Fidelity(name="full", epochs=4, trial_seconds=8.0),
        Fidelity(name="long", epochs=60),
    ),
    baselines=(Baseline(name="slow", title="a slow one", params={"rate": 0.001, "kind": "plain"}),),
    infeasible=_infeasible,
)


def job(seed: int = 1, *, rate: float = 0.01, kind: str = "plain", rows: str = "share", keep: bool = False) -> Job:
    """One job of that study."""
    params = {"rate": rate, "kind": kind}
    return Job(rows=rows, params=params, seed=seed, note=f"{kind} {seed}", keep=keep)  # type: ignore[arg-type]
