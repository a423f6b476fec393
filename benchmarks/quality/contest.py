"""Searches of real networks side by side, each with the same time; what each names is trained again by a referee.

    python -m benchmarks.quality.contest [--seconds 200] [--seeds 3] [--trials 100] [--only SIDE ...]

The report's networks of at most 32 filters on a tenth of Fashion-MNIST. The sides, one after the other, each with the
whole machine: hpo as it comes, climbing; hpo at full with asha, as it was; KerasTuner's Hyperband over `model.fit`.
`--trials` is what hpo draws where it climbs, and should take it about as long. Told of each side and seed: the accuracy
on the test rows, which no side has seen, of what it named, trained by the referee with three seeds on rows of their own
each; the hand-picked configuration likewise. KerasTuner comes with the extra `dev`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from hpo.search import measure
from hpo.search.row_splits import cut, load
from hpo.search.seeds import derive
from hpo.study import Categorical, Fidelity, Holdout, Params, Space, StudyDefinition
from hpo.training import configure
from studies.cnn import study as cnn

__all__ = ["small_cnn"]

_REPORT = cnn.space("report")

small_cnn: StudyDefinition = replace(
    cnn,
    name="small-cnn",
    spaces=(Space(name="small", params={**_REPORT.params, "filters": Categorical(choices=(4, 8, 16, 32))}),),
    evaluation=Holdout(rows=10_000, stratified=True),
    fidelities=(  # cnn's, on a tenth of its rows
        Fidelity(name="quick", epochs=3, rows=1_000, trial_seconds=2),
        Fidelity(name="middle", epochs=5, rows=2_000, trial_seconds=4),
        Fidelity(name="full", epochs=8, rows=5_000, trial_seconds=15),
    ),
    sweeps=(),
    claims=(),
)
REFERENCE = "benchmarks.quality.contest:small_cnn"
REFEREE = 3  # trainings of everything that was named


def ladder(seed: int, wanted: argparse.Namespace, folder: str) -> Params:
    """As it comes, with a number of trials that takes about the time there is."""
    return _optimize(seed, folder, ["--trials", str(wanted.trials), "--timeout", str(wanted.seconds)])


def asha(seed: int, wanted: argparse.Namespace, folder: str) -> Params:
    """Everything at full, halved by asha, as many as the time allows."""
    options = ["--fidelity", "full", "--pruner", "asha", "--trials", "10000", "--timeout", str(wanted.seconds)]
    return _optimize(seed, folder, options)


def kerastuner(seed: int, wanted: argparse.Namespace, folder: str) -> Params:
    """Its Hyperband with `model.fit`, TensorFlow's own threads; told where the time is over."""
    full = small_cnn.fidelities[-1]
    job = {"definition": "small-cnn", "epochs": full.epochs, "seed": seed, "folder": folder}
    job_file, result_file = Path(folder) / "job.json", Path(folder) / "result.json"
    job_file.write_text(json.dumps({**job, "target": 2.0, "limit": wanted.seconds}))  # no accuracy is as good as that
    command = [sys.executable, "-m", "benchmarks.sides.kerastuner", str(job_file), str(result_file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found: Params = json.loads(result_file.read_text())["best"]
    return found


SIDES: dict[str, Callable[[int, argparse.Namespace, str], Params]] = {
    "hpo, climbing": ladder,
    "hpo at full, asha": asha,
    "KerasTuner's Hyperband": kerastuner,
}


def _optimize(seed: int, folder: str, options: list[str]) -> Params:
    storage = ["--storage", f"sqlite:///{folder}/hpo.db"]
    command = [sys.executable, "-m", "hpo", "optimize", REFERENCE, "--name", "contest"]
    command += ["--seed", str(seed), *options, *storage]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    best = [sys.executable, "-m", "hpo", "best", "contest", "--json", *storage]
    found: dict[str, Any] = json.loads(subprocess.run(best, check=True, capture_output=True).stdout)
    params: Params = found["params"]
    return params


def referee(params: Params) -> list[float]:
    """Accuracies on the test rows of trainings at full, with seeds and rows that no search has used."""
    data, full = load(small_cnn), small_cnn.fidelities[-1]
    values = []
    for number in range(REFEREE):
        seed = derive(0, "referee", number)
        rows = cut(small_cnn, full, data.development, seed=seed)[0].train
        values.append(measure(small_cnn, params, fidelity=full, seed=seed, rows=(rows, data.test)).test)
    return values


def main() -> int:
    parser = argparse.ArgumentParser(description="Searches of real networks side by side, each with the same time.")
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=100, help="drawn by hpo where it climbs")
    parser.add_argument("--only", nargs="+", choices=tuple(SIDES), default=tuple(SIDES))
    wanted = parser.parse_args()
    named: dict[str, list[Params]] = {side: [] for side in wanted.only}
    for seed in range(wanted.seeds):
        for side in wanted.only:
            with tempfile.TemporaryDirectory() as folder:
                start = time.monotonic()
                named[side].append(SIDES[side](seed, wanted, folder))
                print(f"seed {seed}, {side}: {time.monotonic() - start:.0f} s", flush=True)
    configure()
    hand = referee(small_cnn.baseline().params)
    print(f"| the hand-picked configuration | {fmean(hand):.4f} ± {stdev(hand):.4f} |")
    for side, found in named.items():
        means = [fmean(referee(params)) for params in found]
        print(f"| {side} | {', '.join(f'{mean:.4f}' for mean in means)}; mean {fmean(means):.4f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
