"""A short round of chaos.py and one of rounds.py; `make chaos` runs the long ones."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from poolers import MISSING, PROGRAM
from single_faults import faults_on


# SQLite has fewer faults to offer, and its round in `make chaos-short`.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "way"),
    [
        ("postgresql", []),
        ("sqlite", []),
        pytest.param("postgresql", ["--pgbouncer"], marks=pytest.mark.skipif(PROGRAM is None, reason=MISSING)),
    ],
    ids=["postgresql", "sqlite", "pgbouncer"],
)
def test_the_budget_is_exact_in_a_short_run_of_chaos(database: str, way: list[str]) -> None:
    script = Path(__file__).with_name("chaos.py")
    options = ["--workers", "4", "--hosts", "2", "--trials", "16", "--beside", "4", "--seconds", "0.5"]
    # Often enough that a machine so busy that the trials come in a burst sees some of them killed, too.
    options += ["--lease", "1.5", "--kill-every", "1.2", *way]
    command = [sys.executable, str(script), "--database", database, *options]
    run = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    kills = re.search(r"(\d+) kills", run.stdout)
    assert kills is not None
    assert int(kills[1]) > 0
    assert database == "sqlite" or "3 restarts of PostgreSQL" in run.stdout


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_at_least_40_faults_of_every_kind_are_defined(database: Literal["postgresql", "sqlite"]) -> None:
    faults = faults_on(database)
    assert len({fault.name for fault in faults}) == len(faults) >= 40
    own = "file" if database == "sqlite" else "database"
    assert {fault.kind for fault in faults} == {"process", "trial", "clock", own}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["a trial leaves with exit code 0", "SIGTERM to the supervisor"])
def test_a_round_with_a_single_fault_ends_as_it_should(fault: str) -> None:
    script = Path(__file__).with_name("rounds.py")
    run = subprocess.run([sys.executable, str(script), "--only", fault], capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 of 1 rounds as they should be" in run.stdout
