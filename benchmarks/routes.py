"""How much slower Keras's own fit is than the compiled loop: the same recipes on the same rows, both ways, in turn.

    python -m benchmarks.routes

Each recipe is trained by the compiled loop and, with a callback that does nothing, by fit, in pairs that begin with the
one and the other in turn. An epoch's time is the fastest of all but the first, which compiles; the ratio is the median
of the pairs, with the least and the largest, so that what else the machine does matters little. One thread, as a worker
has.
"""

import argparse
import statistics
import warnings
from typing import Any

import numpy as np

from hpo.data import Rows
from hpo.training import Recipe, build, configure

ROWS = {"dense": (2000, (20,)), "convolutional": (500, (28, 28, 1)), "recurrent": (500, (30, 8))}


def made(kind: str) -> Rows:
    """Random rows."""
    random = np.random.default_rng(0)
    number, shape = ROWS[kind]
    return Rows(x=random.normal(size=(number, *shape)).astype("float32"), y=random.integers(0, 2, number))


def recipe(given: tuple[str, bool]) -> Recipe:
    """A network of that kind, to be trained by fit or not."""
    import keras

    kind, by_fit = given
    layers: dict[str, list[Any]] = {
        "dense": [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")],
        "convolutional": [
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
        ],
        "recurrent": [keras.layers.LSTM(32)],
    }
    return Recipe(
        model=keras.Sequential([keras.Input(ROWS[kind][1]), *layers[kind], keras.layers.Dense(2, "softmax")]),
        optimizer=keras.optimizers.Adam(1e-3),
        loss="sparse_categorical_crossentropy",
        callbacks=(keras.callbacks.Callback(),) if by_fit else (),
    )


def seconds(kind: str, *, by_fit: bool, epochs: int) -> tuple[float, float]:
    """Of one training: until its first epoch is over, and the fastest of the others."""
    from hpo.training import Run

    rows = made(kind)
    validation = rows.take(np.arange(0, len(rows), 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Run(build(recipe, (kind, by_fit), 0), rows, validation, epochs=epochs, metric="accuracy", seed=0)
    taken = [run.epoch().seconds for _ in range(epochs)]
    return run.compile_seconds + taken[0], min(taken[1:])


def main() -> None:
    """Both ways in turn, of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    configure(threads=1)
    print(f"{'ms an epoch':15}{'loop':>9}{'fit':>9}{'ratio, median (range)':>25}{'begin, loop':>14}{'begin, fit':>12}")
    for kind in ROWS:
        pairs = [_pair(kind, arguments.epochs, fit_first=bool(number % 2)) for number in range(arguments.pairs)]
        ratios = sorted(fit / loop for (_, loop), (_, fit) in pairs)
        (first, loop), (first_fit, fit) = (
            [statistics.median(pair[way][part] for pair in pairs) for part in (0, 1)] for way in (0, 1)
        )
        ratio = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f}-{ratios[-1]:.1f})"
        print(f"{kind:15}{loop * 1e3:9.1f}{fit * 1e3:9.1f}{ratio:>25}{first:12.1f} s{first_fit:10.1f} s", flush=True)


def _pair(kind: str, epochs: int, *, fit_first: bool) -> list[tuple[float, float]]:
    """What the loop takes, and what fit does."""
    found = [seconds(kind, by_fit=by_fit, epochs=epochs) for by_fit in (fit_first, not fit_first)]
    return found[::-1] if fit_first else found


if __name__ == "__main__":
    main()
