"""The training engine of this checkout against that of another one, such as the one before a change.

    git worktree add /tmp/before HEAD~1
    python -m benchmarks.before /tmp/before [--rounds 30] [--only fcnn|cnn|dnn]

A process of each checkout, both warm and of one thread, train the same in turns: a short training of the fcnn baseline,
one epoch of the cnn's, one of the dnn guideline's with techniques on. What is told is the ratio of processor seconds,
ours over theirs, its median and quartiles over the rounds: below 1 ours is faster. Beginning a run on a program that is
compiled already, which is what most trials do, is told by itself.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles

HERE = Path(__file__).resolve().parents[1]
WHAT = {"fcnn": 40, "cnn": 1, "dnn": 1}  # epochs


def main() -> int:
    parser = argparse.ArgumentParser(description="The training engine of this checkout against that of another one.")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", choices=tuple(WHAT))
    wanted = parser.parse_args()
    for what in [wanted.only] if wanted.only else WHAT:
        ours, theirs = (started(where, what) for where in (HERE, wanted.checkout.resolve()))
        pairs = []
        for number in range(wanted.rounds):
            first, second = (ours, theirs) if number % 2 else (theirs, ours)
            told = {id(side): trained(side) for side in (first, second)}
            pairs.append((told[id(ours)], told[id(theirs)]))
        for side in (ours, theirs):
            side.communicate()
        for part, name in enumerate(("begun", "trained")):
            ratios = [mine[part] / other[part] for mine, other in pairs]
            low, _, high = quantiles(ratios, n=4)
            seconds = [median(pair[side][part] for pair in pairs) for side in (0, 1)]
            print(
                f"{what:4} {name:7} ours {seconds[0]:.3f} s, theirs {seconds[1]:.3f} s, "
                f"ratio {median(ratios):.2f} (quartiles {low:.2f} to {high:.2f}), {wanted.rounds} rounds"
            )
    return 0


def started(checkout: Path, what: str) -> subprocess.Popen[str]:
    """A process of a checkout that has trained once."""
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, what, "--serve"],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    loaded = Path(json.loads(process.stdout.readline()))
    assert loaded.is_relative_to(checkout), f"hpo was imported from {loaded}, not from {checkout}"
    return process


def trained(side: subprocess.Popen[str]) -> tuple[float, float]:
    """Processor seconds of beginning a run and of training it."""
    assert side.stdin is not None
    assert side.stdout is not None
    side.stdin.write("\n")
    side.stdin.flush()
    begun, seconds = json.loads(side.stdout.readline())
    return begun, seconds


def serve(what: str) -> None:
    """Train once for each line on stdin; nothing here is imported from another checkout than the one on the path."""
    import numpy as np

    import hpo
    from benchmarks import engine
    from hpo.data import kfold
    from hpo.study.registry import load
    from hpo.training import Run, build, configure

    configure(threads=1)
    definition = load(engine.DNN if what == "dnn" else what)
    rows, params = definition.data().development, engine.baseline(definition)
    if what == "fcnn":
        train, held_out = (rows.take(some) for some in kfold(len(rows), 5, seed=0)[0])
    elif what == "cnn":
        train, held_out = rows.take(np.arange(3_000)), None
    else:
        train, held_out = rows.take(np.arange(10_000)), rows.take(np.arange(50_000, 52_000))
        params = {**params, **engine.TECHNIQUES}

    def once() -> tuple[float, float]:
        start = time.process_time()
        run = Run(
            build(definition.build, params, 0), train, held_out, epochs=WHAT[what], metric=definition.metric, seed=0
        )
        begun = time.process_time()
        for _ in range(WHAT[what]):
            run.epoch()
        return begun - start, time.process_time() - begun

    once()
    print(json.dumps(hpo.__file__), flush=True)
    for _ in sys.stdin:
        print(json.dumps(once()), flush=True)


if __name__ == "__main__":
    if sys.argv[2:] == ["--serve"]:
        serve(sys.argv[1])
    else:
        sys.exit(main())
