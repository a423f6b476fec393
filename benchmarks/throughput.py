"""Trials an hour, and the time to the baseline's score: hpo, plain Optuna with `model.fit`, KerasTuner, side by side.

    python -m benchmarks.throughput fcnn            the same fixed configurations on every side, no pruning
    python -m benchmarks.throughput cnn             ten of at most 64 filters
    python -m benchmarks.throughput cnn --space     a random sample of the whole report space
    python -m benchmarks.throughput cnn --reach     the time to reach the baseline's validation score, default pruner

Every side runs in a process of its own, one after the other, with the whole machine to itself: hpo as it comes (one
worker a core), the others with TensorFlow's own threads. Rates are trials over the seconds from the first trial's start
to the last one's end; start-up stands beside. KerasTuner comes with the extra `dev`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks import TASKS
from hpo.study.registry import load

SIDES = ("hpo", "optuna", "kerastuner")


def configurations(definition: str, count: int, *, whole_space: bool, seed: int) -> list[dict[str, Any]]:
    """Feasible configurations of the report space, drawn once for all sides; the baseline is the first."""
    study = load(definition)
    rng = np.random.default_rng(seed)
    chosen = [dict(study.baseline().params)]
    while len(chosen) < count:
        params = {
            name: domain.choices[rng.integers(len(domain.choices))] for name, domain in study.space().params.items()
        }
        small = whole_space or params.get("filters", 0) <= 64
        if small and study.infeasible(params) is None and params not in chosen:
            chosen.append(params)
    return chosen


def run_side(side: str, job: dict[str, Any]) -> dict[str, Any]:
    """One side in its own process: {trials: [[start, end, value], …], startup: seconds}."""
    with tempfile.TemporaryDirectory() as folder:
        job_file, result_file = Path(folder) / "job.json", Path(folder) / "result.json"
        job_file.write_text(json.dumps({**job, "folder": folder}))
        command = [sys.executable, "-m", f"benchmarks.sides.{side}", str(job_file), str(result_file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr)
        return dict(json.loads(result_file.read_text()))


def report_rates(results: dict[str, dict[str, Any]]) -> None:
    """Trials an hour of each side, and ours over theirs."""
    rates = {}
    for side, result in results.items():
        starts, ends, _ = zip(*result["trials"], strict=True)
        rates[side] = 3600 * len(starts) / (max(ends) - min(starts))
    for side, rate in rates.items():
        trials = len(results[side]["trials"])
        ratio = f"{rates['hpo'] / rate:6.1f} x" if "hpo" in rates else ""
        print(
            f"{side:12} {trials:3d} trials {rate:9.1f} an hour   start-up {results[side]['startup']:5.1f} s   {ratio}"
        )


def report_reach(results: dict[str, dict[str, Any]], target: float) -> None:
    """Seconds from the command to the first trial at least as good as the baseline."""
    for side, result in results.items():
        reached = result.get("reached")
        said = f"{reached:8.1f} s" if reached is not None else "   not within the limit"
        print(f"{side:12} {said}   after {len(result['trials'])} trials (target {target:.4f})")


def main() -> None:
    """Parse, run the sides in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("definition", choices=("cnn", "fcnn"))
    parser.add_argument("--count", type=int, default=10, help="configurations")
    parser.add_argument("--space", action="store_true", help="draw from the whole report space")
    parser.add_argument("--reach", action="store_true", help="time to the baseline's validation score instead")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds a side may take with --reach")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    arguments = parser.parse_args()
    epochs = TASKS[arguments.definition].epochs
    job: dict[str, Any] = {"definition": arguments.definition, "epochs": epochs, "seed": arguments.seed}
    if arguments.reach:
        baseline = run_side("optuna", {**job, "configurations": [dict(load(arguments.definition).baseline().params)]})
        target = baseline["trials"][0][2]
        job = {**job, "target": target, "limit": arguments.limit}
        report_reach({side: run_side(side, job) for side in arguments.sides}, target)
        return
    job["configurations"] = configurations(
        arguments.definition, arguments.count, whole_space=arguments.space, seed=arguments.seed
    )
    report_rates({side: run_side(side, job) for side in arguments.sides})


if __name__ == "__main__":
    main()
