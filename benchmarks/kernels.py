"""TensorFlow's two sets of kernels for a processor: oneDNN's, which hpo asks for, against those that are its own.

    python -m benchmarks.kernels [--pairs 5] [--only NAME]

Two processes of one thread, one with TF_ENABLE_ONEDNN_OPTS=1 and one with 0, train the same epochs of one network in
turns, both warm. What is told is the processor seconds of each, medians, and the ratio, its median and range over the
pairs: above 1 oneDNN's are faster. Where TensorFlow takes oneDNN's of itself, that is said first.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any, NamedTuple


class Case(NamedTuple):
    """What is trained: a definition's baseline, or a configuration of its space `wide`, on so many rows."""

    definition: str
    wide: dict[str, Any] | None
    rows: int
    epochs: int


_CNN_WIDE = {
    "kernel_size": 3,
    "padding": "same",
    "hidden_units": 128,
    "dropout": 0.3,
    "optimizer": "adam",
    "adaptive_rate": 0.003,
    "schedule": "cosine",
    "average": 0,
    "label_smoothing": 0.1,
    "augmentation": "flip",
}
CASES = {
    "cnn's report": Case("cnn", None, 3_200, 1),
    "cnn, two convolutions with batch normalization": Case(
        "cnn",
        {
            **_CNN_WIDE,
            "conv_layers": 2,
            "convolutions": 1,
            "filters": 57,
            "filters_2": 29,
            "batch_norm": True,
            "batch_size": 32,
        },
        1_600,
        1,
    ),
    "cnn, two convolutions a block, batches of 256": Case(
        "cnn",
        {**_CNN_WIDE, "conv_layers": 1, "convolutions": 2, "filters": 32, "batch_norm": False, "batch_size": 256},
        3_200,
        1,
    ),
    "dnn's guideline": Case("dnn", None, 6_000, 2),
    "fcnn's report": Case("fcnn", None, 323, 100),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="TensorFlow's two sets of kernels for a processor.")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", choices=tuple(CASES))
    parser.add_argument("--serve", choices=tuple(CASES), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        _serve(CASES[wanted.serve])
        return
    print(f"taken by TensorFlow itself on this processor: {'oneDNN' if _own_choice() else 'its own'}")
    for name in [wanted.only] if wanted.only else CASES:
        sides = [_started(name, asked) for asked in ("1", "0")]
        pairs = []
        for number in range(wanted.pairs):
            order = sides if number % 2 else sides[::-1]
            told = {id(side): _trained(side) for side in order}
            pairs.append([told[id(side)] for side in sides])
        for side in sides:
            side.communicate()
        ours, theirs = (median(pair[side] for pair in pairs) for side in (0, 1))
        ratios = sorted(other / mine for mine, other in pairs)
        print(
            f"{name}: oneDNN {ours:.2f} s, its own {theirs:.2f} s, "
            f"ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )


def _own_choice() -> bool:
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    code = "from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1] == "True"


def _started(name: str, asked: str) -> subprocess.Popen[str]:
    """A process with these kernels that has trained once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kernels", "--serve", name],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": asked},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _trained(side: subprocess.Popen[str]) -> float:
    """Processor seconds of training once."""
    assert side.stdin is not None
    assert side.stdout is not None
    side.stdin.write("\n")
    side.stdin.flush()
    return float(json.loads(side.stdout.readline()))


def _serve(case: Case) -> None:
    """Train once, and once more for each line on stdin."""
    import numpy as np

    from hpo.study.registry import load
    from hpo.training import Run, build, configure

    configure(threads=1)
    definition = load(case.definition)
    rows = definition.data().development.take(np.arange(case.rows))
    params = case.wide or definition.baseline().params_in(definition.space().name)

    def train() -> float:
        recipe = build(definition.build, params, 0)
        run = Run(recipe, rows, None, epochs=case.epochs, metric=definition.metric, seed=0)
        begun = time.process_time()
        for _ in range(case.epochs):
            run.epoch()
        return time.process_time() - begun

    train()
    print(flush=True)
    for _ in sys.stdin:
        print(json.dumps(train()), flush=True)


if __name__ == "__main__":
    main()
