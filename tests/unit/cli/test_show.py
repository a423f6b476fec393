import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hpo.cli import main
from hpo.cli.printing.console import count, evaluation_words, fidelity_words, size_words
from hpo.cli.printing.status_text import sparkline
from hpo.study import (
    Categorical,
    Contrast,
    Fidelity,
    Float,
    GroupHoldout,
    Holdout,
    Int,
    KFold,
    OwnSplits,
    Space,
    TimeSeriesSplit,
    registry,
)
from hpo.training.route import SLOWER


@pytest.mark.parametrize(
    ("name", "rows", "fidelities"),
    [
        ("cnn", [3, 6, 7, 5, 7, 3, 4, 3], ["quick", "middle", "full"]),
        ("fcnn", [6, 7, 7, 5, 6, 5], ["quick", "full"]),
    ],
)
def test_show_prints_the_documented_json(
    name: str, rows: list[int], fidelities: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    definition = registry.load(name)
    assert {"name", "spaces", "baselines", "sweeps", "fidelities"} <= set(shown)
    assert list(shown["spaces"]) == ["report", "wide"]
    for space in definition.spaces:
        for parameter, domain in space.params.items():
            body = shown["spaces"][space.name][parameter]
            if isinstance(domain, Categorical):
                assert body["choices"] == list(domain.choices)
            else:
                assert (body["low"], body["high"], body["log"]) == (domain.low, domain.high, domain.log)
            assert body.get("when", {}) == {parent: list(values) for parent, values in domain.when.items()}
    assert shown["baselines"]["report"] == dict(definition.baseline("report").params)
    assert [len(sweep["rows"]) for sweep in shown["sweeps"]] == rows
    for sweep, printed in zip(definition.sweeps, shown["sweeps"], strict=True):
        assert (printed["id"], printed["base"]) == (sweep.id, dict(sweep.base))
        for row, body in zip(sweep.rows, printed["rows"], strict=True):
            assert body["setting"] == dict(row.setting)
            assert body["reported"] == {figure: float(value) for figure, value in row.reported.items()}
    assert list(shown["fidelities"]) == fidelities


def test_show_prints_figures_with_the_digits_the_report_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "cnn"]) == 0
    out = capsys.readouterr().out
    figures = [value for sweep in registry.load("cnn").sweeps for row in sweep.rows for value in row.reported.values()]
    trailing = [str(value) for value in figures if isinstance(value, Decimal) and str(value).endswith("0")]
    assert trailing
    assert all(value in out for value in trailing)
    for baseline in registry.load("cnn").baselines:
        assert baseline.title in out


@pytest.mark.parametrize(("name", "margin"), [("cnn", "0.005 in accuracy"), ("fcnn", "0.1 thousand dollars in mae")])
def test_show_tells_the_claims_of_the_report(name: str, margin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name]) == 0
    out = capsys.readouterr().out
    definition = registry.load(name)
    assert definition.claims
    assert f"{len(definition.claims)} claims of the report" in out
    assert all(claim.text in out for claim in definition.claims)
    assert f"A difference of {margin} is too small to matter." in out


def test_json_has_the_claims_with_their_rows_and_the_margin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "cnn", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    definition = registry.load("cnn")
    assert shown["margin"] == definition.margin
    for claim, body in zip(definition.claims, shown["claims"], strict=True):
        assert (body["id"], body["text"], body["source"]) == (claim.id, claim.text, claim.source)
        for contrast, printed in zip(claim.contrasts, body["contrasts"], strict=True):
            assert Contrast(**{**printed, "rows": tuple(printed["rows"]), "than": tuple(printed["than"])}) == contrast


DEFINED = """
import numpy as np
from hpo.data import Streams
from hpo.study import *

def rows():
    x = np.arange(40.0).reshape(20, 2)
    return (({"a": x, "b": x}, x[:, 0]), ({"a": x + 0.5, "b": x}, x[:, 0])) if SEVERAL else ((x, x), (x + 0.5, x))

def batches():
    raise SystemExit("nothing reads them")

def streams():
    return Streams(name="d", train=lambda seed: batches(), validation=batches, test=batches)

def build(params):
    import keras
    keras.utils.set_random_seed(1)
    given = {name: keras.Input((2,), name=name) for name in ("a", "b")}
    if not SEVERAL:
        given = given["a"]
    both = keras.layers.Concatenate()([*given.values()]) if SEVERAL else given
    model = keras.Model(given, keras.layers.Dense(1)(both))
    model.compile("sgd", "mse")
    return model

def define(data, evaluation):
    return StudyDefinition(name="d", title="", data=data, build=build, metric="mse", direction="minimize",
        spaces=(Space(name="s", params={"x": Int(low=1, high=3), "y": Float(low=0, high=1, when={"x": (1,)})}),),
        evaluation=evaluation, fidelities=(Fidelity(name="f", epochs=1),))
"""


@pytest.fixture
def defined(tmp_path: Path) -> Callable[..., str]:
    def define(data: str, evaluation: str, *, several: bool = False) -> str:
        file = tmp_path / f"{data}_{several}.py"
        file.write_text(f"SEVERAL = {several}\n{DEFINED}\nstudy = define({data}, {evaluation})\n")
        return f"{file}:study"

    return define


def test_show_names_the_training_loop_as_far_as_it_is_known(
    defined: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(*arguments: str) -> tuple[str, Any]:
        assert main(["show", *arguments]) == 0
        text = capsys.readouterr().out.splitlines()[2]
        assert main(["show", *arguments, "--json"]) == 0
        return text, json.loads(capsys.readouterr().out)["trained_by"]

    rows = defined("rows", "Holdout(rows=5)")
    fit = f"trained by Keras's own fit, {SLOWER} than the compiled loop, as"
    text, document = shown(rows)
    assert text == "trained by the compiled loop, or by Keras's own fit where that cannot take a model: --build says"
    assert document is None
    text, document = shown(rows, "--build")
    assert text == "trained by the compiled loop, as the first configuration of space s shows"
    assert (document["by"], document["why"], document["slower"]) == ("the compiled loop", None, None)
    text, document = shown(defined("rows", "Holdout(rows=5)", several=True), "--build")
    assert text == f"{fit} the first configuration of space s shows: the model has several inputs"
    assert (document["by"], document["why"]) == ("Keras's fit", "the model has several inputs")
    text, document = shown(defined("streams", "ValidationData()"))
    assert text == f"{fit} the definition shows: the data are streamed"
    assert document["slower"] == SLOWER
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert shown(rows)[0] == f"{fit} KERAS_BACKEND shows: Keras runs on jax"


def test_show_build_is_refused_for_an_objective(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tune.py").write_text("def objective(trial):\n    return trial.suggest_float('x', 0, 1)\n")
    assert main(["show", f"{tmp_path}/tune.py:objective", "--build"]) == 2
    assert "objective trains by itself, so there is no model of it to build: leave --build out" in (
        capsys.readouterr().err
    )


def test_sizes_and_fidelities_are_described_in_words() -> None:
    space = Space(name="s", params={"a": Categorical(choices=(1, 2)), "b": Int(low=1, high=3)})
    assert size_words(space) == "2 parameters, 6 configurations"
    assert size_words(Space(name="s", params={"a": Float(low=0, high=1)})) == "1 parameter, continuous"
    quick = Fidelity(name="quick", epochs=3, rows=10_000)
    assert fidelity_words(quick, Holdout(rows=10)) == "10,000 training rows, 3 epochs"
    assert fidelity_words(quick, Holdout(rows=10), 200) == "10,000 training rows, 200 of them labelled, 3 epochs"
    assert (
        fidelity_words(Fidelity(name="x", epochs=1, folds=3), KFold(folds=5)) == "all training rows, 3 folds, 1 epoch"
    )
    assert fidelity_words(Fidelity(name="x", epochs=1), KFold(folds=5)) == "all training rows, 5 folds, 1 epoch"
    assert evaluation_words(Holdout(rows=10_000, stratified=True)) == "judged on a stratified holdout of 10,000 rows"
    assert evaluation_words(KFold(folds=5)) == "judged by 5-fold cross-validation"
    both = KFold(folds=5, stratified=True, grouped=True, repeats=2)
    assert evaluation_words(both) == "judged by 5-fold stratified and grouped cross-validation, repeated 2 times"
    assert evaluation_words(GroupHoldout(groups=1)) == "judged on a holdout of 1 group"
    assert evaluation_words(Holdout(rows=7, last=True)) == "judged on the last 7 rows"
    later = TimeSeriesSplit(folds=4, gap=2)
    assert evaluation_words(later) == "judged by 4 folds in order of time, each on what follows after a gap of 2 rows"
    own = OwnSplits(splitter=len, folds=3)
    assert evaluation_words(own) == "judged by splits of its own, 3 folds"
    assert fidelity_words(Fidelity(name="x", epochs=1), both) == "all training rows, 10 folds, 1 epoch"
    assert (count(1, "trial"), count(1234, "trial")) == ("1 trial", "1,234 trials")


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([1.0], "▁"), ([0.0, 0.5, 1.0], "▁▅█"), ([2.0, 2.0], "▁▁"), ([0.0, float("nan"), 7.0], "▁×█")],
)
def test_a_sparkline_draws_values_and_marks_non_finite_ones(values: list[float], line: str) -> None:
    assert sparkline(values) == line


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    line = sparkline([float(i) for i in range(1000)])
    assert (len(line), line[0], line[-1]) == (60, "▁", "█")
