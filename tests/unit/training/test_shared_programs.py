"""A run in a program that another has trained in before is the run by itself: nothing of the other's is left in it."""

from typing import Any

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.training import (
    AlphaDropout,
    Clip,
    Dropout,
    EarlyStopping,
    Penalty,
    Performance,
    Phase,
    Recipe,
    Run,
    activation,
    build,
    hidden,
    optimizer,
)
from hpo.training.compiled_program import programs

random = np.random.default_rng(0)
X = random.normal(3, 5, (70, 4)).astype(np.float32)
Y = (X[:, 0] - X[:, 1]).astype(np.float32)
TRAIN, VALIDATION = Rows(x=X[:45], y=Y[:45]), Rows(x=X[45:], y=Y[45:])


def everything(kind: str, more: float, seed: int) -> Run:
    """All that a program keeps in variables or a run in counters, each number larger by the factor `more`."""

    def made(_: None) -> Recipe:
        towers = [
            [
                *hidden(6, activation("elu", alpha=1.5 * more), normalization="before", name="first"),
                Dropout(0.1 * more),
            ],
            [*hidden(5, activation("leaky_relu", slope=0.02 * more), name="second"), AlphaDropout(0.1 * more)],
            [*hidden(4, activation("prelu"), normalization="after", name="third")],
        ]
        layers = [layer for tower in towers for layer in tower]
        return Recipe(
            model=keras.Sequential([keras.Input((4,)), keras.layers.Normalization(), *layers, keras.layers.Dense(1)]),
            optimizer=optimizer(kind, learning_rate=0.01 * more),
            loss="mse",
            batch_size=16,
            clip=Clip(by="norm", threshold=0.5 * more),
            penalty=Penalty(l1=1e-4 * more, l2=1e-3 * more),
            max_norm=1.5 * more,
            average=0.4 * more,
            schedule=Performance(patience=1, min_delta=0.3),
            stopping=EarlyStopping(patience=5, min_delta=0.1),
            phases=(Phase(epochs=2, frozen=("first", "second")), Phase()),
        )

    return Run(build(made, None, seed), TRAIN, VALIDATION, epochs=5, metric="mae", seed=seed)


def trained(run: Run) -> list[Any]:
    curve = []
    while not run.stopped and run.epochs_done < 5:
        epoch = run.epoch()
        curve.append((epoch.loss, epoch.train, epoch.validation))
    return [curve, run._schedules.rate.tolist(), *(weights.tolist() for weights in run.model().get_weights())]


_MORE = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("adamw", "nadam", "adagrad", "adadelta")]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["nesterov", *_MORE])
def test_a_shared_program_leaks_nothing_between_runs(kind: str) -> None:
    programs.clear()
    alone = trained(everything(kind, 1.0, seed=1))
    programs.clear()
    trained(everything(kind, 2.0, seed=2))
    compiled = len(programs)
    assert trained(everything(kind, 1.0, seed=1)) == alone
    assert len(programs) == compiled == 2  # one a phase, and none for other numbers
