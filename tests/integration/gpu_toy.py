"""Objectives that show which GPU their process was given; named by `gpu_toy.py:NAME`, they need no TensorFlow."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import optuna

FILE = str(Path(__file__).resolve())
Objective = Callable[[optuna.Trial], float]


def shows(beat: Callable[[], None]) -> Objective:
    """Says in a file named after process and trial what CUDA will see; ends when the file `go` appears."""

    def run(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_categorical("kind", ("a", "b"))
        said = Path(f"saying-{os.getpid()}")
        said.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all there are"))
        said.rename(f"sees-{os.getpid()}-{trial.number}")
        while not Path("go").exists():
            time.sleep(0.01)
            beat()
        return x

    return run
