"""What it costs to score the validation rows after every epoch: the same trainings with all scored, and the last alone.

    python -m benchmarks.scored [--pairs 5] [--only cnn:quick ...]

The baseline of each definition at some of its fidelities, on one split, warm and in turns; told are the medians of
processor seconds and of the pairs' ratio, with its range. A trial below the highest rung that no pruner judges is
scored after its last epoch alone, one of many epochs after those it reports.
"""

import argparse
import sys
from statistics import median
from time import process_time

from hpo.search.row_splits import Split, cut, load
from hpo.search.trainings import recipe
from hpo.study import Fidelity, StudyDefinition, registry
from hpo.training import Run, configure

TASKS = ("cnn:quick", "cnn:middle", "cnn:full", "dnn:quick", "fcnn:full", "benchmarks.quality.contest:small_cnn:quick")


def seconds(definition: StudyDefinition, fidelity: Fidelity, split: Split, *, every: bool) -> float:
    """Processor seconds of one training, without compiling."""
    made = recipe(definition, definition.baseline().params, split.inputs, seed=0)
    run = Run(
        made, split.train, split.validation, epochs=fidelity.epochs, metric=definition.metric, seed=0, full=split.full
    )
    start = process_time()
    for _ in range(fidelity.epochs):
        run.epoch(scored=every)
    return process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description="What it costs to score the validation rows after every epoch.")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=TASKS, help="DEFINITION:FIDELITY")
    wanted = parser.parse_args()
    configure(threads=1)
    print("| | every epoch scored | the last alone | ratio (range) |")
    print("| --- | --- | --- | --- |")
    for task in wanted.only:
        name, _, fidelity_name = task.rpartition(":")
        definition = registry.load(name)
        fidelity = definition.fidelity(fidelity_name)
        split = cut(definition, fidelity, load(definition).development, seed=0)[0]
        seconds(definition, fidelity, split, every=True)  # compiles
        pairs = [
            (seconds(definition, fidelity, split, every=True), seconds(definition, fidelity, split, every=False))
            for _ in range(wanted.pairs)
        ]
        ratios = [every / last for every, last in pairs]
        times = " | ".join(f"{median(side):.2f} s" for side in zip(*pairs, strict=True))
        print(f"| {task} | {times} | {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
