"""An objective whose process leaves another one behind; named by `orphan_toy.py:leaves`."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import optuna

FILE = str(Path(__file__).resolve())


def leaves(beat: Callable[[], None]) -> Callable[[optuna.Trial], float]:
    """Says that it began once a grandchild it left has died and was buried; then every trial is an hour."""

    def run(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_categorical("kind", ("a", "b"))
        left = subprocess.run(
            ["sh", "-c", "sleep 0.1 >/dev/null & echo $!"], capture_output=True, text=True, check=True
        ).stdout.strip()
        while Path(f"/proc/{left}").exists():  # a zombie is there, too
            time.sleep(0.02)
        Path(f"began-{os.getpid()}-{trial.number}").touch()
        time.sleep(3600)
        return x

    return run
