"""Wrong input of every kind: one clear line on stderr, exit 1 or 2, and nothing changed."""

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from unwritable import read_only

TOY = """
from hpo.study import Baseline, Categorical, Fidelity, Float, Holdout, Space, StudyDefinition

def nothing(*_):
    raise AssertionError("nothing may be trained here")

space = Space(name="small", params={"x": Float(low=0.0, high=1.0)})
study = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="score", score=nothing,
    direction="minimize", spaces=(space,),
    evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=9), Fidelity(name="full", epochs=20)),
    baselines=(Baseline(name="by-hand", title="A guess", params={"x": 0.5}),),
)
other_direction = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="score", score=nothing,
    direction="maximize", spaces=(space,),
    evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=9),),
)
wider = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="score", score=nothing, direction="minimize",
    spaces=(Space(name="small", params={"x": Float(low=0.0, high=2.0)}),),
    evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=9),),
)
number = 7
"""
MISTAKEN = TOY.replace('"score", score=nothing,\n    direction="minimize"', '"mae",\n    direction="maximize"', 1)

OPTIMIZE = ("optimize", "./toy.py:study", "--trials", "5")
TRAIN = ("train", "./toy.py:study", "--config")


@pytest.fixture
def toy(folder: Path) -> Path:
    """A folder with definitions, broken ones too, and files that are no databases."""
    (folder / "toy.py").write_text(TOY)
    (folder / "syntax.py").write_text("def broken(:\n")
    (folder / "raises.py").write_text("\nraise RuntimeError('at import')\n")
    (folder / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "comma.py").write_text(TOY.replace("Float(low=0.0, high=1.0)", 'Categorical(choices=("relu"))', 1))
    (folder / "bounds.py").write_text(TOY.replace("low=0.0", "low=None", 1))
    (folder / "metric.py").write_text(MISTAKEN)
    (folder / "evaluation.py").write_text(TOY.replace("evaluation=Holdout(rows=1)", "evaluation=None", 1))
    (folder / "alone.py").write_text(TOY.replace("spaces=(space,)", "spaces=space", 1))
    (folder / "text.db").write_text("this is no database " * 100)
    (folder / "bad.json").write_text('[{"x": 0.5},\n {"x": 7}]')
    (folder / "two.json").write_text('[{"x": 0.5}, {"x": 0.25}]')
    (folder / "mine.json").write_text('{"x": 0.25}')
    (folder / "half.json").write_text('{"x": ')
    (folder / "digits.json").write_text('{"x": 1' + "0" * 5000 + "}")
    (folder / "sub").mkdir()
    with sqlite3.connect(folder / "other.db") as other:
        other.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY)")
        other.execute("INSERT INTO invoices VALUES (1)")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file in the folder, but for Python's caches."""
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


CASES = [
    # what is asked for, exit code, words that must be in the line
    (("optimize", "cn", "--trials", "5"), 2, ["'cn'", "cnn", "fcnn"]),
    (("optimize", "./none.py:study", "--trials", "5"), 2, ["none.py"]),
    (("optimize", "./toy.py", "--trials", "5"), 2, ["toy.py", ":study"]),
    (("optimize", "./toy.py:nothing_here", "--trials", "5"), 1, ["nothing_here", "study"]),
    (("optimize", "./toy.py:number", "--trials", "5"), 1, ["number", "int", "StudyDefinition"]),
    (("optimize", "./syntax.py:study", "--trials", "5"), 1, ["syntax.py:1", "SyntaxError"]),
    (("optimize", "./raises.py:study", "--trials", "5"), 1, ["raises.py:2", "RuntimeError", "at import"]),
    (("optimize", "./exits.py:study", "--trials", "5"), 1, ["exits.py:2", "SystemExit"]),
    (("optimize", "./comma.py:study", "--trials", "5"), 1, ["comma.py:7", "Categorical's choices", "write ('relu',)"]),
    (("optimize", "./bounds.py:study", "--trials", "5"), 1, ["bounds.py:7", "a Float's low must be a finite number"]),
    (("optimize", "./metric.py:study", "--trials", "5"), 1, ["metric.py:8", "mae is better the lower", "minimize"]),
    (("submit", "./evaluation.py:study", "--trials", "5"), 1, ["evaluation.py:8", "evaluation must be", "not None"]),
    (("show", "./alone.py:study"), 1, ["alone.py:8", "spaces must be a tuple", "(…,)"]),
    (("optimize", "no.such.module:study", "--trials", "5"), 2, ["'no'"]),
    ((*OPTIMIZE, "--space", "huge"), 2, ["'huge'", "small"]),
    ((*OPTIMIZE, "--fidelity", "ful"), 2, ["'ful'", "quick", "full"]),
    ((*OPTIMIZE, "--sampler", "tpee"), 2, ["'tpee'", "tpe", "random"]),
    ((*OPTIMIZE, "--pruner", "media"), 2, ["'media'", "median", "asha"]),
    ((*OPTIMIZE, "--sampler", "grid"), 2, ["grid"]),
    (("optimize", "./toy.py:study", "--trials", "0"), 2, ["'0'", "from 1"]),
    (("optimize", "./toy.py:study", "--trials", "-3"), 2, ["'-3'", "from 1"]),
    (("optimize", "./toy.py:study", "--trials", "9" * 40), 2, ["100,000"]),
    ((*OPTIMIZE, "--workers", "9999999"), 2, ["from 0 to 256"]),
    ((*OPTIMIZE, "--timeout", "soon"), 2, ["'soon'", "10m"]),
    ((*OPTIMIZE, "--prior", "nobody"), 2, ["toy has no baseline 'nobody'", "by-hand, none", "a JSON file"]),
    ((*OPTIMIZE, "--prior", "two.json"), 2, ["--prior takes one configuration", "two.json has 2", "--try"]),
    ((*OPTIMIZE, "--try", "none.json"), 2, ["none.json", "cannot be read"]),
    ((*OPTIMIZE, "--try", "half.json"), 2, ["half.json:1", "not JSON"]),
    ((*OPTIMIZE, "--try", "bad.json"), 2, ["bad.json", "configuration 2", "x=7", "from 0 to 1"]),
    ((*OPTIMIZE, "--storage", "sqlite:/hpo.db"), 2, ["'sqlite:…'", "sqlite:///FILE"]),
    ((*OPTIMIZE, "--storage", "mysql://me:s3cret@host/db"), 2, ["mysql", "postgresql"]),
    ((*OPTIMIZE, "--storage", "postgresql://me:s3cret@localhost:1/db"), 1, ["localhost:1", "no server answers"]),
    ((*OPTIMIZE, "--storage", "postgresql://me:s3cret@host:port/db"), 2, ["'postgresql:…'"]),
    ((*OPTIMIZE, "--storage", "sqlite://"), 2, ["sqlite:///"]),
    ((*OPTIMIZE, "--storage", "sqlite:///none/hpo.db"), 1, ["none", "create it first"]),
    ((*OPTIMIZE, "--storage", "sqlite:///sub"), 1, ["folder"]),
    ((*OPTIMIZE, "--storage", "sqlite:///text.db"), 1, ["text.db", "not a SQLite database"]),
    ((*OPTIMIZE, "--storage", "sqlite:///other.db"), 1, ["other.db", "invoices", "another program"]),
    (("status", "toy"), 1, ["hpo.db", "hpo optimize"]),
    ((*OPTIMIZE, "--name", "n" * 513), 2, ["from 1 to 512"]),
    ((*OPTIMIZE, "--try", "digits.json"), 2, ["digits.json", "thousands of digits"]),
    (("status", "--storage", "sqlite:///text.db"), 1, ["text.db", "not a SQLite database"]),
    (("status", "--storage", "sqlite:///other.db"), 1, ["invoices"]),
    (("best", "toy", "--storage", "postgresql://me:s3cret@localhost:1/db"), 1, ["no server answers"]),
    (("show", "toy"), 2, ["'toy'", "cnn"]),
    ((*TRAIN, "best"), 1, ["hpo.db"]),
    ((*TRAIN, "reprot"), 2, ["'reprot'", "best", "by-hand", "JSON"]),
    ((*TRAIN, "bad.json"), 2, ["bad.json", "2 configurations"]),
    ((*TRAIN, "half.json"), 2, ["half.json:1", "not JSON"]),
    ((*TRAIN, "by-hand", "--study", "x"), 2, ["--study", "best"]),
    ((*TRAIN, "by-hand", "-o", "model.txt"), 2, ["model.txt", ".keras"]),
    ((*TRAIN, "by-hand", "-o", "none/model.keras"), 2, ["none", "create it first"]),
    ((*TRAIN, "by-hand", "-o", "/proc/model.keras"), 2, ["/proc", "cannot write"]),
    ((*TRAIN, "by-hand", "--fidelity", "huge"), 2, ["'huge'", "quick, full"]),
    ((*TRAIN, "by-hand", "--seed", "-1"), 2, ["'-1'", "from 0"]),
]


@pytest.mark.parametrize(("arguments", "code", "words"), CASES, ids=[" ".join(case[0])[:70] for case in CASES])
def test_wrong_input_is_one_clear_line_and_changes_nothing(arguments, code, words, hpo, toy: Path) -> None:
    before = contents(toy)
    done = hpo(*arguments)
    refused(done, code, words)
    assert contents(toy) == before


def test_commands_before_the_first_search_find_no_studies_without_error(hpo, toy: Path) -> None:
    before = contents(toy)
    done = hpo("status", "--json")
    assert (done.code, json.loads(done.out), done.err) == (0, [], "")
    done = hpo("status")
    assert (done.code, done.out) == (0, "")
    assert "no studies in sqlite:///hpo.db yet" in done.err
    assert contents(toy) == before


def refused(done, code: int, words: list[str]) -> None:
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("hpo: ")
    assert done.err.count("\n") == 1, done.err
    assert "Traceback" not in done.err
    assert "s3cret" not in done.err
    for word in words:
        assert word in done.err


def rows(database: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(database) as opened:
        return (
            opened.execute("SELECT * FROM hpo_study").fetchall() + opened.execute("SELECT * FROM hpo_slot").fetchall()
        )


@pytest.fixture
def started(toy: Path) -> Path:
    """A database with the toy's study of three open trials, as it is before the first worker starts."""
    from hpo import storage
    from hpo.storage import studies
    from hpo.storage.slots.slots import Slots
    from hpo.study import registry

    definition = registry.load(f"{toy}/toy.py:study")
    opened = storage.prepare(f"sqlite:///{toy}/hpo.db")
    plan = studies.StudyPlan(
        name="toy-small-quick", reference=f"{toy}/toy.py:study", definition="toy", space="small",
        fingerprint=definition.space().fingerprint, fidelity="quick", direction="minimize", metric="score", seed=1,
        sampler="tpe", pruner="asha",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    Slots(opened).open("toy-small-quick", 3)
    opened.close()
    return toy / "hpo.db"


STAYS = ("--fidelity", "quick", "--trials", "5")
RESUMED = [
    (("optimize", "./toy.py:wider", *STAYS), 1, ["toy-small-quick", "'small'", "--name"]),
    (("optimize", "./toy.py:other_direction", *STAYS), 1, ["toy-small-quick", "direction", "--name"]),
    ((*OPTIMIZE, "--fidelity", "full", "--name", "toy-small-quick"), 1, ["fidelity", "quick", "full", "--name"]),
    (("optimize", "cnn", *STAYS, "--name", "toy-small-quick"), 1, ["definition", "toy", "cnn", "--name"]),
    ((*OPTIMIZE, *STAYS, "--sampler", "random"), 1, ["sampler", "tpe", "random", "--name"]),
    ((*OPTIMIZE, *STAYS, "--pruner", "median"), 1, ["pruner", "asha", "median", "--name"]),
    ((*OPTIMIZE, *STAYS, "--seed", "2"), 1, ["seed", "--name"]),
    ((*OPTIMIZE, *STAYS, "--trials", "2"), 2, ["3 trials already", "2"]),
    (("status", "toy-small"), 1, ["'toy-small'", "toy-small-quick"]),
    (("best", "toy"), 1, ["no complete trial yet"]),
    (("trial", "toy", "0"), 1, ["no trial 0", "none yet"]),
    (("delete", "toy"), 2, ["toy-small-quick", "--yes"]),
    (("delete", "nope", "--yes"), 1, ["'nope'"]),
    ((*TRAIN, "best"), 1, ["no complete trial yet"]),
    ((*TRAIN, "best", "--study", "nope"), 1, ["'nope'", "toy-small-quick"]),
    (("train", "cnn", "--config", "best", "--study", "toy-small-quick"), 1, ["toy", "cnn"]),
]


@pytest.mark.parametrize(("arguments", "code", "words"), RESUMED, ids=[" ".join(case[0])[:70] for case in RESUMED])
def test_a_study_is_never_changed_into_another(arguments, code, words, hpo, started: Path) -> None:
    before = rows(started)
    refused(hpo(*arguments), code, words)
    assert rows(started) == before


def test_delete_with_yes_deletes_the_study(hpo, started: Path) -> None:
    done = hpo("delete", "toy", "--yes")
    assert (done.code, done.out) == (0, "")
    assert "toy-small-quick" in done.err
    assert rows(started) == []
    refused(hpo("status", "toy"), 1, ["'toy'"])


def test_delete_refuses_a_study_with_active_workers_unless_forced(hpo, started: Path) -> None:
    from hpo import storage
    from hpo.storage.slots.slots import Slots

    opened = storage.open(f"sqlite:///{started}")
    assert Slots(opened).claim("toy-small-quick", "a-worker", 600) is not None
    opened.close()
    before = rows(started)
    refused(hpo("delete", "toy", "--yes"), 1, ["a-worker", "hpo stop toy-", "--force"])
    assert rows(started) == before
    assert hpo("delete", "toy", "--yes", "--force").code == 0
    assert rows(started) == []


def test_a_truncated_database_is_reported_and_not_changed(hpo, started: Path) -> None:
    whole = started.read_bytes()
    started.write_bytes(whole[: len(whole) // 2])
    for suffix in ("-wal", "-shm"):
        started.with_name(started.name + suffix).unlink(missing_ok=True)
    before = started.read_bytes()
    refused(hpo("status"), 1, ["hpo.db", "damaged"])
    refused(hpo(*OPTIMIZE), 1, ["hpo.db", "damaged"])
    assert started.read_bytes() == before


def test_a_read_only_database_is_reported(hpo, started: Path) -> None:
    place = started.parent / "read-only"
    place.mkdir()
    with read_only(place, started):
        refused(hpo(*OPTIMIZE, "--storage", f"sqlite:///{place.name}/hpo.db"), 1, ["hpo.db", "written"])


def test_a_damaged_data_file_is_reported_and_neither_used_nor_deleted(hpo, folder: Path, fashion_files: Path) -> None:
    sets = folder / "sets"
    shutil.copytree(fashion_files, sets, ignore=shutil.ignore_patterns(".*"))
    damaged = sets / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 1
    damaged.write_bytes(content)
    place = {"HPO_DATA_DIR": str(sets)}
    for command in (("data",), ("train", "cnn", "--config", "report")):
        done = hpo(*command, **place)
        assert done.code == 1
        last = done.err.splitlines()[-1]
        assert last.startswith("hpo: ")
        assert str(damaged) in last
        assert "damaged" in last
        assert "Traceback" not in done.err
    assert damaged.read_bytes() == bytes(content)
    checked = hpo("data", "check", "--json", **place)
    assert checked.code == 1
    (fashion,) = [found for found in json.loads(checked.out) if found["name"] == "fashion-mnist"]
    assert fashion["ok"] is False
    assert str(damaged) in fashion["problems"][0]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "command", [("optimize", "fcnn", "--trials", "2", "--workers", "1"), ("train", "fcnn", "--config", "report")]
)
def test_a_broken_tensorflow_is_reported_with_what_to_install(hpo, broken: str, command: tuple[str, ...]) -> None:
    done = hpo(*command, PYTHONPATH=broken)
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "hpo: training needs TensorFlow: pip install 'hpo-service[cpu]' (libcudart is missing)"
    )
    assert "Traceback" not in done.err
