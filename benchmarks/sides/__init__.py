"""One side of a comparison a file: reads a job, runs it, writes when each trial started and ended and what it gave."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(run: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read the job named on the command line, run it, write the result."""
    job_file, result_file = map(Path, sys.argv[1:3])
    result_file.write_text(json.dumps(run(json.loads(job_file.read_text()))))
