"""Whatever others write into the database, every command and every page still reads it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import optuna
import pytest

from hpo import storage
from hpo.cli.main import main
from hpo.cli.printing.console import document
from hpo.cli.printing.status_text import show_trial
from hpo.optuna_internals import ATTEMPT, FIXED_PARAMS, JOB, POSITION, SLOT
from hpo.storage import Storage, studies
from hpo.storage.queries.study_results import trial
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.web import pages

DEEP = 100_000
VALUES = [
    '"x"',
    "5",
    "-1",
    "1.5",
    "true",
    "null",
    "[]",
    "{}",
    "[[]]",
    '[{"epoch": 0}]',
    '[{"epoch": 0, "rows": "x", "loss": [], "layers": []}]',
    '[{"epoch": "0", "rows": 1, "loss": 1, "layers": [{"name": 5}]}]',
    '[[1, 2], [3, "x"]]',
    '{"labels": [1, "x"], "values": 5}',
    '{"labels": [1e400, NaN], "values": [null]}',
    "NaN",
    "-Infinity",
    "1e400",
    "1" + "0" * 400,
    "9" * 5000,  # more digits than Python reads
    '"\\ud800"',
    '{"\\ud800": "\\udfff"}',
    '"\\u001b[31m\\u0007\\u202e\\u0000\\r\\n"',
    '"' + "x" * 2**20 + '"',
    "[" * 900 + "]" * 900,
    '{"a":' * 900 + "1" + "}" * 900,
    "[" * DEEP + "]" * DEEP,
    "no JSON",
    "",
]
OURS = ("seed", "reason", "train", "epochs", "fit_seconds", "compile_seconds", "train_curve", "predictions", "probes")
NAMES = (*OURS, "note", "=1+1", "\x1b[31m", "a b", "", "ключ", "x" * 400)
SYSTEM = (SLOT, ATTEMPT, POSITION, JOB, FIXED_PARAMS, "constraints", "dashboard:note:0")
DEFINITION = """
import numpy as np
from hpo.data import Dataset, Rows
from hpo.study import *

def data():
    x = np.arange(120, dtype=np.float32).reshape(30, 4)
    y = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    return Dataset(name="squares", development=Rows(x=x[:24], y=y[:24]), test=Rows(x=x[24:], y=y[24:]))

def nothing(*_):
    raise AssertionError("nothing is trained here")

study = StudyDefinition(
    name="bench", title="Bench", data=data, build=nothing, metric="accuracy", direction="maximize",
    spaces=(Space(name="small", params={"x": Float(low=0.0, high=1.0), "kind": Categorical(choices=("a", "b"))}),),
    evaluation=Holdout(rows=6), fidelities=(Fidelity(name="quick", epochs=3),),
    baselines=(Baseline(name="by-hand", title="A guess", params={"x": 0.5, "kind": "a"}),),
)
"""
NAME = "bench \x1b[31m\u202e"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A search of which other programs have written all they could."""

    opened: Storage
    folder: Path
    count: int  # trials


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("others")
    (folder / "bench.py").write_text(DEFINITION)
    opened = storage.prepare(f"sqlite:///{folder / 'hpo.db'}")
    from hpo.study import registry

    definition = registry.load(f"{folder / 'bench.py'}:study")
    plan = studies.StudyPlan(
        name=NAME, reference=f"{folder / 'bench.py'}:study", definition="bench", space="small", seed=7,
        fingerprint=definition.space().fingerprint, fidelity="quick", direction="maximize", metric="accuracy",
        sampler="random", pruner="none",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    count = 2 * len(VALUES) + 3
    _search(opened, count)
    _spoil(folder / "hpo.db", opened, count)
    opened.forget()
    yield Place(opened=opened, folder=folder, count=count)
    opened.close()


def _search(opened: Storage, count: int) -> None:
    """Settle that many trials as workers would."""
    slots = Slots(opened)
    slots.open(NAME, count)
    loaded = studies.load(
        opened, NAME, sampler=optuna.samplers.RandomSampler(seed=1), pruner=optuna.pruners.NopPruner()
    )
    for number in range(count):
        slot = slots.claim(NAME, "me", 600)
        assert slot is not None
        made = slot_trials.create(opened, loaded, slot)
        params = {"x": made.suggest_float("x", 0.0, 1.0), "kind": made.suggest_categorical("kind", ("a", "b"))}
        made.report(0.5, 1)
        value = number / count
        assert slots.settle(slot, "complete", value, params=params, trial_number=made.number)
        assert slot_trials.tell(opened, made._trial_id, "complete", value)


def _spoil(file: Path, opened: Storage, count: int) -> None:
    """Write each value under every name, past whatever would not write it."""
    study = opened.rdb.get_study_id_from_name(NAME)
    # Trials of another program, drawn from something else under our name.
    others = optuna.load_study(study_name=NAME, storage=opened.rdb)
    text, number = (
        optuna.distributions.CategoricalDistribution(["\ud800", None]),
        optuna.distributions.FloatDistribution,
    )
    for value, x, y in ((float("inf"), -6.0, "\ud800"), (0.1, 1e300, None)):
        drawn = {"x": number(min(x, 0.0), max(x, 0.0)), "\x1b[31m": text}
        others.add_trial(optuna.create_trial(value=value, params={"x": x, "\x1b[31m": y}, distributions=drawn))
    with closing(sqlite3.connect(file)) as connection, connection:
        ids = [
            row[0]
            for row in connection.execute("SELECT trial_id FROM trials WHERE study_id = ? ORDER BY number", [study])
        ]
        for place, text in enumerate(VALUES):
            user, system = ids[place], ids[len(VALUES) + place]
            for name in NAMES:
                _write(connection, "trial_user_attributes", "trial_id", user, name, text)
            for name in SYSTEM:
                _write(connection, "trial_system_attributes", "trial_id", system, name, text)
            for table in ("study_user_attributes", "study_system_attributes"):
                _write(connection, table, "study_id", study, f"odd {place}", text)
        _write(connection, "study_system_attributes", "study_id", study, "dashboard:note_ver", '"x"')
        last = ids[2 * len(VALUES) :]
        connection.execute("UPDATE trial_params SET distribution_json = 'no JSON' WHERE trial_id = ?", [last[0]])
        connection.execute("UPDATE trial_params SET param_value = 99 WHERE trial_id = ?", [last[1]])
        for step, value, kind in ((-5, None, "INF_NEG"), (2, None, "NAN"), (2**31, None, "INF_POS")):
            connection.execute(
                "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
                "VALUES (?, ?, ?, ?)", [last[2], step, value, kind]
            )  # fmt: skip
        for number, (payload, params, further) in enumerate(
            (("no JSON", "[", "{"), ("[]", "5", "5"), ("{}", "null", "[]"))
        ):
            connection.execute(
                "UPDATE hpo_slot SET payload = ?, params = ?, further = ? WHERE position = ?",
                [payload, params, further, count - 1 - number],
            )


def _write(connection: sqlite3.Connection, table: str, of: str, id_: int, key: str, text: str) -> None:
    connection.execute(f"DELETE FROM {table} WHERE {of} = ? AND key = ?", [id_, key])
    connection.execute(f"INSERT INTO {table} ({of}, key, value_json) VALUES (?, ?, ?)", [id_, key, text])


def run(place: Place, *arguments: str) -> None:
    url = f"sqlite:///{place.folder / 'hpo.db'}"
    assert main([*arguments, "--storage", url]) == 0, arguments


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("command", [("status",), ("status", NAME), ("best", NAME), ("importance", NAME)])
def test_every_command_reads_a_database_written_by_others(
    command: tuple[str, ...], form: tuple[str, ...], place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    run(place, *command, *form)
    shown = capfd.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "\u202e" not in shown.err
    if form:
        json.loads(shown.out)


@pytest.mark.thorough
def test_every_trial_written_by_others_is_shown(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(place.count + 2):
        found = trial(place.opened, NAME, number)
        show_trial(found)
        shown = capfd.readouterr().out
        assert "\x1b" not in shown, number
        document(asdict(found))
        assert json.loads(capfd.readouterr().out)["number"] == number
    run(place, "trial", NAME, "0")
    run(place, "trial", NAME, "0", "--json")


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_every_export_has_all_trials_written_by_others(kind: str, place: Place) -> None:
    file = place.folder / f"all.{kind}"
    run(place, "export", NAME, "-o", str(file))
    if kind == "json":
        told = json.loads(file.read_bytes())["trials"]
        assert len([one for one in told if one["outcome"] is not None]) == place.count
    if kind == "parquet":
        from pyarrow import parquet

        assert parquet.read_table(file).num_rows >= place.count + 2


@pytest.mark.parametrize("kind", ["html", "md"])
def test_every_report_is_written_of_a_database_written_by_others(kind: str, place: Place) -> None:
    run(place, "report", NAME, "-o", str(place.folder / f"all.{kind}"))


def test_every_page_shows_a_database_written_by_others(place: Place) -> None:
    from hpo.web.addresses import segment

    client = pages.create(place.opened).test_client()
    name = segment(NAME)
    for path in (
        "/",
        "/live/overview",
        f"/studies/{name}",
        f"/live/studies/{name}",
        f"/studies/{name}/report",
        "/metrics",
    ):
        assert client.get(path).status_code == 200, path
    assert client.get(f"/studies/{name}/dashboard").status_code == 303
