"""Runs and fleets of real processes whose SQLite file is taken away."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import toy
from fleets import Fleet

from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit

HERE = Path(__file__).resolve().parent
DATABASE, AWAY = Path("hpo.db"), Path("away.db")


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.mark.thorough
def test_a_run_whose_file_is_deleted_ends_in_one_line() -> None:
    command = [sys.executable, str(HERE / "toy_run.py"), str(DATABASE), "held", '{"trials": 4}']
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: len(list(Path().glob("began-*"))) == 2)
    DATABASE.unlink()
    _, said = run.communicate(timeout=120)
    assert run.returncode == 1
    lines = [line for line in said.splitlines() if "file was deleted or moved while in use" in line]
    assert len(lines) == 1
    assert "Traceback" not in said
    assert not DATABASE.exists()


@pytest.mark.thorough
def test_a_fleet_whose_file_is_moved_away_ends_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / DATABASE}"
    definition = f"{toy.FILE}:study"
    submit(Request(definition=definition, storage=url, fidelity="quick", name="toy", trials=3, sampler="random"))
    arguments = ["--drain", "--processes", "1", "--objective", f"{toy.FILE}:held"]
    fleet = Fleet(url, *arguments, folder=tmp_path)
    try:
        until(lambda: list(Path().glob("began-*")))
        DATABASE.rename(AWAY)
        Path("go").touch()
        assert fleet.process.wait(120) == 1
        last = fleet.said().splitlines()[-1]
        assert last.startswith("hpo: ")
        assert "file was deleted or moved while in use" in last
        (kept,) = Path(f"{DATABASE}.lost-results.jsonl").read_text().splitlines()
        assert json.loads(kept)["study"] == "toy"
        AWAY.rename(DATABASE)
        fleet.start()
        assert fleet.process.wait(120) == 0
    finally:
        fleet.kill()
    assert toy.unsound(url, "toy", trials=3) == []
    assert "Traceback" not in fleet.said()
