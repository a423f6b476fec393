"""`hpo export` and `hpo importance` as they are typed, on a search that ran and where there is nothing to say."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Hpo, environment

OWN = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("a function is searched")

space = Space(name="line", params={
    "x": Float(low=0.0, high=1.0),
    "kind": Categorical(choices=("a,b", None)),
    "depth": Int(low=1, high=9, when={"kind": ("a,b",)}),
})
study = StudyDefinition(
    name="own", title="Own", data=nothing, build=nothing, metric="score", score=nothing,
    direction="maximize", spaces=(space,),
    evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=3),),
)

def objective(beat):
    from hpo.search import suggest

    def run(trial):
        params = suggest(space, trial)
        if trial.number == 3:
            raise ValueError('no "such" luck,\\nreally')
        return 1 - (params["x"] - 0.3) ** 2

    return run
"""


@pytest.fixture
def searched(folder: Path) -> Path:
    """A folder with hpo.db: 25 trials of which one failed."""
    from hpo.experiments.search_plan import Request
    from hpo.experiments.search_run import optimize
    from hpo.fleet.run_limits import Limits

    (folder / "own.py").write_text(OWN)
    request = Request(
        definition=f"{folder}/own.py:study", trials=25, storage=f"sqlite:///{folder}/hpo.db", seed=1,
        sampler="random", pruner="none", prior="none", objective=f"{folder}/own.py:objective",
        limits=Limits(workers=1),
    )  # fmt: skip
    optimize(request)
    return folder


@pytest.mark.thorough
def test_a_search_is_exported_in_every_format_and_its_importances_printed(searched: Path, hpo: Hpo) -> None:
    done = hpo("export", "own", "-o", "own.csv")
    assert (done.code, done.out, done.err) == (0, "", "25 trials written to own.csv\n")
    rows = list(csv.DictReader((searched / "own.csv").open(newline="")))
    assert [row["number"] for row in rows] == [str(number) for number in range(25)]
    assert rows[3]["outcome"] == "failed"
    assert rows[3]["reason"] == 'ValueError: no "such" luck, really'
    assert {row["params_kind"] for row in rows} == {"a,b", ""}
    assert {row["active_kind"] for row in rows} == {"true"}  # an empty cell is None
    assert all(bool(row["params_depth"]) == (row["params_kind"] == "a,b") for row in rows if row["params_kind"])
    best = json.loads(hpo("best", "own", "--json").out)
    assert max(float(row["value"]) for row in rows if row["value"]) == best["value"]

    streamed = hpo("export", "own", "-o", "-")
    assert list(csv.DictReader(io.StringIO(streamed.out, newline=""))) != []
    document = json.loads(hpo("export", "own", "-o", "-", "--format", "json").out)
    assert document["study"]["name"] == "own-line-quick"
    assert [trial["params"].get("depth") is None for trial in document["trials"]] == [
        row["params_depth"] == "" for row in rows
    ]
    assert hpo("export", "own", "-o", "own.parquet").code == 0
    from pyarrow import parquet

    table = parquet.read_table(searched / "own.parquet")
    assert table["value"].to_pylist() == [float(row["value"]) if row["value"] else None for row in rows]

    told = hpo("importance", "own")
    assert (told.code, told.err) == (0, "")
    assert "among the best of 24 trials complete" in told.out
    assert "1 settled trial is left out" in told.out
    found = json.loads(hpo("importance", "own", "--json").out)
    assert found["parameters"][0]["name"] == "x"
    assert sum(one["share"] for one in found["parameters"]) == pytest.approx(1)


@pytest.mark.thorough
def test_export_and_importance_import_only_what_they_need(searched: Path) -> None:
    """One process does all, what needs the least first: what it has not imported then, no command before has."""
    code = (
        "import json, sys; from hpo.cli import main\n"
        "for spared, *arguments in json.loads(sys.argv[1]):\n"
        "    code = main(arguments)\n"
        "    assert code == 0 and not {*spared.split(',')} & {*sys.modules}, arguments\n"
    )
    commands = (
        ("tensorflow,keras,pyarrow", "export", "own", "-o", "own.csv"),
        ("tensorflow,keras,pyarrow", "export", "own", "-o", "own.json"),
        ("tensorflow,keras", "export", "own", "-o", "own.parquet"),
        ("tensorflow,keras", "importance", "own"),
    )
    command = [sys.executable, "-c", code, json.dumps(commands)]
    done = subprocess.run(command, cwd=searched, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_invalid_export_requests_are_refused_in_one_line(searched: Path, hpo: Hpo) -> None:
    for arguments, code, said in (
        (("export", "own", "-o", "none/a.csv"), 2, "there is no folder"),
        (("export", "own", "-o", "a.xls"), 2, "does not tell the format"),
        (("export", "own", "-o", "."), 2, "is a folder"),
        (("export", "own", "-o", "-", "--format", "parquet"), 2, "no text for stdout"),
        (("export", "other", "-o", "a.csv"), 1, "there is no study 'other'"),
        (("importance", "other"), 1, "there is no study 'other'"),
    ):
        done = hpo(*arguments)
        assert (done.code, done.out) == (code, ""), arguments
        assert said in done.err
        assert done.err.count("\n") == 1
    assert not (searched / "a.csv").exists()


@pytest.mark.thorough
def test_an_empty_study_exports_a_header_and_has_no_importances(folder: Path, hpo: Hpo) -> None:
    from hpo import storage
    from hpo.storage import studies

    opened = storage.prepare(f"sqlite:///{folder}/hpo.db")
    plan = studies.StudyPlan(
        name="mine", reference="toy.py:study", definition="toy", space="small", fingerprint="f", fidelity="quick",
        direction="minimize", metric="mae",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    opened.close()
    done = hpo("export", "mine", "-o", "-")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith("number,state,outcome,value")
    assert len(done.out.splitlines()) == 1
    done = hpo("importance", "toy")
    assert (done.code, done.err) == (0, "")
    assert "no trial has a value that compares" in done.out
    assert "at least 8 are needed" in done.out
    assert json.loads(hpo("importance", "toy", "--json").out)["parameters"] == []
