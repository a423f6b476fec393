"""Stopped in the middle: nothing is lost, and the same command finishes the work."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import environment, place_own_model

DRAWN, TRIALS = 3, 3 + 3 + 3  # at quick; those at full and what is confirmed there, too
SEARCH = ("optimize", "./wine.py:study", "--workers", "2", "--trials", DRAWN, "--seed", "1")


@pytest.fixture
def slow(wine: Path) -> Path:
    """The tutorial's example with trials of a second or so, long enough to be interrupted, on two rungs."""
    file = place_own_model(wine, quick=75)
    file.write_text(file.read_text().replace("epochs=20", "epochs=150"))
    assert "epochs=150" in file.read_text()
    return wine


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The search, once its first trial is done and others are under way."""
    command = [sys.executable, "-m", "hpo", *map(str, SEARCH)]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                done = line.split("/")[0]
                if done.isdigit() and 0 < int(done) < TRIALS:
                    break
            yield process
        finally:
            process.kill()


def slots(folder: Path) -> list[tuple[str, str | None]]:
    with sqlite3.connect(folder / "hpo.db") as opened:
        return opened.execute("SELECT state, outcome FROM hpo_slot").fetchall()


def unfinished(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "hpo.db") as opened:
        return opened.execute("SELECT state FROM trials WHERE state IN ('RUNNING', 'WAITING')").fetchall()


def finishes(hpo, folder: Path) -> None:
    """The same command brings the study to its end, each slot settled once, no trial left running."""
    done = hpo(*SEARCH, "--json")
    assert done.code == 0, done.err
    status = json.loads(done.out)
    assert (status["settled"], status["complete"], status["running"]) == (TRIALS, TRIALS, 0)
    assert unfinished(folder) == []
    with sqlite3.connect(folder / "hpo.db") as opened:
        complete = opened.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0]
    assert complete == TRIALS - DRAWN  # at the highest fidelity; to Optuna, those below are pruned


@pytest.mark.thorough
def test_an_interrupted_search_releases_its_running_trials(hpo, slow: Path) -> None:
    with running(slow) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    last = err.splitlines()[-1]
    assert last.startswith("hpo: interrupted with ")
    assert "the same command goes on" in last
    assert "Traceback" not in err
    assert "leased" not in [state for state, _ in slots(slow)]
    assert "open" in [state for state, _ in slots(slow)]
    assert unfinished(slow) == []
    assert ("settled", "failed") not in slots(slow)
    finishes(hpo, slow)


@pytest.mark.slow
def test_a_killed_supervisor_ends_its_workers_and_loses_no_result(hpo, slow: Path) -> None:
    with running(slow) as process:
        process.kill()
        process.wait()
    status = json.loads(hpo("status", "wine", "--json").out)
    assert 1 <= status["settled"] < TRIALS
    finishes(hpo, slow)


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_search_with_one_line_and_it_goes_on_later(hpo, wine: Path) -> None:
    place_own_model(wine, quick=10)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    done = subprocess.run(
        [sys.executable, "-m", "hpo", *map(str, SEARCH)],
        cwd=wine, env=environment(), capture_output=True, text=True, check=False, preexec_fn=full,
    )  # fmt: skip
    _refused_for_space(done)
    finishes(hpo, wine)


def test_a_search_on_a_full_file_system_is_refused(hpo, wine: Path) -> None:
    small = wine / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs rights this test does not have")
    try:
        done = hpo(*SEARCH, "--storage", "sqlite:///small/hpo.db")
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "the disk is full" in done.err


@pytest.mark.thorough
def test_a_search_whose_database_cannot_grow_is_refused(wine: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [sys.executable, "-m", "hpo", *map(str, SEARCH)],
        cwd=wine, env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
        preexec_fn=full,
    )  # fmt: skip
    _refused_for_space(done)
    assert done.stderr.count("\n") == 1


def _refused_for_space(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("hpo: ")
    assert "disk" in last
    assert os.linesep not in last
