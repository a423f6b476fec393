"""Objectives that print, each named by `talkative.py:NAME`; they need no TensorFlow."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna

from hpo.errors import HpoWarning

FILE = str(Path(__file__).resolve())
Objective = Callable[[optuna.Trial], float]

print("talkative, version 2")
warnings.filterwarnings("ignore")  # as many people do


def _value(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0.0, 1.0)
    trial.suggest_categorical("kind", ("a", "b"))
    return x


def prints(beat: Callable[[], None]) -> Objective:
    """Prints to both streams, and so do a program and a library; warns."""
    print("loading data …")

    def run(trial: optuna.Trial) -> float:
        print("building", trial.number)
        print("on stderr", trial.number, file=sys.stderr)
        os.write(2, b"a library's noise\n")
        subprocess.run(["echo", f"a program {trial.number}"], check=True)
        warnings.warn("it is slower than it could be", HpoWarning, stacklevel=1)
        return _value(trial)

    return run


def floods(beat: Callable[[], None]) -> Objective:
    """Prints more than anybody reads."""

    def run(trial: optuna.Trial) -> float:
        for number in range(5000):
            print(f"line {number} of trial {trial.number}")
        return _value(trial)

    return run


def crashes(beat: Callable[[], None]) -> Objective:
    """Dies in the middle of the first trial of each worker's life, with the last words on stderr."""

    def run(trial: optuna.Trial) -> float:
        _value(trial)
        print("about to go")
        os.write(2, b"terminate called\n")
        os._exit(9)

    return run


def babbles(beat: Callable[[], None]) -> Objective:
    """Prints for four seconds, and shows no sign of progress."""

    def run(trial: optuna.Trial) -> float:
        for _ in range(40):
            print("still there")
            time.sleep(0.1)
        return _value(trial)

    return run


def given_back(beat: Callable[[], None]) -> Objective:
    """The first try says so and waits to be stopped, later ones say so and end."""

    def run(trial: optuna.Trial) -> float:
        value = _value(trial)
        print("try", trial.number)
        if not Path("again").exists():
            Path("again").touch()
            Path("began").touch()
            while True:
                beat()
        return value

    return run
