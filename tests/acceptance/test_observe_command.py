"""Observers of a real search: told all of it, and unable to harm a trial whatever they do."""

import json
from pathlib import Path

import pytest
from command import Hpo

OWN = """
import json
import os
import time
from pathlib import Path

import hpo


class Log(hpo.Observer):
    def __init__(self, target):
        self.file = Path(target)

    def write(self, event):
        with self.file.open("a") as file:
            file.write(json.dumps(event.to_json()) + "\\n")

    study_begun = study_ended = trial_settled = new_best = write


class Raises(hpo.Observer):
    def trial_settled(self, event):
        print("not for the screen")
        raise ValueError("no room for this")


class Exits(hpo.Observer):
    def trial_settled(self, event):
        os._exit(7)


class Grows(hpo.Observer):
    def trial_settled(self, event):
        self.held = bytearray(8 << 30)


class Unmade(hpo.Observer):
    def __init__(self):
        raise SystemExit("cannot begin")
"""
OBJECTIVE = """
def objective(trial):
    return trial.suggest_float("x", 0.0, 1.0)
"""
SEARCH = ("optimize", "tune.py:objective", "--direction", "maximize", "--workers", 1)


@pytest.fixture
def own(folder: Path) -> Path:
    (folder / "tell.py").write_text(OWN)
    (folder / "tune.py").write_text(OBJECTIVE)
    return folder


def notes(err: str) -> list[str]:
    return sorted(line.removeprefix("hpo: note: ") for line in err.splitlines() if line.startswith("hpo: note: "))


@pytest.mark.thorough
def test_observers_receive_the_search_and_failing_ones_do_no_harm(hpo: Hpo, own: Path) -> None:
    bad = [f"--observe=tell.py:{name}" for name in ("Raises", "Exits", "Grows", "Unmade")]
    done = hpo(
        *SEARCH, "--trials", 3, "--observe", "./tell.py:Log:log.jsonl", *bad, "--observe", "webhook:http://[::1]:9/x"
    )
    assert done.code == 0
    assert "3 complete" in done.out
    assert "not for the screen" not in done.out + done.err
    told = [json.loads(line) for line in (own / "log.jsonl").read_text().splitlines()]
    kinds = [one["event"] for one in told]
    assert (kinds[0], kinds[-1], kinds.count("trial_settled")) == ("study_begun", "study_ended", 3)
    assert told[-1]["best"]["value"] == max(one["values"][0] for one in told if one["event"] == "trial_settled")
    about = notes(done.err)
    assert [line.split()[1] for line in about] == [
        "tell.py:Exits",
        "tell.py:Grows",
        "tell.py:Raises",
        "tell.py:Unmade",
        "webhook:http://::1:9/…",
    ]
    assert "ended its process (exit code 7)" in about[0]
    assert "MemoryError" in about[1]
    assert "ValueError: no room for this" in about[2]
    assert "cannot begin" in about[3]
    more = hpo(*SEARCH, "--trials", 4, HPO_OBSERVE="tell.py:Log:log.jsonl")
    assert (more.code, notes(more.err)) == (0, [])


def test_an_invalid_observer_is_refused_before_a_database_is_made(hpo: Hpo, own: Path) -> None:
    refused = hpo(*SEARCH, "--trials", 3, "--observe", "tensorbord:logs")
    assert (refused.code, refused.out) == (2, "")
    assert "no observer 'tensorbord'; did you mean tensorboard?" in refused.err
    assert not (own / "hpo.db").exists()
    refused = hpo("submit", "tune.py:objective", "--trials", 3, "--observe", "wandb:p")
    assert refused.code == 2
    assert "--wait" in refused.err


@pytest.mark.thorough
def test_a_fleet_reports_its_studies_to_observers(hpo: Hpo, own: Path) -> None:
    assert hpo("submit", "tune.py:objective", "--trials", 2, "--direction", "maximize").code == 0
    served = hpo("worker", "--processes", 1, "--drain", "--observe", "./tell.py:Log:log.jsonl")
    assert served.code == 0
    kinds = [json.loads(line)["event"] for line in (own / "log.jsonl").read_text().splitlines()]
    assert (kinds[0], kinds.count("trial_settled"), kinds[-1]) == ("study_begun", 2, "study_ended")
