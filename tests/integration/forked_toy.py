"""An objective that writes down what its process has of its own: for the tests of workers that are forks of one."""

import gc
import json
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna

from hpo.fleet import resources

FILE = str(Path(__file__).resolve())


def tells(beat: Callable[[], None]) -> Callable[[optuna.Trial], float]:
    """The first trial tells in the file `told-` and the process number, and sleeps."""

    def run(trial: optuna.Trial) -> float:
        told = {
            "environment": dict(os.environ),
            "collects": gc.isenabled(),
            "blas": _blas_threads(),
            "loaded": [name for name in ("keras", "studies") if name in sys.modules],
            "chance": [random.random(), np.random.rand(), str(uuid.uuid4()), tempfile.mktemp()],
        }
        Path(f"telling-{os.getpid()}").write_text(json.dumps(told))
        Path(f"telling-{os.getpid()}").rename(f"told-{os.getpid()}")
        time.sleep(3600)
        return 0.0

    return run


def _blas_threads() -> list[int]:
    """Threads of each OpenBLAS that is loaded."""
    getters = [name.replace("_set_", "_get_") for name in resources._OPENBLAS_SETTERS]
    found = [getattr(library, name, None) for library in resources._openblas() for name in getters]
    return [getter() for getter in found if getter is not None]
