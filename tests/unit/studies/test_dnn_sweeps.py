"""The tables of dnn: each technique by itself, from each guideline, at each depth."""

import pytest

from hpo.study import Sweep
from studies.dnn import study
from studies.dnn.sweeps import DEPTHS, guideline, self_normalizing

FROM_BOTH = (
    "initializer",
    "activation",
    "clipping",
    "optimizer",
    "schedule",
    "penalty",
    "dropout",
    "max-norm",
    "early-stopping",
)
NORMALIZING = ("batch-norm", "inputs")  # which a self-normalizing network does by itself
OF = {
    "initializer": {"initializer", "lecun"},
    "activation": {"activation", "slope", "initializer", "lecun", "inputs", "batch_norm"},
    "batch-norm": {"batch_norm"},
    "inputs": {"inputs"},
    "clipping": {"clipping"},
    "optimizer": {"optimizer", "learning_rate"},
    "schedule": {"schedule"},
    "penalty": {"penalty", "l1", "l2"},
    "dropout": {"dropout", "input_dropout"},
    "max-norm": {"constraint"},
    "early-stopping": {"early_stopping"},
    "layers": {"hidden_layers", "batch_norm"},  # the guideline normalizes batches where the network is deep
}
"""Technique -> the parameters its tables may vary."""


def technique(sweep: Sweep) -> str:
    return next(name for name in OF if sweep.id.startswith(f"{name}-"))


def test_each_technique_from_each_guideline_at_each_depth() -> None:
    expected = {
        *(f"{name}-{start}-{depth}" for name in FROM_BOTH for start in _names() for depth in DEPTHS),
        *(f"{name}-guideline-{depth}" for name in NORMALIZING for depth in DEPTHS),
        *(f"layers-{start}" for start in _names()),
    }
    assert {sweep.id for sweep in study.sweeps} == expected


def _names() -> list[str]:
    return [baseline.name for baseline in study.baselines]


@pytest.mark.parametrize("sweep", study.sweeps, ids=lambda sweep: sweep.id)
def test_a_table_varies_its_technique_and_holds_the_rest(sweep: Sweep) -> None:
    start = self_normalizing if "self-normalizing" in sweep.id else guideline
    depth = int(sweep.id.rpartition("-")[2]) if sweep.id[-1].isdigit() else 2
    base = start(depth)
    rows = [sweep.configuration(row) for row in sweep.rows]
    assert rows[sweep.chosen] == base  # the guideline itself is what the others are measured against
    assert len({tuple(sorted(row.items())) for row in rows}) == len(rows) > 1
    for row in rows:
        differs = {name for name in {*row, *base} if row.get(name, ...) != base.get(name, ...)}
        assert differs <= OF[technique(sweep)]
        assert bool(differs) == (row != base)
    assert all(not row.reported for row in sweep.rows)  # the chapter prints no figures


def test_the_guidelines_are_the_chapters_two_tables() -> None:
    shallow, deep = guideline(4), guideline(20)
    assert (shallow["initializer"], shallow["activation"], shallow["optimizer"]) == ("he_normal", "elu", "momentum")
    assert (shallow["schedule"], shallow["early_stopping"]) == ("one-cycle", True)
    assert (shallow["batch_norm"], deep["batch_norm"]) == ("none", "before")
    own = self_normalizing(4)
    assert (own["lecun"], own["activation"], own["optimizer"]) == ("normal", "selu", "momentum")
    assert own["schedule"] == "one-cycle"
    assert own["dropout"] == 0.1  # alpha dropout, since it is SELU's
    assert shallow["learning_rate"] == own["learning_rate"] == 0.01
    assert [guideline(layers)["batch_norm"] for layers in (9, 10)] == ["none", "before"]
    assert [baseline.params["hidden_layers"] for baseline in study.baselines] == [2, 2]


def test_the_hand_that_follows_all_tables_begins_with_a_whole_configuration() -> None:
    """`hpo sweep --greedy` starts from the base of the first table and keeps each table's winner."""
    assert study.space("chapter").problem(study.sweeps[0].base) is None


def test_a_round_is_150_trainings() -> None:
    """What a sweep's time hangs on; the guidelines' own rows stand in every table and are trained once."""
    rows = [tuple(sorted(sweep.configuration(row).items())) for sweep in study.sweeps for row in sweep.rows]
    assert (len(rows), len(set(rows))) == (190, 150)
