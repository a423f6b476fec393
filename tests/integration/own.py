"""Optuna objectives as people write them, each with something a test is about."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import optuna

import hpo

FILE = str(Path(__file__).resolve())
ASKED, GO = threading.Event(), threading.Event()  # of `waits`: its trial has begun; it may end


def parabola(trial: optuna.Trial) -> float:
    """A parabola in x, and in y where there is one."""
    x = trial.suggest_float("x", -4.0, 4.0)
    y = trial.suggest_int("y", 0, 3) if trial.suggest_categorical("two", [True, False]) else 0
    trial.set_user_attr("told", {"x": x})
    return (x - 1) ** 2 + y


def pruned(trial: optuna.Trial) -> float:
    """Reports ten steps, the later trials worse ones."""
    for step in range(10):
        trial.report(float(trial.number), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(trial.suggest_int("n", 0, 1_000) * 0 + trial.number)


def constrained(trial: optuna.Trial) -> float:
    """Infeasible below 2."""
    x = trial.suggest_int("x", 0, 9)
    trial.set_constraint("low", 2 - x)
    return float(x)


@hpo.tunable(direction=("minimize", "maximize"), metric=("cost", "gain"))
def front(trial: optuna.Trial) -> Sequence[float]:
    """What costs more gains more."""
    x = trial.suggest_float("x", 0.0, 1.0)
    return x, x**2


@hpo.tunable(direction="minimize", metric="error", baselines={"hand": {"x": 3.0}}, seeds=True)
def seeded(trial: optuna.Trial) -> float:
    """A parabola, with luck that follows the seed."""
    x = trial.suggest_float("x", 0.0, 10.0)
    return abs(x - 5) + hpo.seed(trial) / 2**31 / 1000


def killed(trial: optuna.Trial) -> float:
    """The process of its first trial is killed; each trial says what it finds imported."""
    x = trial.suggest_float("x", 0.0, 1.0)
    heavy = {"tensorflow", "keras", "torch"} & set(sys.modules)
    trial.set_user_attr("imported", sorted(heavy))
    killing = Path(FILE if trial.number else "killed")
    if not killing.exists():
        killing.write_text(repr(x))
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def waits(trial: optuna.Trial) -> float:
    """Ends when it is told to, and asks whether to prune then."""
    ASKED.set()
    GO.wait(60)
    trial.report(1.0, 1)
    trial.should_prune()
    return trial.suggest_float("x", 0.0, 1.0)


@hpo.tunable(direction="minimize", baselines={"hand": {"y": 3.0}}, seeds=True, name="mistaken")
def mistaken(trial: optuna.Trial) -> float:
    """Its baseline names another parameter."""
    return trial.suggest_float("x", 0.0, 10.0)


@hpo.tunable(direction="minimize", baselines={"hand": {"x": 3.0}}, seeds=True, name="partial")
def partial(trial: optuna.Trial) -> float:
    """Its baseline does not name all."""
    return trial.suggest_float("x", 0.0, 10.0) + trial.suggest_float("y", 0.0, 1.0)
