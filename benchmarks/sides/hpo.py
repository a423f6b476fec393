"""hpo as it comes: the command line, a worker a core, a SQLite file."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.sides import main
from benchmarks.tasks import TASKS

BEGIN = time.time()


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The fixed configurations with nothing pruned, or a search with the defaults up to the target."""
    folder = Path(job["folder"])
    storage = f"sqlite:///{folder / 'hpo.db'}"
    task = TASKS[job["definition"]]
    command = [sys.executable, "-m", "hpo", "optimize", task.reference, "--fidelity", task.fidelity, "--no-baseline"]
    command += ["--storage", storage, "--name", "benchmark", "--seed", str(job["seed"]), "--json"]
    if "target" in job:
        command += ["--trials", "1000", "--until", str(job["target"]), "--timeout", str(job["limit"])]
    else:
        (folder / "try.json").write_text(json.dumps(job["configurations"]))
        count = str(len(job["configurations"]))
        command += ["--try", str(folder / "try.json"), "--trials", count, "--pruner", "none"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    end = time.time()
    trials = finished_trials(storage)
    reached = None
    if "target" in job:
        hits = [stop for _, stop, value in trials if _as_good(value, job["target"], job["definition"])]
        reached = min(hits) - BEGIN if hits else None
    return {"trials": trials, "startup": min(start for start, _, _ in trials) - BEGIN, "reached": reached, "end": end}


def finished_trials(storage: str) -> list[tuple[float, float, float]]:
    """Start, end (seconds since 1970) and value of every complete trial of the benchmark's study."""
    import optuna

    study = optuna.load_study(study_name="benchmark", storage=storage)
    return [
        (t.datetime_start.timestamp(), t.datetime_complete.timestamp(), t.value)
        for t in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if t.datetime_start and t.datetime_complete and t.value is not None
    ]


def _as_good(value: float, target: float, definition: str) -> bool:
    return value >= target if definition == "cnn" else value <= target


if __name__ == "__main__":
    main(run)
