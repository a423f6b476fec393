"""The table that the replays read: every configuration of the task at every fidelity, with several seeds.

    python -m benchmarks.quality.table train --seeds 3    trains what is missing (an hour on two cores)
    python -m benchmarks.quality.table show               what the table says of the task

Every fidelity and seed that the table does not hold wholly is a grid search of hpo's own, kept in a database, so the
same command goes on where it was stopped. Trials of one seed are judged by the same validation rows, and those of
another by others.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import TrialState
from scipy.stats import kendalltau

from benchmarks.quality.task import GUIDELINE, dense
from hpo.study import Params

__all__ = ["FIDELITIES", "FILE", "Table"]

FILE = Path(__file__).with_name("table.csv")
FIDELITIES = tuple(fidelity.name for fidelity in dense.fidelities)
_WORK = {each.name: each.epochs * (each.rows or 0) for each in dense.fidelities}  # pictures trained on


@dataclass(frozen=True)
class Table:
    """What every configuration came to, by seed and epoch; NaN where a training left the finite numbers."""

    curves: Mapping[str, NDArray[np.float64]]  # fidelity -> (configurations, seeds, epochs) validation accuracy
    tuned: bool = False  # whether the hand-picked configuration is the guideline tuned, or the guideline

    @staticmethod
    def configurations() -> list[Params]:
        """All of the task's, in the order of the table's rows."""
        return list(dense.space().configurations())

    @cached_property
    def hand(self) -> int:
        """The row of the hand-picked configuration: the guideline, or the guideline tuned by hand.

        One thing after the other, as the report's tables do it: each choice trained once in full, the best kept.
        """
        rows = {json.dumps(params, sort_keys=True): row for row, params in enumerate(self.configurations())}
        once = np.nan_to_num(self.curves["full"][:, 0, -1])
        chosen = dict(GUIDELINE)
        for name, domain in dense.space().params.items() if self.tuned else ():
            tried = [{**chosen, name: choice} for choice in domain.choices]  # type: ignore[union-attr]  # categorical
            chosen = max(tried, key=lambda params: once[rows[json.dumps(params, sort_keys=True)]])
        return rows[json.dumps(chosen, sort_keys=True)]

    @property
    def seeds(self) -> int:
        """How often each configuration was trained at each fidelity."""
        return self.curves["full"].shape[1]

    @cached_property
    def truth(self) -> NDArray[np.float64]:
        """The mean accuracy of each configuration trained in full, over the seeds; 0 where one diverged."""
        return np.nan_to_num(self.curves["full"][:, :, -1]).mean(axis=1)

    @staticmethod
    def work(fidelity: str) -> float:
        """Of one training, in trainings at full."""
        return _WORK[fidelity] / _WORK["full"]

    @classmethod
    def read(cls, *, tuned: bool = False) -> "Table":
        """The table that `train` wrote."""
        found: dict[str, dict[tuple[int, int], list[float]]] = {name: {} for name in FIDELITIES}
        with FILE.open() as lines:
            for line in csv.DictReader(lines):
                place = int(line["configuration"]), int(line["seed"])
                found[line["fidelity"]][place] = [float(value) for value in line["accuracy"].split()]
        size = len(cls.configurations())
        curves = {}
        for fidelity in dense.fidelities:
            seeds = 1 + max(seed for _, seed in found[fidelity.name])
            curves[fidelity.name] = np.full((size, seeds, fidelity.epochs), np.nan)
            for (row, seed), values in found[fidelity.name].items():
                curves[fidelity.name][row, seed, : len(values)] = values
        return cls(curves=curves, tuned=tuned)


def train(storage: str, seeds: int, workers: int, held: Sequence[tuple[int, str, int, str]]) -> None:
    """Run the grid searches of which rows are missing, one seed after the other."""
    size = len(Table.configurations())
    rows_held = Counter((fidelity, seed) for _, fidelity, seed, _ in held)
    for seed in range(seeds):
        for fidelity in FIDELITIES:
            if rows_held[fidelity, seed] == size:
                continue
            command = [sys.executable, "-m", "hpo", "optimize", "benchmarks.quality.task:dense", "--trials", str(size)]
            command += ["--fidelity", fidelity, "--sampler", "grid", "--pruner", "none", "--no-baseline"]
            command += ["--seed", str(seed), "--name", _study(fidelity, seed)]
            subprocess.run([*command, "--storage", storage, "--workers", str(workers)], check=True)


def rows(storage: str) -> Iterator[tuple[int, str, int, str]]:
    """Configuration, fidelity, seed and the accuracies by epoch, of every training in the database."""
    place = {json.dumps(params, sort_keys=True): row for row, params in enumerate(Table.configurations())}
    for name in optuna.get_all_study_names(storage):
        fidelity, _, seed = name.partition("-")
        study = optuna.load_study(study_name=name, storage=storage)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
            row = place[json.dumps(trial.params, sort_keys=True)]
            curve = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
            yield row, fidelity, int(seed), " ".join(f"{value:.4f}" for value in curve)


def held_rows() -> list[tuple[int, str, int, str]]:
    """The same of every training that the table holds."""
    with FILE.open() as lines:
        return [
            (int(line["configuration"]), line["fidelity"], int(line["seed"]), line["accuracy"])
            for line in csv.DictReader(lines)
        ]


def show(table: Table) -> None:
    """Say how good the hand-picked configuration is, and how well each fidelity foretells the highest."""
    truth, hand = table.truth, table.hand
    rank = 1 + int((truth > truth[hand]).sum())
    kind = "tuned" if table.tuned else "as the guideline has it"
    print(f"{len(truth)} configurations, {table.seeds} seeds; the hand's, {kind}, is {rank} at full: {truth[hand]:.4f}")
    print(f"the best {truth.max():.4f}, the median {np.median(truth):.4f}")
    print(f"spread of one training at full over seeds: {table.curves['full'][:, :, -1].std(axis=1).mean():.4f}")
    for name in FIDELITIES[:-1]:
        seen = np.nan_to_num(table.curves[name][:, :, -1])
        taus = [kendalltau(seen[:, seed], truth).statistic for seed in range(table.seeds)]
        ranks = [1 + int((seen[:, seed] > seen[hand, seed]).sum()) for seed in range(table.seeds)]
        print(f"{name}: tau with full {', '.join(f'{tau:.2f}' for tau in taus)}; the hand is {ranks} there")
    for epoch in (1, 3, 6):
        seen = np.nan_to_num(table.curves["full"][:, 0, epoch - 1])
        print(f"after {epoch} of full's own epochs: tau {kendalltau(seen, truth).statistic:.2f}")
    _behind(table)


def _behind(table: Table) -> None:
    """Say what stopping a training that is behind the hand's curve would do: whom it would hit, and by how much."""
    curves = np.nan_to_num(table.curves["full"][:, 0])
    ahead = curves[:, -1] > curves[table.hand, -1]  # in the end
    for epoch in (4, 6, 8, 10):
        lag = curves[table.hand, epoch - 1] - curves[:, epoch - 1]
        better, worse = lag[ahead], lag[~ahead]
        most = max(better.max(initial=0.0), 0.0)
        print(
            f"after {epoch} of {curves.shape[1]} epochs {(better > 0).sum()} of {len(better)} that end ahead of the "
            f"hand's are behind it, by {most:.4f} at most; of the {len(worse)} others {(worse > most).sum()} by more"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="The table that the replays read.")
    parser.add_argument("what", choices=("train", "show"))
    parser.add_argument("--storage", default="sqlite:///table.db")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    if wanted.what == "train":
        held = held_rows()
        train(wanted.storage, wanted.seeds, wanted.workers, held)
        with FILE.open("w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(("configuration", "fidelity", "seed", "accuracy"))
            writer.writerows(sorted({row[:3]: row for row in (*held, *rows(wanted.storage))}.values()))
    for tuned in (False, True):
        show(Table.read(tuned=tuned))
    return 0


def _study(fidelity: str, seed: int) -> str:
    return f"{fidelity}-{seed}"


if __name__ == "__main__":
    sys.exit(main())
