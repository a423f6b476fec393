"""A part of fuzz.py; `make fuzz` runs the whole of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.thorough
@pytest.mark.fresh  # it is about commands that find no TensorFlow
def test_fuzzed_input_of_every_kind_is_reported_clearly() -> None:
    script = Path(__file__).with_name("fuzz.py")
    command = [sys.executable, str(script), "--short", "--seed", "13"]  # the same part each time
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    counted = {what: int(count.replace(",", "")) for count, what in re.findall(r"^ *([\d,]+) (.+)$", run.stdout, re.M)}
    assert counted["fields"] > 3000
    assert min(counted["command lines"], counted["definitions"]) > 0
