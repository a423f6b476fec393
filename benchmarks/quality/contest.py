"""Searches of real networks side by side, each with the same time; what each names is trained again by a referee.

    python -m benchmarks.quality.contest [--seconds 200] [--seeds 3] [--trials 100] [--part tenth] [--only SIDE ...]

The report's networks of at most 32 filters on a tenth of Fashion-MNIST, or on a fifth, judged by 10,000 pictures, or,
of the scaled tenth, by 1,000. The sides, one after the other, each with the whole machine: hpo as it comes, climbing;
hpo at full with asha, as it was; KerasTuner's Hyperband over `model.fit`. `--trials` is what hpo draws where it climbs,
and should take it about as long. Told of each side and seed: the accuracy on the test rows, which no side has seen, of
what it named, trained by the referee with three seeds on rows of their own each; the hand-picked configuration
likewise. KerasTuner comes with the extra `dev`.
"""

import argparse
import json
import multiprocessing
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

__all__ = ["small_cnn", "small_cnn_fifth", "small_cnn_scaled"]

_REPORT = cnn.space("report")


def _small(name: str, times: int, *, judged: int = 10_000) -> StudyDefinition:
    """The report's networks of at most 32 filters, with cnn's fidelities on so many times 5,000 pictures at full.

    `judged` is the number of validation pictures.
    """
    return replace(
        cnn,
        name=name,
        spaces=(Space(name="small", params={**_REPORT.params, "filters": Categorical(choices=(4, 8, 16, 32))}),),
        evaluation=Holdout(rows=judged, stratified=True),
        fidelities=(
            Fidelity(name="quick", epochs=3, rows=1_000 * times, trial_seconds=2.0 * times),
            Fidelity(name="middle", epochs=5, rows=2_000 * times, trial_seconds=4.0 * times),
            Fidelity(name="full", epochs=8, rows=5_000 * times, trial_seconds=15.0 * times),
        ),
        sweeps=(),
        claims=(),
    )


small_cnn = _small("small-cnn", 1)
small_cnn_fifth = _small("small-cnn-fifth", 2)
small_cnn_scaled = _small("small-cnn-scaled", 1, judged=1_000)
# Of Fashion-MNIST, by the definition of this module; of a scaled tenth the validation rows are a tenth as well.
PARTS = {"tenth": "small_cnn", "fifth": "small_cnn_fifth", "scaled-tenth": "small_cnn_scaled"}
REFEREE = 3  # trainings of everything that was named


def ladder(seed: int, wanted: argparse.Namespace, folder: str) -> Params:
    """As it comes, with a number of trials that takes about the time there is."""
    return _optimize(seed, wanted, folder, ["--trials", str(wanted.trials)])


def asha(seed: int, wanted: argparse.Namespace, folder: str) -> Params:
    """Everything at full, halved by asha, as many as the time allows."""
    return _optimize(seed, wanted, folder, ["--fidelity", "full", "--pruner", "asha", "--trials", "10000"])


def kerastuner(seed: int, wanted: argparse.Namespace, folder: str) -> Params:
    """Its Hyperband with `model.fit`, TensorFlow's own threads; told where the time is over."""
    definition = wanted.definition
    full = definition.fidelities[-1]
    job = {"definition": definition.name, "epochs": full.epochs, "seed": seed, "folder": folder}
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


def _optimize(seed: int, wanted: argparse.Namespace, folder: str, options: list[str]) -> Params:
    storage = ["--storage", f"sqlite:///{folder}/hpo.db"]
    reference = f"benchmarks.quality.contest:{PARTS[wanted.part]}"
    command = [sys.executable, "-m", "hpo", "optimize", reference, "--name", "contest", "--seed", str(seed)]
    command += ["--timeout", str(wanted.seconds), *options, *storage]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    best = [sys.executable, "-m", "hpo", "best", "contest", "--json", *storage]
    found: dict[str, Any] = json.loads(subprocess.run(best, check=True, capture_output=True).stdout)
    params: Params = found["params"]
    return params


def referee(job: tuple[str, int, Params]) -> float:
    """Accuracy on the test rows of a training at full, with a seed and rows that no search has used."""
    part, number, params = job
    definition = globals()[PARTS[part]]
    configure(threads=1)
    data, full = load(definition), definition.fidelities[-1]
    seed = derive(0, "referee", number)
    rows = cut(definition, full, data.development, seed=seed)[0].train
    return measure(definition, params, fidelity=full, seed=seed, rows=(rows, data.test)).test


def main() -> int:
    parser = argparse.ArgumentParser(description="Searches of real networks side by side, each with the same time.")
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=100, help="drawn by hpo where it climbs")
    parser.add_argument("--part", choices=tuple(PARTS), default="tenth", help="of Fashion-MNIST")
    parser.add_argument("--only", nargs="+", choices=tuple(SIDES), default=tuple(SIDES))
    wanted = parser.parse_args()
    wanted.definition = globals()[PARTS[wanted.part]]
    named: dict[str, list[Params]] = {side: [] for side in wanted.only}
    for seed in range(wanted.seeds):
        for side in wanted.only:
            with tempfile.TemporaryDirectory() as folder:
                start = time.monotonic()
                named[side].append(SIDES[side](seed, wanted, folder))
                print(f"seed {seed}, {side}: {time.monotonic() - start:.0f} s", flush=True)
    everything = [wanted.definition.baseline().params, *(params for found in named.values() for params in found)]
    jobs = [(wanted.part, number, params) for params in everything for number in range(REFEREE)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        values = pool.map(referee, jobs, chunksize=1)
    hand, *others = (values[start : start + REFEREE] for start in range(0, len(values), REFEREE))
    print(f"| the hand-picked configuration | {fmean(hand):.4f} ± {stdev(hand):.4f} |")
    for side, found in named.items():
        means = [fmean(others.pop(0)) for _ in found]
        print(f"| {side} | {', '.join(f'{mean:.4f}' for mean in means)}; mean {fmean(means):.4f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
