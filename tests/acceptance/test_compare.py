"""`hpo compare` on the tutorial's own model, with a race: asked again, asked for more, stopped, killed."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import Outcome, environment, place_own_model

from hpo.analysis import compare
from hpo.search.row_splits import load
from hpo.study import registry

SEARCH = ("optimize", "./wine.py:study", "--fidelity", "quick", "--workers", "1", "--trials", "4", "--pruner", "none",
          "--seed", "3", "--quiet")  # fmt: skip
COMPARE = ("compare", "wine", "--workers", "2", "--candidates", "2", "--rounds", "2")


def run(folder: Path, *args: str) -> Outcome:
    command = [sys.executable, "-m", "hpo", *args]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder with a search and the comparison of its optimum in six pairs, and what the command said."""
    folder = tmp_path_factory.mktemp("compared")
    place_own_model(folder)
    searched = run(folder, *SEARCH)
    assert searched.code == 0, searched.err
    return folder, run(folder, *COMPARE, "--pairs", "6", "--json")


@pytest.fixture
def copy(compared: tuple[Path, Outcome], folder: Path) -> Path:
    """The folder the command runs in, as that comparison left it."""
    return Path(shutil.copytree(compared[0], folder, dirs_exist_ok=True))


def trainings(folder: Path) -> dict[str, int]:
    """How many trials each study of measurements has, in whatever state."""
    with sqlite3.connect(folder / "hpo.db") as opened:
        rows = opened.execute(
            "SELECT study_name, count(*) FROM trials JOIN studies USING (study_id) GROUP BY study_name"
        ).fetchall()
    return {name.removeprefix("wine-small-quick-"): number for name, number in rows if name != "wine-small-quick"}


def test_a_comparison_announces_its_steps_and_prints_one_json_document(compared: tuple[Path, Outcome]) -> None:
    folder, done = compared
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["verdict"] in ("better", "worse", "equivalent", "undecided")
    assert (document["pairs"], document["alpha"], document["rows"]) == (6, pytest.approx(0.0375), "share")
    assert document["optimum"]["name"] == f"trial {document['optimum']['number']}"
    assert document["baseline"]["name"] == "by-hand"
    assert document["difference"] == pytest.approx(
        sum(document["scores"]["optimum"]) / 6 - sum(document["scores"]["baseline"]) / 6
    )
    assert len(document["resampled_scores"]["optimum"]) == 6  # the second line, for there are folds
    assert document["heats"][0]["rounds"] == 2
    assert document["budget"]["search"]["trials"] == 4
    assert document["budget"]["search"]["epochs"] == 4 * 3 * 20
    assert document["claimed"] is None  # it has no tables
    assert [look["number"] for look in document["interim_analyses"] if look["rows"] == "share"] == [1]
    for words in ("compare wine-small-quick with baseline by-hand", "6 of 6 trainings left", "12 of 12 trainings left",
                  "in all", "race: ", "final: ", "resampled: ", "12/12 done"):  # fmt: skip
        assert words in done.err
    assert trainings(folder) == {"race-quick": 6, "pairs-quick": 12, "resampled-quick": 12}


def test_both_comparisons_follow_from_their_scores(compared: tuple[Path, Outcome]) -> None:
    folder, done = compared
    document = json.loads(done.out)
    definition = registry.load(f"{folder / 'wine.py'}:study")
    data = load(definition)
    lines = {
        "share": (document, document["scores"], None),
        # Drawn anew from the same rows, pairs are correlated: the variance must be Nadeau and Bengio's.
        "resampled": (document["resampled"], document["resampled_scores"], len(data.test) / len(data.development)),
    }
    for rows, (told, scores, test_share) in lines.items():
        look = next(look for look in document["interim_analyses"] if look["rows"] == rows)
        again = compare(
            scores["optimum"],
            scores["baseline"],
            direction=definition.direction,
            margin=definition.margin,
            alpha=look["alpha"],
            test_share=test_share,
            seed=3,
        )
        assert told["verdict"] == again.verdict
        assert told["ci95"] == pytest.approx(again.ci95)
        for name in ("difference", "p_value", "p_superior", "margin", "alpha"):
            assert told[name] == pytest.approx(getattr(again, name)), (rows, name)


@pytest.mark.thorough
def test_the_same_command_trains_nothing_and_is_the_same_interim_analysis(hpo, copy: Path) -> None:
    before = trainings(copy)
    first = json.loads(run(copy, *COMPARE, "--pairs", "6", "--json").out)
    fewer = run(copy, *COMPARE, "--pairs", "3")
    assert fewer.code == 0, fewer.err
    assert "nothing is left to train" in fewer.err
    assert "6 are there already, and all of them count" in fewer.err
    assert trainings(copy) == before
    assert [look["number"] for look in first["interim_analyses"]] == [1, 1]
    lines = fewer.out.splitlines()
    assert "by-hand" in lines[0]
    for words in ("of 6", "alpha of this look", "Race at fidelity quick", "spent by the search: 4 trials, 240 epochs"):
        assert words in fewer.out


@pytest.mark.thorough
def test_more_pairs_train_only_the_new_ones_and_use_the_next_interim_analysis(hpo, copy: Path) -> None:
    more = run(copy, *COMPARE, "--pairs", "8", "--no-resample", "--workers", "1", "--json")
    assert more.code == 0, more.err
    document = json.loads(more.out)
    assert (document["pairs"], document["alpha"]) == (8, pytest.approx(0.05 * 0.75 * 0.25))
    assert document["resampled"] is None
    assert "4 of 16 trainings left" in more.err
    assert trainings(copy) == {"race-quick": 6, "pairs-quick": 16, "resampled-quick": 12}
    other = "worse" if document["verdict"] != "worse" else "better"
    refused = run(copy, *COMPARE, "--pairs", "8", "--no-resample", "--require", other)
    assert refused.code == 1
    words = f"the verdict is {document['verdict']}, and --require {other} asks for another"
    assert refused.err.splitlines()[-1] == f"hpo: {words}"
    assert refused.out  # the verdict is printed all the same
    assert run(copy, "compare", "wine", "--require", "best").code == 2


def test_deleting_a_search_deletes_its_comparison(hpo, copy: Path) -> None:
    assert run(copy, "delete", "wine-small-quick", "--yes").code == 0
    with sqlite3.connect(copy / "hpo.db") as opened:
        assert opened.execute("SELECT count(*) FROM hpo_look").fetchone() == (0,)
        assert opened.execute("SELECT count(*) FROM hpo_slot").fetchone() == (0,)
    assert run(copy, *COMPARE).code == 1


@contextmanager
def under_way(folder: Path, *args: str) -> Iterator["subprocess.Popen[str]"]:
    """The comparison once a pair's training is done and others are left."""
    command = [sys.executable, "-m", "hpo", *args]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            final = False
            for line in process.stderr:
                final = final or line.startswith("final: ")
                if final and line[0].isdigit() and not line.startswith(("0/", "12/")):
                    break
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_a_stopped_or_killed_comparison_resumes_without_repeating_trainings(hpo, wine: Path) -> None:
    file = wine / "wine.py"
    file.write_text(file.read_text().replace("epochs=20", "epochs=150"))
    assert run(wine, *SEARCH, "--trials", "2").code == 0
    short = ("compare", "wine", "--workers", "1", "--candidates", "1", "--rounds", "1", "--pairs", "6", "--no-resample")
    with under_way(wine, *short) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    last = err.splitlines()[-1]
    assert last.startswith("hpo: interrupted in stage 'final' with ")
    assert "the same command goes on" in last
    assert "Traceback" not in err
    stopped = finished(wine)
    assert 1 <= len(stopped) < 12
    with under_way(wine, *short) as process:
        process.kill()
        process.wait()
    killed = finished(wine)
    assert stopped.items() <= killed.items()
    with sqlite3.connect(wine / "hpo.db") as opened:
        assert opened.execute("SELECT count(*) FROM hpo_look").fetchone() == (0,)  # nobody has looked
    done = run(wine, *short, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["pairs"], [look["number"] for look in document["interim_analyses"]]) == (6, [1])
    assert killed.items() <= finished(wine).items()
    assert len(finished(wine)) == 12
    with sqlite3.connect(wine / "hpo.db") as opened:
        states = opened.execute(
            "SELECT state FROM trials JOIN studies USING (study_id) WHERE study_name LIKE '%-pairs-%'"
        ).fetchall()
    assert Counter(state for (state,) in states)["COMPLETE"] == 12
    assert not {("RUNNING",), ("WAITING",)} & set(states)


def finished(folder: Path) -> dict[int, tuple[int, float]]:
    """Position -> trial number and value of each pair's training that is done."""
    with sqlite3.connect(folder / "hpo.db") as opened:
        rows = opened.execute(
            "SELECT position, trial_number, value FROM hpo_slot JOIN hpo_study ON hpo_study.id = study_id "
            "WHERE name LIKE '%-pairs-%' AND state = 'settled'"
        ).fetchall()
    return {position: (number, value) for position, number, value in rows}


@pytest.mark.thorough
def test_comparing_a_search_with_only_its_baseline_is_refused_in_one_line(hpo, wine: Path) -> None:
    assert run(wine, *SEARCH, "--trials", "1").code == 0  # the baseline alone
    done = run(wine, "compare", "wine")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "the only complete trial of wine-small-quick is the baseline's" in done.err
