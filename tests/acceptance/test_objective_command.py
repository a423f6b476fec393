"""`hpo` on an Optuna objective as somebody has it, from the first refusal to the best trial."""

import json
from pathlib import Path

import pytest
from command import Hpo

TUNE = """
import optuna

def objective(trial):
    '''A parabola.'''
    x = trial.suggest_float("x", -2.0, 2.0)
    print("tries", x)
    return x**2
"""


@pytest.fixture
def tune(folder: Path) -> Path:
    file = folder / "tune.py"
    file.write_text(TUNE)
    return file


@pytest.mark.thorough
def test_an_objective_file_is_searched_to_its_best_trial(hpo: Hpo, tune: Path) -> None:
    refused = hpo("optimize", "tune.py:objective", "--trials", 3)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert "--direction maximize or --direction minimize" in refused.err
    done = hpo("optimize", "tune.py:objective", "--trials", 3, "--workers", 1, "--direction", "minimize", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["study"], found["settled"], found["complete"]) == ("objective", 3, 3)
    best = json.loads(hpo("best", "objective", "--json").out)
    assert best["value"] == pytest.approx(best["params"]["x"] ** 2)
    assert not best["comparable"]
    one = hpo("trial", "objective", 0)
    assert "tries" in one.out
    assert "A parabola." in hpo("show", "tune.py:objective").out
    for command in (("train", "tune.py:objective", "--config", "best"), ("sweep", "tune.py:objective")):
        refused = hpo(*command)
        assert (refused.code, refused.err.count("\n")) == (1, 1), refused.err
        assert "needs a StudyDefinition" in refused.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--direction", "up"), "direction is maximize or minimize"),
        (("--direction", "minimize", "--space", "wide"), "suggests its parameters as it runs; leave --space out"),
    ],
)
def test_invalid_options_for_an_objective_are_refused_in_one_line(
    hpo: Hpo, tune: Path, words: tuple[str, ...], why: str
) -> None:
    refused = hpo("optimize", "tune.py:objective", "--trials", 3, *words)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert why in refused.err
