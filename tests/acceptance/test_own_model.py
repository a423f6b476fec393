"""The tutorial's own model, from its text to a saved model, by the real command: a search that climbs two rungs."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import Hpo, Outcome, environment, own_model, place_own_model

from hpo.study import registry

SEARCH = ("optimize", "./wine.py:study", "--workers", "2")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder in which six configurations have been searched, and what the command said."""
    folder = tmp_path_factory.mktemp("searched")
    place_own_model(folder, quick=10)
    command = [sys.executable, "-m", "hpo", *SEARCH, "--trials", "6", "--seed", "3", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    return folder, Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture
def copy(searched: tuple[Path, Outcome], folder: Path) -> Path:
    """The folder the command runs in, as that search left it."""
    return Path(shutil.copytree(searched[0], folder, dirs_exist_ok=True))


def test_the_example_is_one_short_file() -> None:
    lines = [line for line in own_model().splitlines() if line.strip()]
    assert len(lines) <= 32


def test_a_search_announces_its_steps_and_prints_one_json_document(searched: tuple[Path, Outcome]) -> None:
    done = searched[1]
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["study"], document["definition"], document["fidelity"]) == ("wine-small", "wine", None)
    assert document["rungs"] == [
        {"fidelity": "quick", "target": 6, "settled": 6},
        {"fidelity": "full", "target": 4, "settled": 4},  # three of them, and the hand-picked one
        {"fidelity": "full", "target": 3, "settled": 3},  # the best two again, and the hand-picked one
    ]
    assert (document["target"], document["settled"], document["open"], document["running"]) == (13, 13, 0, 0)
    assert document["complete"] + document["pruned"] + document["failed"] == 13
    assert (document["failed"], document["pruner"]) == (0, "none")
    assert 0.5 < document["best"]["value"] <= 1
    assert document["best"]["trainings"] == 2
    assert set(document["best"]["params"]) == {"layers", "units", "activation", "learning_rate"}
    for words in ("wine-small (new)", "sqlite:///hpo.db", "3 folds, 10 epochs", "3 folds, 20 epochs",
                  "2 workers", "6 drawn at quick, 3 of them and the hand-picked one at full, 3 confirmations",
                  "13/13 done"):  # fmt: skip
        assert words in done.err
    assert "Traceback" not in done.err


def trials(hpo: Hpo) -> list[dict[str, Any]]:
    """All trials of the search, by number."""
    document = json.loads(hpo("export", "wine", "-o", "-", "--format", "json").out)
    return list(document["trials"])


def test_best_names_the_baseline_of_the_same_search(hpo, copy: Path) -> None:
    best = json.loads(hpo("best", "wine", "--json").out)
    status = json.loads(hpo("status", "wine", "--json").out)
    assert {name: best[name] for name in status["best"]} == status["best"]
    assert best["trainings"] == 2
    assert best["baseline"]["name"] == "by-hand"
    assert best["baseline"]["value"] is not None
    told = hpo("best", "wine")
    assert (told.code, told.err) == (0, "next: hpo compare wine-small\n")
    assert f"trial {best['number']}" in told.out
    assert "by-hand" in told.out
    assert ", the mean of 2 trainings at full" in told.out
    assert "the hand-picked configuration's rank: " in told.out
    assert "trained again, the best came to" in told.out
    again = [t for t in trials(hpo) if t["params"] == best["params"] and t["attributes"]["epochs"] == 20]
    assert [t["number"] for t in again][:1] == [best["number"]]
    assert best["value"] == pytest.approx(sum(t["value"] for t in again) / 2)


@pytest.mark.thorough
def test_every_trial_can_be_shown(hpo, copy: Path) -> None:
    epochs = {trial["number"]: trial["attributes"]["epochs"] for trial in trials(hpo)}
    full = min(number for number, its in epochs.items() if its == 20)
    for number in (full, min(epochs.keys() - {full}), 5):
        done = hpo("trial", "wine", number, "--json")
        assert (done.code, done.err) == (0, "")
        trial = json.loads(done.out)
        assert trial["number"] == number
        assert trial["state"] in ("complete", "pruned")  # what is complete on a lower rung is pruned to Optuna
        assert trial["seed"] is not None
        assert trial["worker"]
        steps = {10: [10], 20: list(range(2, 21, 2))}  # quick, where the end counts, and full, with ten reports
        assert [step for step, _ in trial["curve"]] == steps[trial["attributes"]["epochs"]]
        assert trial["curve"][-1][1] == pytest.approx(trial["value"])
    told = hpo("trial", "wine", full)
    assert re.search(r"curve: [▁▂▃▄▅▆▇█]{10}", told.out)
    quick = next(number for number, its in epochs.items() if its == 10)
    assert "curve" not in hpo("trial", "wine", quick).out


def test_repeating_a_search_does_nothing_and_more_trials_are_added(hpo, copy: Path) -> None:
    again = hpo(*SEARCH, "--trials", "6")
    assert again.code == 0
    assert "all 13 trials are done already" in again.out
    less = hpo(*SEARCH, "--trials", "5")
    assert less.code == 2
    assert "6 trials already" in less.err
    more = hpo(*SEARCH, "--trials", "8", "--workers", "1", "--quiet")
    assert more.code == 0, more.err
    assert "13 of 15 trials are done" in more.err
    assert "15 of 15 trials" in more.out
    assert re.search(r"best accuracy: [\d.]+ \(trial \d+\), the mean of 2 trainings at full", more.out)
    assert "hpo train ./wine.py:study --config best --study wine-small" in more.out
    status = json.loads(hpo("status", "wine", "--json").out)
    assert [(rung["target"], rung["settled"]) for rung in status["rungs"]] == [(8, 8), (4, 4), (3, 3)]


@pytest.mark.thorough
def test_the_best_of_a_climbing_search_is_compared_and_reported_without_a_race(hpo, copy: Path) -> None:
    """Its last rung has trained the best configurations again, which is what a race is for."""
    done = hpo("compare", "wine", "--pairs", "6", "--no-resample", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["search_fidelity"], document["fidelity"], document["heats"]) == ("full", "full", [])
    assert document["optimum"]["number"] == json.loads(hpo("best", "wine", "--json").out)["number"]
    assert document["budget"]["search"]["trials"] == 6 + 4 + 3
    assert document["budget"]["search"]["epochs"] == 6 * 3 * 10 + (4 + 3) * 3 * 20
    reported = hpo("report", "wine", "-o", "wine.md")
    assert reported.code == 0, reported.err
    page = (copy / "wine.md").read_text()
    assert "Study wine-small: space small, fidelities quick, full, 13 trials settled" in page
    assert re.search(r"hpo optimize \S+ --trials 6 --space small --sampler tpe --pruner none --seed 3\n", page)
    assert "hpo compare wine-small --pairs 6 --fidelity full --baseline by-hand --no-resample\n" in page


@pytest.mark.thorough
def test_the_best_configuration_is_trained_scored_and_saved(hpo, copy: Path) -> None:
    done = hpo("train", "./wine.py:study", "--config", "best", "-o", "wine.keras", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert set(result) == {"params", "seed", "epochs", "train", "test", "compile_seconds", "fit_seconds", "trained_by"}
    assert (result["epochs"], result["seed"]) == (20, 0)
    assert result["params"] == json.loads(hpo("best", "wine", "--json").out)["params"]
    assert "20 epochs" in done.err
    # The kept file is that very model: it scores the same on the same rows.
    import keras

    rows = registry.load(f"{copy}/wine.py:study").data().test
    guesses = keras.models.load_model(copy / "wine.keras").predict(rows.x, verbose=0).argmax(-1)
    assert float((guesses == rows.y).mean()) == pytest.approx(result["test"], abs=1e-6)
    assert done.err.splitlines()[0].startswith("wine, trial ")
    assert "port.cc" not in done.err  # nor anything else of TensorFlow's
    assert {path.name for path in copy.iterdir() if "keras" in path.name} == {"wine.keras"}


def test_a_model_that_cannot_be_written_leaves_the_old_file(hpo, copy: Path) -> None:
    old = copy / "wine.keras"
    old.write_bytes(b"an earlier model")
    limit = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
    code = limit + "sys.argv[0] = 'hpo'; runpy.run_module('hpo', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "train", "./wine.py:study", "--config", "by-hand", "-o", "wine.keras"],
        cwd=copy, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "wine.keras" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert old.read_bytes() == b"an earlier model"
    assert {path.name for path in copy.iterdir() if "keras" in path.name} == {"wine.keras"}


@pytest.mark.slow
def test_a_given_configuration_runs_first_and_until_ends_the_search(hpo, wine: Path) -> None:
    mine = {"layers": 1, "units": 9, "activation": "tanh", "learning_rate": 0.01}
    (wine / "mine.json").write_text(json.dumps(mine))
    options = ("--workers", "1", "--trials", "500", "--until", "0.1", "--pruner", "none", "--name", "own")
    done = hpo("optimize", "./wine.py:study", *options, "--try", "mine.json", "--no-baseline")
    assert done.code == 0, done.err
    assert "good enough" in done.out
    status = json.loads(hpo("status", "own", "--json").out)
    assert 1 <= status["settled"] < 500
    assert status["running"] == 0
    assert json.loads(hpo("trial", "own", "0", "--json").out)["params"] == mine


@pytest.mark.thorough
def test_a_definition_whose_trainings_all_fail_is_reported_with_the_reason(hpo, wine: Path) -> None:
    file = wine / "wine.py"
    file.write_text(own_model().replace("    import keras", "    raise ValueError('no such layer')\n    import keras"))
    done = hpo(*SEARCH, "--trials", "2", "--workers", "1")
    assert done.code == 1
    last = done.err.splitlines()[-1]
    assert last.startswith("hpo: ")
    assert "no such layer" in last
    assert "Traceback" not in done.err
    with sqlite3.connect(wine / "hpo.db") as opened:
        number = opened.execute("SELECT trial_number FROM hpo_slot WHERE outcome = 'failed'").fetchone()[0]
    told = hpo("trial", "wine", number)
    assert "Traceback" in told.out
    assert "ValueError: no such layer" in told.out


CHECK = """
import json
from pathlib import Path

import keras

import hpo
from hpo.search.row_splits import cut
from hpo.search.seeds import derive
from hpo.storage import kept_models
from hpo.study import registry

kept = kept_models.read(Path("kept.keras"))
study = hpo.load("wine")
definition = registry.load("./wine.py:study")
seed = next(trial.seed for trial in study.trials if trial.number == kept.trial)
fold = cut(definition, definition.fidelity("full"), definition.data().development, seed=derive(seed, "folds"))[0]


def accuracy(model):
    return float((model.predict(fold.validation.x, verbose=0).argmax(axis=1) == fold.validation.y).mean())


values = [accuracy(keras.saving.load_model("kept.keras")), accuracy(study.best.kept_model()), kept.value]
same = {trial.number for trial in study.trials if trial.params == study.best.params}
print(json.dumps([values, kept.trial in same, kept.folds, [epoch["number"] for epoch in kept.history]]))
"""


@pytest.mark.thorough
def test_the_model_of_the_best_is_kept_as_the_search_trained_it(hpo: Hpo, copy: Path) -> None:
    written = hpo("best", "wine", "--model", "kept.keras")
    assert written.code == 0, written.err
    assert "on the first of 3 folds" in written.out
    kept = list((copy / "hpo.db.models").rglob("*"))
    assert 2 <= len([path for path in kept if path.is_file()]) <= 3  # of the three best, once; no part of a file
    (copy / "check.py").write_text(CHECK)
    done = subprocess.run(
        [sys.executable, "check.py"], cwd=copy, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values, of_the_best, folds, epochs = json.loads(done.stdout.splitlines()[-1])
    assert values == pytest.approx([values[2]] * 3)
    assert (of_the_best, folds, epochs) == (True, 3, list(range(1, 21)))
    elsewhere = hpo("best", "wine", "--model", "kept2.keras", HPO_KEEP_MODELS="none")
    assert (elsewhere.code, elsewhere.out) == (1, "")
    assert re.search(
        r"no model of the best trial of wine-small is kept.* hpo train .*wine.py:study --config best", elsewhere.err
    )
    assert not (copy / "kept2.keras").exists()
    deleted = hpo("delete", "wine", "--yes")
    assert deleted.code == 0
    assert re.search(
        rf"and {len(kept) - 1} kept models of it \([\d,]+ bytes\) in .*hpo.db.models/wine-small-", deleted.err
    )
    assert not list((copy / "hpo.db.models").iterdir())


@pytest.mark.thorough
def test_a_folder_that_cannot_be_written_costs_a_note_and_no_trial(hpo: Hpo, wine: Path) -> None:
    (wine / "file").touch()
    where = {"HPO_KEEP_MODELS": "file/models"}
    short = ("--fidelity", "quick", "--workers", 1, "--trials", 2, "--pruner", "none", "--quiet")
    done = hpo("optimize", "./wine.py:study", *short, **where)
    assert (done.code, "2 complete" in done.out) == (0, True), done.err
    notes = [line for line in done.err.splitlines() if "are not kept in" in line]
    assert len(notes) == 1
    assert "the trials are unharmed" in notes[0]
