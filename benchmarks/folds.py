"""Whether to prune a cross-validation fold by fold or with all folds in step: the same curves, judged both ways.

    python -m benchmarks.folds --definition fcnn --fidelity quick --configurations 100

Random configurations are trained on all their folds and every epoch's validation is kept. From these curves follows
what each way would have known, and when: the rank correlation of what is known at a share of a trial's work with its
final value, and what asynchronous halving (one of three goes on) would have spent and found, over many random orders.
The cost of changing from one fold's weights to another's is timed beside.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from scipy.stats import spearmanr

from hpo.errors import Diverged
from hpo.search.pruners import ETA
from hpo.search.row_splits import cut, load
from hpo.search.seeds import derive, fold_seed, trial_seed
from hpo.search.suggest import suggest
from hpo.study import Fidelity, StudyDefinition, registry
from hpo.training import Run, build, configure

Curves = NDArray[np.float64]  # (configurations, folds, epochs) validation metric; inf from where one diverged


def record(definition: StudyDefinition, fidelity: Fidelity, count: int, seed: int) -> Curves:
    """Train `count` random configurations on all their folds, one fold after the other."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    rows = load(definition).development
    curves = []
    for number in range(count):
        params = suggest(definition.space(), study.ask())
        own = trial_seed(seed, number)
        splits = cut(definition, fidelity, rows, seed=derive(own, "folds"))
        curve = np.full((len(splits), fidelity.epochs), np.inf)
        for fold, split in enumerate(splits):
            recipe = build(definition.build, params, fold_seed(own, fold + 1))
            run = Run(recipe, split.train, split.validation, epochs=fidelity.epochs, metric=definition.metric, seed=own)
            try:
                for epoch in range(fidelity.epochs):
                    curve[fold, epoch] = run.epoch().validation
            except Diverged:
                break
        curves.append(curve)
    return np.array(curves)


def switching(definition: StudyDefinition, fidelity: Fidelity, params: Sequence[dict[str, object]]) -> None:
    """Time the folds in step at several block lengths against one fold after the other, the same configurations."""
    rows = load(definition).development
    for block in (1, 2, 5, 10, fidelity.epochs):
        spent = []
        for number, chosen in enumerate(params):
            splits = cut(definition, fidelity, rows, seed=number)
            runs = [
                Run(
                    build(definition.build, chosen, fold),
                    split.train,
                    split.validation,
                    epochs=fidelity.epochs,
                    metric=definition.metric,
                    seed=fold,
                )
                for fold, split in enumerate(splits)
            ]
            begin = time.perf_counter()
            for first in range(0, fidelity.epochs, block):
                for run in runs:
                    for _ in range(first, min(first + block, fidelity.epochs)):
                        run.epoch()
            spent.append(time.perf_counter() - begin)
        print(f"  in step, {block:3} epochs at a time: {np.median(spent):.2f} s a trial")


def halving(
    curves: Curves, final: NDArray[np.float64], rungs: Sequence[tuple[float, Callable[[Curves], NDArray[np.float64]]]]
) -> tuple[float, float]:
    """Mean work of a trial and mean regret of the best found, over random orders; all values to be minimized.

    Args:
        curves: of the configurations.
        final: their values, shape (configurations,).
        rungs: share of the work at which a trial is judged, and what is known of each then.

    """
    known = [(share, value(curves)) for share, value in rungs]
    work, regret = [], []
    for order in (np.random.default_rng(seed).permutation(len(curves)) for seed in range(200)):
        seen: list[list[float]] = [[] for _ in known]
        best, spent = np.inf, 0.0
        for trial in order:
            for rung, (share, values) in enumerate(known):
                seen[rung].append(values[trial])
                place = sorted(seen[rung])[max(len(seen[rung]) // ETA - 1, 0)]
                if values[trial] > place:
                    spent += share
                    break
            else:
                spent += 1.0
                best = min(best, final[trial])
        work.append(spent / len(order))
        regret.append(best - final.min())
    return float(np.mean(work)), float(np.mean(regret))


def main() -> None:
    """Record or load the curves, and print what follows from them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--definition", default="fcnn")
    parser.add_argument("--fidelity", default="quick")
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timed", type=int, default=5, help="configurations to time the change of folds on")
    arguments = parser.parse_args()
    configure(threads=1)
    definition = registry.load(arguments.definition)
    fidelity = definition.fidelity(arguments.fidelity)
    sign = 1.0 if definition.direction == "minimize" else -1.0
    curves = sign * record(definition, fidelity, arguments.configurations, arguments.seed)
    final = curves[:, :, -1].mean(axis=1)
    folds, epochs = curves.shape[1:]
    print(f"{definition.name} {fidelity.name}: {len(curves)} configurations, {folds} folds, {epochs} epochs")

    def in_step(epoch: int) -> Callable[[Curves], NDArray[np.float64]]:
        return lambda c: c[:, :, epoch - 1].mean(axis=1)

    def by_fold(fold: int) -> Callable[[Curves], NDArray[np.float64]]:
        return lambda c: c[:, :fold, -1].mean(axis=1)

    good = final <= np.quantile(final, 0.5)
    print("rank correlation with the final value (all, better half)")
    points = [(e / epochs, f"in step, epoch {e}", in_step(e)) for e in _epochs(epochs)]
    points += [(f / folds, f"by fold, fold {f}", by_fold(f)) for f in range(1, folds)]
    for share, name, value in points:
        known = value(curves)
        both = (spearmanr(np.nan_to_num(a, posinf=1e9), np.nan_to_num(b, posinf=1e9)).statistic
                for a, b in ((known, final), (known[good], final[good])))  # fmt: skip
        print(f"  {share:4.0%} of the work, {name:20} " + "  ".join(f"{rho:.2f}" for rho in both))

    print("asynchronous halving: work of a trial, regret of the best found")
    tenth = max(1, epochs // 10)
    for name, rungs in (
        ("in step at 1/10 and 3/10", [(0.1, in_step(tenth)), (0.3, in_step(3 * tenth))]),
        ("in step at 1/10", [(0.1, in_step(tenth))]),
        ("in step at 1/3", [(1 / 3, in_step(epochs // 3))]),
        ("by fold after the first", [(1 / folds, by_fold(1))]),
    ):
        work, regret = halving(curves, final, rungs)
        print(f"  {name:26} {work:.2f}  {regret:.3f} {definition.unit}")

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=arguments.seed))
    steady = [number for number in range(len(curves)) if np.isfinite(final[number])]
    drawn = [suggest(definition.space(), study.ask()) for _ in range(len(curves))]
    switching(definition, fidelity, [drawn[number] for number in steady[: arguments.timed]])


def _epochs(epochs: int) -> list[int]:
    return sorted({max(1, epochs * tenths // 10) for tenths in (1, 2, 3, 5, 7)})


if __name__ == "__main__":
    main()
