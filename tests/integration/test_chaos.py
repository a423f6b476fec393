"""A short round of chaos.py; `make chaos` runs the long one."""

import subprocess
import sys
from pathlib import Path


def test_workers_killed_at_random(storage_url: str) -> None:
    # Often enough that a machine so busy that the trials come in a burst sees some of them killed, too.
    script = Path(__file__).with_name("chaos.py")
    options = ["--url", storage_url, "--rounds", "1", "--trials", "60", "--workers", "4", "--kill-every", "0.3"]
    run = subprocess.run(
        [sys.executable, str(script), *options], capture_output=True, text=True, timeout=240, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 kills" not in run.stdout
