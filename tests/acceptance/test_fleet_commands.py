"""What people bring as it is, an objective and a program, left to a fleet: `hpo submit`, and a worker elsewhere."""

import json
from pathlib import Path

import pytest
from command import Hpo

TUNE = """
def objective(trial):
    x = trial.suggest_float("x", -2.0, 2.0)
    layers = [trial.suggest_int(f"units{n}", 1, 9) for n in range(trial.suggest_int("layers", 1, 3))]
    return x**2 + sum(layers)
"""
WORK = """
command = ["sh", "-c", "test {n} != 3 || { echo no memory for that >&2; exit 5; }; echo {n}.5"]
direction = "maximize"
metric = "score"
space.n = { type = "int", low = 1, high = 5 }
"""


@pytest.mark.thorough
def test_a_program_and_an_objective_are_submitted_and_drained_by_one_fleet(hpo: Hpo, folder: Path) -> None:
    (folder / "tune.py").write_text(TUNE)
    (folder / "work.toml").write_text(WORK)
    refused = hpo("submit", "tune.py:objective", "--trials", 4)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--direction maximize or --direction minimize" in refused.err
    left = hpo("submit", "tune.py:objective", "--trials", 4, "--direction", "minimize", "--json")
    assert left.code == 0, left.err
    assert [json.loads(left.out)[key] for key in ("study", "target", "added")] == ["objective", 4, 4]
    left = hpo("submit", "work.toml", "--trials", 5, "--sampler", "grid", "--json")
    assert [json.loads(left.out)[key] for key in ("study", "target", "added")] == ["work", 5, 5]
    more = hpo("submit", "work.toml", "--trials", 5, "--json")
    assert json.loads(more.out)["added"] == 0
    elsewhere = folder / "elsewhere"  # a fleet runs where it was started, not where somebody submitted
    elsewhere.mkdir()
    done = hpo("worker", "--drain", "--processes", 2, HPO_STORAGE=f"sqlite:///{folder / 'hpo.db'}", cwd=elsewhere)
    assert done.code == 0, done.err
    counts = ("target", "settled", "complete", "failed", "open")
    objective, work = (json.loads(hpo("status", name, "--json").out) for name in ("objective", "work"))
    assert [objective[each] for each in counts] == [4, 4, 4, 0, 0]
    assert [work[each] for each in counts] == [5, 5, 4, 1, 0]
    best = json.loads(hpo("best", "work", "--json").out)
    assert (best["value"], best["params"]) == (5.5, {"n": 5})
    rows = json.loads(hpo("export", "work", "-o", "-", "--format", "json").out)["trials"]
    assert sorted(row["params"]["n"] for row in rows) == [1, 2, 3, 4, 5]
    assert {row["reason"] for row in rows if row["outcome"] == "failed"} == {"exit code 5: no memory for that"}
    again = hpo("worker", "--drain", "--processes", 1)
    assert again.code == 0
