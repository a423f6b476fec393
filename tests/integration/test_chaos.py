"""A short round of chaos.py; `make chaos` runs the long one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


# SQLite has fewer faults to offer, and its round in `make chaos-short`.
@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_while_everything_goes_wrong(database: str) -> None:
    script = Path(__file__).with_name("chaos.py")
    options = ["--workers", "4", "--hosts", "2", "--trials", "16", "--beside", "4", "--seconds", "0.5"]
    # Often enough that a machine so busy that the trials come in a burst sees some of them killed, too.
    command = [sys.executable, str(script), "--database", database, *options, "--lease", "1.5", "--kill-every", "1.2"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    kills = re.search(r"(\d+) kills", run.stdout)
    assert kills is not None
    assert int(kills[1]) > 0
    assert database == "sqlite" or "3 restarts of PostgreSQL" in run.stdout
