"""The tables of dnn: each technique by itself, from each guideline, at each depth."""

import pytest

from hpo.study import Ablation, Params, Sweep
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
    "gradients": {"activation", "initializer", "lecun", "inputs", "batch_norm", "clipping"},
    "layers": {"hidden_layers", "batch_norm"},  # the guideline normalizes batches where the network is deep
}
"""Technique -> the parameters its tables may vary."""


def technique(sweep: Sweep) -> str:
    return next(name for name in OF if sweep.id.startswith(f"{name}-"))


def test_dnn_has_a_table_for_each_technique_guideline_and_depth() -> None:
    expected = {
        *(f"{name}-{start}-{depth}" for name in FROM_BOTH for start in _names() for depth in DEPTHS),
        *(f"{name}-guideline-{depth}" for name in NORMALIZING for depth in DEPTHS),
        *(f"layers-{start}" for start in _names()),
        *(f"gradients-{depth}" for depth in DEPTHS),
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


def test_the_greedy_method_starts_from_a_whole_configuration() -> None:
    """`hpo sweep --greedy` starts from the base of the first table and keeps each table's winner."""
    assert study.space("chapter").problem(study.sweeps[0].base) is None


def test_one_repeat_of_all_dnn_tables_is_176_trainings() -> None:
    """What a sweep's time hangs on; the guidelines' own rows stand in every table and are trained once."""
    rows = [tuple(sorted(sweep.configuration(row).items())) for sweep in study.sweeps for row in sweep.rows]
    assert (len(rows), len(set(rows))) == (208, 161)
    rows += [tuple(sorted(one.table.configuration(row).items())) for one in study.ablations for row in one.table.rows]
    assert (len(rows), len(set(rows))) == (234, 176)  # full, and all but one: in other tables too


def test_the_gradient_tables_vary_only_what_their_row_names() -> None:
    """What is measured and drawn of the chapter's first pages: nothing mends it but what the row's name says."""
    tables = {sweep.id: sweep for sweep in study.sweeps}
    rows = {row.label: tables["gradients-20"].configuration(row) for row in tables["gradients-20"].rows}
    told: dict[str, Params] = {
        "sigmoid, naive": {"activation": "sigmoid", "initializer": "naive", "batch_norm": "none"},
        "sigmoid, Glorot": {"activation": "sigmoid", "initializer": "glorot_normal", "batch_norm": "none"},
        "ReLU, He": {"activation": "relu", "initializer": "he_normal", "batch_norm": "none"},
        "SELU, LeCun": {"activation": "selu", "lecun": "normal", "dropout": 0.0},
    }
    for label, expected in told.items():
        assert rows[label]["hidden_layers"] == 20
        assert expected.items() <= rows[label].items()
        assert rows[label]["clipping"] == "none"
    assert "batch_norm" not in rows["SELU, LeCun"]
    assert [row["clipping"] for label, row in rows.items() if "clipping" in label] == ["norm"]
    assert {row["batch_norm"] for label, row in rows.items() if "batch normalization" in label} == {"before"}


@pytest.mark.parametrize("ablation", study.ablations, ids=lambda ablation: ablation.id)
def test_an_ablation_adds_and_removes_each_technique_of_the_guideline(ablation: Ablation) -> None:
    layers = int(ablation.full["hidden_layers"])  # type: ignore[arg-type]
    assert ablation.full == guideline(layers)
    assert ablation.plain["activation"] == "sigmoid"
    differs = {name for name in ablation.full if ablation.full[name] != ablation.plain[name]}
    changed = set()
    for one in ablation.techniques:
        added = {name for name in ablation.full if one.alone[name] != ablation.plain[name]}
        assert added == {name for name in ablation.full if one.without[name] != ablation.full[name]}
        assert len(added) == 1
        changed |= added
    assert changed == differs
    assert ("batch normalization" in {one.name for one in ablation.techniques}) is (layers >= 10)


CONTRASTS = [
    ("naive-initialization", {"initializer": "glorot_normal"}, {"initializer": "naive"}),
    ("he-for-rectifiers", {"initializer": "he_normal"}, {"initializer": "glorot_normal"}),
    ("saturation", {"activation": "relu"}, {"activation": "sigmoid"}),
    ("elu-beats-relu", {"activation": "elu"}, {"activation": "relu"}),
    ("leaky-beats-relu", {"activation": "leaky_relu"}, {"activation": "relu"}),
    ("selu-normalizes-itself", {"activation": "sigmoid"}, {"activation": "selu"}),
    ("batch-normalization-helps-depth", {"batch_norm": "before"}, {"batch_norm": "none"}),
    ("batch-normalization-regularizes", {"batch_norm": "before"}, {"batch_norm": "none"}),
    ("batch-normalization-forgives-initialization", {"batch_norm": "before"}, {"batch_norm": "none"}),
    ("clipping-stops-explosions", {"clipping": "norm"}, {"clipping": "none"}),
    ("momentum-is-faster", {"optimizer": "momentum"}, {"optimizer": "sgd"}),
    ("nesterov-is-faster", {"optimizer": "nesterov"}, {"optimizer": "momentum"}),
    ("adagrad-stops-early", {"optimizer": "rmsprop"}, {"optimizer": "adagrad"}),
    ("nadam-beats-adam", {"optimizer": "nadam"}, {"optimizer": "adam"}),
    ("schedules-beat-constant", {"schedule": "power"}, {"schedule": "constant"}),
    ("penalties-regularize", {"penalty": "l1"}, {"penalty": "none"}),
    ("dropout-regularizes", {"dropout": 0.1}, {"dropout": 0.0}),
    ("max-norm-regularizes", {"constraint": "max_norm"}, {"constraint": "none"}),
]


@pytest.mark.parametrize(("id_", "first", "second"), CONTRASTS, ids=[one[0] for one in CONTRASTS])
def test_each_contrast_of_a_claim_names_the_intended_rows(id_: str, first: Params, second: Params) -> None:
    claim = next(one for one in study.claims if one.id == id_)
    tables = {sweep.id: sweep for sweep in study.sweeps}
    for number, (rows, expected) in enumerate(((claim.contrasts[0].rows, first), (claim.contrasts[0].than, second))):
        table = tables[claim.contrasts[0].sweep]
        setting = table.configuration(table.rows[rows[0]])
        assert expected.items() <= setting.items(), number


def test_every_claim_of_dnn_has_contrasts_in_its_tables() -> None:
    assert {one[0] for one in CONTRASTS} == {claim.id for claim in study.claims if claim.contrasts}
    assert all(claim.contrasts for claim in study.claims)


def test_the_networks_behind_a_claim_are_those_of_the_table_of_gradients() -> None:
    labels = [row.label for row in next(sweep for sweep in study.sweeps if sweep.id == "gradients-20").rows]
    said = {
        (claim.id, *(labels[row] for row in (*contrast.rows, *contrast.than)))
        for claim in study.claims
        for contrast in claim.contrasts
        if contrast.sweep == "gradients-20"
    }
    assert said == {
        ("naive-initialization", "sigmoid, Glorot", "sigmoid, naive"),
        ("naive-initialization", "ReLU, He", "ReLU, naive"),
        ("saturation", "ReLU, He", "SELU, LeCun", "sigmoid, naive", "sigmoid, Glorot"),
        ("batch-normalization-forgives-initialization", "sigmoid, Glorot, batch normalization", "sigmoid, Glorot"),
        ("batch-normalization-forgives-initialization", "ReLU, naive, batch normalization", "ReLU, naive"),
        ("clipping-stops-explosions", "ReLU, naive, clipping", "ReLU, naive"),
    }
