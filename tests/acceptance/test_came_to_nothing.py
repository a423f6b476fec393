"""A search of which nothing came, for real: it ends with exit code 1 and the reason, and is compared with nothing."""

import json
from pathlib import Path

import pytest
from command import Hpo

DIVERGES = """
import numpy as np
from hpo.data import Dataset, Rows
from hpo.study import *
from hpo.training import Recipe

def data():
    x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    return Dataset(name="line", development=Rows(x=x[20:], y=x[20:, 0]), test=Rows(x=x[:20], y=x[:20, 0]))

def build(params):
    import keras
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    return Recipe(model=model, optimizer=keras.optimizers.SGD(params["rate"]), loss="mse", batch_size=8)

study = StudyDefinition(
    name="wild", title="Wild", data=data, build=build, metric="mae", direction="minimize",
    spaces=(Space(name="s", params={"rate": Float(low=1e30, high=1e31, log=True)}),), evaluation=Holdout(rows=10),
    fidelities=(Fidelity(name="quick", epochs=4),), baselines=(Baseline(name="b", title="", params={"rate": 2e30}),),
    infeasible=lambda params: None,
)
"""
INFEASIBLE = DIVERGES.replace("infeasible=lambda params: None", 'infeasible=lambda params: "far too wild"')


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("definition", "reason"),
    [(DIVERGES, "diverged: "), (INFEASIBLE, "infeasible: far too wild")],
    ids=["diverges", "infeasible"],
)
def test_a_search_without_a_complete_trial_exits_1_with_the_reason(
    hpo: Hpo, folder: Path, definition: str, reason: str
) -> None:
    (folder / "wild.py").write_text(definition)
    line = f"hpo: no trial of wild-s-quick is complete: 2 pruned, the last with {reason}"
    for _ in range(2):  # made, and asked for again
        done = hpo("optimize", "./wild.py:study", "--fidelity", "quick", "--trials", "2", "--workers", "1", "--json")
        assert done.code == 1
        assert done.err.splitlines()[-1].startswith(line), done.err
        assert json.loads(done.out)["nothing_complete"]["why"].startswith(f"2 pruned, the last with {reason}")
    told = hpo("status", "wild")
    assert told.code == 0
    assert f"failed: no trial is complete: 2 pruned, the last with {reason}" in told.out
    assert hpo("best", "wild").err.splitlines()[0].startswith(line)
    compared = hpo("compare", "wild", "--require", "better")
    assert (compared.code, compared.out) == (1, "")
