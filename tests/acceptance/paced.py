"""A definition without TensorFlow, and an objective whose trials end when a test says so.

The file `allowed` in the working folder says how many trials may have ended; a trial waits for its number to be below.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import optuna

from hpo.study import Baseline, Categorical, Fidelity, Float, Holdout, Space, StudyDefinition

FILE = str(Path(__file__).resolve())


def _never(*_: object) -> NoReturn:
    raise AssertionError("nothing is trained here")


study = StudyDefinition(
    name="paced",
    title="a parabola, slowly",
    data=_never,
    build=_never,
    metric="accuracy",
    direction="maximize",
    spaces=(Space(name="line", params={"x": Float(low=0.0, high=1.0), "kind": Categorical(choices=("a", "b"))}),),
    evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=9),),
    baselines=(Baseline(name="middle", title="the middle", params={"x": 0.5, "kind": "a"}),),
)


def allow(folder: Path, trials: int) -> None:
    """Let trials end up to that number."""
    new = folder / "allowed.new"
    new.write_text(str(trials))
    new.replace(folder / "allowed")


def objective(beat: Callable[[], None]) -> Callable[[optuna.Trial], float]:
    """What `hpo worker --objective` takes."""

    def run(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        kind = trial.suggest_categorical("kind", ("a", "b"))
        while trial.number >= int(Path("allowed").read_text()):
            time.sleep(0.02)
            beat()
        if trial.number == 2:
            raise ZeroDivisionError("no such luck")
        return 1.0 - (x - 0.3) ** 2 - (0.1 if kind == "a" else 0.0)

    return run
