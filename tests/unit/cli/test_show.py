import json
from decimal import Decimal

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


@pytest.mark.parametrize(("name", "rows"), [("cnn", [3, 6, 7, 5, 7, 3, 4, 3]), ("fcnn", [6, 7, 7, 5, 6, 5])])
def test_show_prints_the_documented_json(name: str, rows: list[int], capsys: pytest.CaptureFixture[str]) -> None:
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
    assert list(shown["fidelities"]) == ["quick", "full"]


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


def test_words() -> None:
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
def test_sparkline(values: list[float], line: str) -> None:
    assert sparkline(values) == line


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    line = sparkline([float(i) for i in range(1000)])
    assert (len(line), line[0], line[-1]) == (60, "▁", "█")
