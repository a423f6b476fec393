"""The fleet's commands, for real: a search is submitted, watched, halted in the middle, and goes on."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import PROJECT, Hpo, environment

from hpo import storage
from hpo.storage.queries import status

TOY = PROJECT / "tests" / "integration" / "toy.py"
NAME = "toy-line-quick"


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command in `folder` without waiting for it; it is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*args: object) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "hpo", *map(str, args)],
                cwd=folder,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    # Whoever runs the tests in the background has them ignore Ctrl-C, and what they start inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield begin
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        process.communicate()


def until(condition: Callable[[], object]) -> None:
    """Wait for something that must come to be."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.thorough
def test_a_search_is_left_to_a_fleet_halted_in_the_middle_and_brought_to_its_end(
    hpo: Hpo, folder: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    submitted = hpo("submit", f"{TOY}:study", "--fidelity", "quick", "--trials", 3, "--json")
    assert (submitted.code, submitted.err) == (0, "")
    document = json.loads(submitted.out)
    assert (document["study"], document["added"], document["open"], document["serving"]) == (NAME, 3, 3, [])
    assert document["state"] == "waiting"

    worker = start("worker", "--processes", 1, "--drain", "--objective", f"{TOY}:held")
    until(lambda: list(folder.glob("began-*-0")))
    shown = hpo("status")
    assert "running" in shown.out
    assert f"{os.uname().nodename}:" in shown.out  # the worker, and what it has in hand
    assert f"{NAME} trial 0 for" in shown.out
    found = json.loads(hpo("status", "--workers", "--json").out)
    assert [one["running_trial"]["study"] for one in found] == [NAME]

    stopped = hpo("stop", "toy", "--now", "--why", "to see it go on")
    assert stopped.code == 0
    assert f"{NAME} is stopped" in stopped.out
    assert worker.wait(120) == 0  # nothing is open, so a worker that drains has nothing to do
    halted = json.loads(hpo("status", "toy", "--json").out)
    assert (halted["state"], halted["open"], halted["running"]) == ("stopped", 3, 0)
    assert halted["stopped_why"] == "to see it go on"

    assert f"{NAME} goes on" in hpo("resume", "toy").out
    (folder / "go").touch()
    again = start("worker", "--processes", 1, "--drain", "--objective", f"{TOY}:held")
    waited = hpo("submit", NAME, "--trials", 3, "--wait")
    assert (waited.code, "3 of 3 trials" in waited.out) == (0, True)
    assert again.wait(120) == 0
    opened = storage.open(f"sqlite:///{folder}/hpo.db")
    last = status.study_status(opened, NAME)
    assert (last.state, last.complete, last.settled) == ("done", 3, 3)
    document = json.loads(hpo("submit", "toy", "--trials", 3, "--wait", "--json").out)
    assert (document["study"], document["added"], document["serving"], document["state"]) == (NAME, 0, [], "done")
    watched = hpo("status", "toy", "--watch")
    assert watched.out.splitlines()[-1] == f"{NAME}: done"


def test_ctrl_c_while_waiting_does_not_stop_the_fleet(hpo: Hpo, start: Callable[..., subprocess.Popen[str]]) -> None:
    waiting = start("submit", f"{TOY}:study", "--fidelity", "quick", "--trials", 2, "--wait")
    assert waiting.stderr is not None
    until(lambda: "0/2 done" in waiting.stderr.readline())
    # Python drops an interrupt that comes while an object is finalized; a person presses again then.
    for _ in range(3):
        waiting.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            waiting.wait(timeout=40)
            break
    _, err = waiting.communicate(timeout=40)
    assert waiting.returncode == 130
    assert "the fleet goes on without this command" in err
    assert "Traceback" not in err
    assert json.loads(hpo("status", "toy", "--json").out)["open"] == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["status", "--watch"], ["--watch", "say which"]),
        (["status", "toy", "--workers"], ["--workers", "leave out STUDY"]),
        (["status", "toy", "--watch", "--json"], ["--json", "--watch"]),
        (["submit", "cnn", "--trials", "5", "--until", "soon"], ["--until", "'soon'"]),
        (["stop"], ["STUDY"]),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(hpo: Hpo, args: list[str], words: list[str]) -> None:
    refused = hpo(*args)
    assert (refused.code, refused.out) == (2, "")
    assert len(refused.err.splitlines()) == 1
    for word in words:
        assert word in refused.err
