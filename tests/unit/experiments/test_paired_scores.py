"""Files of paired scores: what they say, the same verdict as of two arrays, and what is refused in one line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hpo
from hpo.cli import main
from hpo.experiments.compare.paired_scores import judge_scores, read_scores

WIDE = "seed,new,old\n1,0.9,0.8\n2,0.92,0.81\n3,0.91,0.8\n4,0.93,0.79\n5,0.9,0.8\n6,0.95,0.82\n7,0.9,0.8\n"
LONG = "model,seed,loss\n" + "".join(
    f"{side},{seed},{1 + seed / 100 + (side == 'old')}\n" for seed in range(8) for side in ("old", "new", "other")
)
RUNS = ("model", "seed", "loss")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wide.csv").write_text(WIDE)
    (tmp_path / "runs.csv").write_text(LONG)
    return tmp_path


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=12))
def test_a_score_file_gives_the_verdict_of_its_arrays(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[float, ...]]
) -> None:
    file = tmp_path_factory.mktemp("scores") / "scores.csv"
    file.write_text("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in pairs))
    a, b = zip(*pairs, strict=True)
    found = judge_scores(file, ("a", "b"), (), "minimize")
    assert found.comparison == hpo.compare(a, b, direction="minimize")


def test_scores_are_read_from_wide_and_long_files(folder: Path) -> None:
    wide = read_scores(Path("wide.csv"), ("new", "old"))
    assert (wide.a[:2], wide.b[:2], wide.names, wide.metric) == ((0.9, 0.92), (0.8, 0.81), ("new", "old"), "score")
    long = read_scores(Path("runs.csv"), ("new", "old"), RUNS)
    assert long.metric == "loss"
    assert [b - a for a, b in zip(long.a, long.b, strict=True)] == [pytest.approx(1.0)] * 8
    tabs = folder / "wide.tsv"
    tabs.write_text("\ufeff" + WIDE.replace(",", "\t") + "\n")
    assert read_scores(tabs, ("new", "old")) == wide


@pytest.mark.parametrize(
    ("text", "columns", "long", "message"),
    [
        (WIDE, "new,new", "", "--columns takes two names by a comma"),
        (WIDE, "new", "", "--columns takes two names by a comma"),
        (WIDE, "new,odl", "", "has no column 'odl'; did you mean old"),
        (WIDE.replace("0.81", "x"), "new,old", "", "row 2: old is 'x', not a number"),
        (WIDE.replace("0.81", "nan"), "new,old", "", "row 2: old is nan, not a finite number"),
        (WIDE.replace("0.81", ""), "new,old", "", "row 2: there is no old: a pair has a score of both sides"),
        (WIDE.replace(",0.81", ""), "new,old", "", "row 2: there is no old"),
        (WIDE.replace("0.81", "0.81,3"), "new,old", "", "row 2: it has 4 cells, and 3 columns have a name"),
        ("new,old\n", "new,old", "", "has no pair of new and old: give at least one, and six for a verdict"),
        ("", "new,old", "", "has no column 'new'; it has: none"),
        ("new,old,old\n", "new,old", "", "has two columns 'old'"),
        (WIDE, "new,old", "a,b", "--long takes three columns"),
        (LONG, "new,old", "model,seed,los", "has no column 'los'; did you mean loss"),
        (LONG, "new,elder", "model,seed,loss", "has no row with model elder; it has: new, old, other"),
        (LONG + "new,3,1\n", "new,old", "model,seed,loss", "row 25: new has a score for seed 3 already"),
        (LONG + "new,9,1\n", "new,old", "model,seed,loss", "seed 9 has no score of old: a pair has one of both"),
    ],
)
def test_an_unusable_score_file_is_refused_in_one_line(
    folder: Path, text: str, columns: str, long: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("given.csv").write_text(text)
    words = [
        "compare",
        "given.csv",
        "--columns",
        columns,
        "--direction",
        "maximize",
        *(["--long", long] if long else []),
    ]
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert message in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["wide.csv", "--columns", "new,old"], "say which columns to compare and which scores are better"),
        (["wide.csv", "--direction", "maximize"], "say which columns to compare and which scores are better"),
        (["wide.csv", "--pairs", "3"], "--pairs is about a study, not about a file of scores: leave it out"),
        (["study", "--columns", "a,b"], "--columns is about a file of scores, such as scores.csv: leave it out"),
        (["none.csv", "--columns", "a,b", "--direction", "maximize"], "none.csv cannot be read: No such file"),
    ],
)
def test_options_that_do_not_fit_a_score_file_are_refused(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert message in capsys.readouterr().err


def test_comparing_a_file_prints_the_verdict_and_obeys_require(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", "runs.csv", "--long", ",".join(RUNS), "--columns", "new,old", "--direction"]
    assert main([*words, "minimize", "--require", "better", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["a"], found["b"], found["verdict"], found["pairs"]) == ("new", "old", "better", 8)
    assert (found["metric"], found["direction"], len(found["scores"]["a"])) == ("loss", "minimize", 8)
    assert main([*words, "maximize", "--require", "better"]) == 1
    told = capsys.readouterr()
    assert "Old beats new in runs.csv" in told.out
    assert "pairs won by new" in told.out
    assert "the verdict is worse, and --require better asks for another" in told.err
