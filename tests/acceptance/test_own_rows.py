"""Rows as users have them, through the real command: the right numbers, or one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Hpo

BEGIN = """
import numpy as np
from hpo.data import Dataset, Rows
from hpo.study import *
from hpo.training import Recipe

def build(params):
    import keras
    model = keras.Sequential([keras.Input((3,)), keras.layers.Normalization(), keras.layers.Dense(8, "relu"),
                              keras.layers.Dense(2, "softmax")])
    model.compile(optimizer=keras.optimizers.Adam(params["rate"]), loss="sparse_categorical_crossentropy")
    return model

def define(data, **given):
    kept = dict(name="rows", title="Rows", data=data, build=build, metric="Accuracy", direction="maximize",
        spaces=(Space(name="s", params={"rate": Float(low=0.01, high=0.1)}),), evaluation=Holdout(rows=20),
        fidelities=(Fidelity(name="quick", epochs=8),),
        baselines=(Baseline(name="b", title="", params={"rate": 0.05}),))
    return StudyDefinition(**{**kept, **given})

random = np.random.default_rng(0)
X = random.normal(size=(160, 3))
Y = (X[:, 0] > 0).astype(int)
"""
SHUFFLED = """
import pandas as pd

def data():
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(label=Y)
    train, test = frame[40:].reset_index(drop=True).sample(frac=1, random_state=0), frame[:40]
    return (train[["a", "b", "c"]].to_numpy(), train["label"]), (test[["a", "b", "c"]], test["label"])

study = define(data)
"""
HOLED = """
def data():
    x = X.copy()
    x[43, 1] = np.nan
    return Dataset(name="d", development=Rows(x=x[40:], y=Y[40:]), test=Rows(x=x[:40], y=Y[:40]))

study = define(data)
"""
DRIFTING = """
def data():
    order = np.random.permutation(160)  # nobody gave it a seed
    x, y = X[order], Y[order]
    return Dataset(name="d", development=Rows(x=x[40:], y=y[40:]), test=Rows(x=x[:40], y=y[:40]))

study = define(data)
"""
CONTINUOUS = """
def data():
    return Dataset(name="d", development=Rows(x=X[40:], y=X[40:, 0]), test=Rows(x=X[:40], y=X[:40, 0]))

study = define(data, evaluation=Holdout(rows=20, stratified=True))
"""
FROM_ONE = """
def data():
    return Dataset(name="d", development=Rows(x=X[40:], y=Y[40:] + 1), test=Rows(x=X[:40], y=Y[:40] + 1))

study = define(data)
"""

SEARCH = ("optimize", "./rows.py:study", "--fidelity", "quick", "--trials", "2", "--workers", "1")
Write = Callable[[str], None]


@pytest.fixture
def write(folder: Path) -> Write:
    def write(text: str) -> None:
        (folder / "rows.py").write_text(BEGIN + text)

    return write


@pytest.mark.thorough
def test_a_shuffled_series_keeps_its_rows_together(hpo: Hpo, write: Write) -> None:
    write(SHUFFLED)
    done = hpo(*SEARCH, "--seed", "1", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["best"]["value"] > 0.8  # mispaired it is a coin's
    trained = hpo("train", "./rows.py:study", "--config", "best", "--json")
    assert json.loads(trained.out)["test"] > 0.8


TRAIN = ("train", "./rows.py:study", "--config", "b")


@pytest.mark.parametrize(
    ("text", "command", "line"),
    [
        (
            HOLED,
            SEARCH,
            "hpo: 1 cell of 360 in x of the development rows is missing or infinite, the first (nan) in row 3, ",
        ),
        (CONTINUOUS, TRAIN, "hpo: the evaluation is stratified, and y holds "),
    ],
    ids=["a missing cell", "continuous targets"],
)
def test_unusable_rows_are_refused_in_one_line(
    hpo: Hpo, write: Write, text: str, command: tuple[str, ...], line: str
) -> None:
    write(text)
    done = hpo(*command, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith(line), done.err
    assert "Traceback" not in done.err


@pytest.mark.thorough
def test_targets_the_loss_cannot_take_are_reported_at_the_end(hpo: Hpo, write: Write) -> None:
    write(FROM_ONE)
    done = hpo(*SEARCH)
    assert done.code == 1
    assert (
        "2 pruned, the last with infeasible: loss sparse_categorical_crossentropy of 2 outputs takes class numbers"
        in done.err
    )
    assert (
        hpo("train", "./rows.py:study", "--config", "b")
        .err.splitlines()[-1]
        .startswith("hpo: baseline b: infeasible: ")
    )


@pytest.mark.thorough
def test_a_random_split_without_a_seed_is_refused(hpo: Hpo, write: Write) -> None:
    write(DRIFTING)
    both = hpo(*SEARCH, "--trials", "6", "--workers", "2")
    assert both.code == 1
    assert "are not those study 'rows-s-quick' was begun with" in both.err.splitlines()[-1]
    assert "give each random split in data() a seed" in both.err
    alone = hpo(*SEARCH, "--name", "alone")
    assert alone.code == 0, alone.err  # one process, one split
    done = hpo("train", "./rows.py:study", "--config", "best", "--study", "alone")
    assert done.code == 1, done.err
    assert "are not those study 'alone' was begun with" in done.err.splitlines()[-1]
