"""Processes that are forks of a preloaded one: they are what fresh ones would be, in all but the time they take."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment

TELLS = """
import json, os, signal, sys
print(json.dumps({
    "parent": os.getppid(), "session": os.getsid(0), "pid": os.getpid(), "folder": os.getcwd(), "argv": sys.argv,
    "environment": dict(os.environ), "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")), "preloaded": "tensorflow" in sys.modules,
    "path": sys.path, "stdin": sys.stdin.read(),
}))
print("words", file=sys.stderr)
sys.exit(7)
"""


def told(folder: Path, *options: str, **settings: str) -> dict:
    (folder / "tells.py").write_text(TELLS)
    reader, writer = os.pipe()
    done = subprocess.run(
        [sys.executable, *options, str(folder / "tells.py"), "one", "two"],
        cwd=folder,
        env=environment(NAME="value", **settings),
        input="typed",
        capture_output=True,
        text=True,
        check=False,
        pass_fds=[writer],
        start_new_session=True,
    )
    os.close(reader)
    os.close(writer)
    assert (done.returncode, done.stderr) == (7, "words\n")
    found = json.loads(done.stdout)
    assert found.pop("session") == found.pop("pid")
    assert writer in found["descriptors"]
    return found


def test_a_preloaded_fork_has_all_that_a_fresh_process_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fork = told(folder)
    monkeypatch.setattr(sys, "executable", str(sys.executable)[:])
    fresh = told(folder, "-s")
    assert (fork.pop("preloaded"), fresh.pop("preloaded")) == (True, False)
    kept = [number for number in fork.pop("descriptors") if number < 512]  # its own template's is beyond
    assert kept == [number for number in fresh.pop("descriptors") if number in kept]
    assert fork == fresh
    assert fork["parent"] == os.getpid()


@pytest.mark.parametrize("setting", ["PYTHONPATH", "KERAS_BACKEND", "LC_ALL"])
def test_environment_variables_read_during_imports_force_a_fresh_process(folder: Path, setting: str) -> None:
    assert not told(folder, **{setting: "C"})["preloaded"]


@pytest.mark.fresh
def test_a_test_marked_fresh_starts_a_fresh_process(folder: Path) -> None:
    assert not told(folder)["preloaded"]


def test_the_signal_that_ends_a_fork_is_known(folder: Path) -> None:
    (folder / "waits.py").write_text("import signal\nprint('here', flush=True)\nsignal.pause()\n")
    for number, end in ((signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        with subprocess.Popen([sys.executable, "waits.py"], cwd=folder, stdout=subprocess.PIPE) as waits:
            assert waits.stdout is not None
            assert waits.stdout.readline() == b"here\n"
            waits.send_signal(number)
            assert waits.wait(30) == end


def test_an_exception_in_a_fork_prints_its_traceback_and_fails(folder: Path) -> None:
    (folder / "fails.py").write_text("print('before')\nraise ValueError('why')\n")
    done = subprocess.run([sys.executable, "fails.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: why\n")
