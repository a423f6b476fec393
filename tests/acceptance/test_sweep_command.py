"""`hpo sweep` as a person meets it: killed in the middle, asked for what there is not, read by a program."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import environment

LINE = """
from decimal import Decimal

import numpy as np

from hpo.data import Dataset, Rows
from hpo.study import Categorical, Fidelity, Holdout, Row, Space, StudyDefinition, Sweep
from hpo.training import Recipe


def data():
    x = np.random.default_rng(1).normal(size=(400, 4)).astype("float32")
    rows = Rows(x=x, y=x.sum(axis=1))
    return Dataset(name="line", development=rows.take(np.arange(300)), test=rows.take(np.arange(300, 400)))


def build(params):
    import keras

    units, rate = params["units"], params["rate"]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(1)])
    return Recipe(model=model, optimizer=keras.optimizers.Adam(rate), loss="mean_squared_error", batch_size=10)


def table(name, values, reported, chosen):
    rows = tuple(Row(setting={name: value}, reported=figures) for value, figures in zip(values, reported))
    return Sweep(id=name, title=f"How many {name}", base={"units": 2, "rate": 0.01}, rows=rows, chosen=chosen)


study = StudyDefinition(
    name="line",
    title="A line",
    data=data,
    build=build,
    metric="mae",
    direction="minimize",
    spaces=(
        Space(name="s", params={"units": Categorical(choices=(1, 2, 4)), "rate": Categorical(choices=(1e-6, 0.01))}),
    ),
    evaluation=Holdout(rows=50),
    fidelities=(Fidelity(name="quick", epochs=2), Fidelity(name="full", epochs=EPOCHS)),
    sweeps=(table("units", (1, 2, 4), ({}, {"test": Decimal("0.5")}, {}), 1), table("rate", (1e-6, 0.01), ({}, {}), 0)),
)
"""
TELL = """
import json

import hpo


class Log(hpo.Observer):
    def write(self, event):
        with open("log.jsonl", "a") as file:
            file.write(json.dumps(event.to_json()) + "\\n")

    trial_settled = study_ended = new_best = write
"""
TRAININGS = 8  # five rows, of which two are alike, twice
SWEEP = ("sweep", "./line.py:study", "--repeats", "2", "--workers", "2", "--seed", "1")


@pytest.fixture
def line(folder: Path) -> Path:
    """A folder with a definition of two small tables."""
    (folder / "line.py").write_text(LINE.replace("EPOCHS", "20"))
    return folder


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The sweep with trainings of a second or so, once the first is done and others are under way."""
    (folder / "line.py").write_text(LINE.replace("EPOCHS", "600"))
    command = [sys.executable, "-m", "hpo", *SWEEP]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for text in process.stderr:
                done = text.split("/")[0]
                if done.isdigit() and 0 < int(done) < TRAININGS:
                    break
            yield process
        finally:
            process.kill()


def trained(folder: Path) -> dict[str, tuple[int, float]]:
    """What each settled job holds: the number of its trial and when it was settled."""
    with sqlite3.connect(folder / "hpo.db") as opened:
        found = opened.execute("SELECT digest, trial_number, settled_at FROM hpo_slot WHERE outcome IS NOT NULL")
        return {key: (number, at) for key, number, at in found}


def complete(folder: Path) -> int:
    with sqlite3.connect(folder / "hpo.db") as opened:
        return int(opened.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_sweep_resumes_without_repeating_trainings(hpo, line: Path, number: int) -> None:
    with running(line) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err.splitlines()[-1].startswith("hpo: interrupted with ")
    before = trained(line)
    assert 0 < len(before) < TRAININGS

    done = hpo(*SWEEP, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["jobs"], found["left"], found["ended"]) == (TRAININGS, 0, "done")
    after = trained(line)
    assert len(after) == complete(line) == TRAININGS
    assert {key: after[key] for key in before} == before
    assert all(len(row["measured"]["test"]["values"]) == 2 for table in found["tables"] for row in table["rows"])


@pytest.mark.thorough
def test_sweep_tables_are_printed_with_measurements_and_conclusions(hpo, line: Path) -> None:
    once = hpo("sweep", "./line.py:study", "rate", "--fidelity", "quick", "--workers", "1")
    assert once.code == 0, once.err
    assert "study line-sweep-quick" in once.err
    assert "2 of 2 distinct trainings" in once.err
    assert once.out.startswith("rate: How many rate\n")
    assert "the report's choice" in once.out
    assert "±" not in once.out.partition("train and test:")[0]
    assert "--repeats 3 gives both and trains 4 more" in once.out
    assert "where the report trained" not in once.out  # there are no figures of its own to stand beside
    beside = hpo("sweep", "./line.py:study", "units", "--fidelity", "quick", "--workers", "1")
    assert "trained 2 epochs where the report trained 20" in beside.out

    (line / "tell.py").write_text(TELL)
    again = ("sweep", "./line.py:study", "rate", "--fidelity", "quick", "--workers", "1", "--repeats", "3")
    thrice = hpo(*again, "--observe", "tell.py:Log")
    assert thrice.code == 0, thrice.err
    told = [json.loads(text) for text in (line / "log.jsonl").read_text().splitlines()]
    assert [one["event"] for one in told] == ["trial_settled"] * 8 + ["study_ended"]  # the two of units among them
    assert (told[-1]["ended"], told[-1]["study"]["kind"]) == ("done", "sweep")
    assert "4 of 6 distinct trainings, 2 are done" in thrice.err
    assert "The report's choice, 1e-06, is refuted: 0.01 is better by more than noise." in thrice.out
    assert thrice.out.count("±") == 6  # train, test and seconds of both rows
    assert "line-sweep-quick" in hpo("status").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("./line.py:study", "unit"), 2, "line has no sweep 'unit'; did you mean units? It has: units, rate"),
        (("./line.py:study", "--fidelity", "fast"), 2, "line has no fidelity 'fast'; it has: quick, full"),
        (("./line.py:study", "units", "--greedy"), 2, "--greedy follows all tables of line"),
        (("./wine.py:study",), 1, "'wine' has no sweeps, so there is no table to run"),
    ],
)
def test_invalid_sweep_requests_are_refused_in_one_line(hpo, wine: Path, arguments, code: int, told: str) -> None:
    (wine / "line.py").write_text(LINE.replace("EPOCHS", "20"))
    refused = hpo("sweep", *arguments)
    assert refused.code == code
    assert refused.out == ""
    assert refused.err.count("\n") == 1
    assert told in refused.err
    assert not (wine / "hpo.db").exists()
