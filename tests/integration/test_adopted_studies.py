"""Studies of plain Optuna, taken over: what is kept, how they go on, and who else can still read them."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import optuna
import optuna_dashboard
import own
import pytest
from asking import asked
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sqlalchemy import text
from werkzeug.test import Client

import hpo
from hpo import storage
from hpo.cli import main
from hpo.errors import StorageError, StudyError
from hpo.experiments.compare.comparison_plan import plan_comparison
from hpo.experiments.compare.comparison_request import CompareRequest
from hpo.experiments.compare.comparison_run import run_comparison
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import leave
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage
from hpo.storage.queries import status, study_results
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import adoption
from hpo.storage.studies.foreign_study import read_foreign

SEEDED = f"{own.FILE}:seeded"


def objective(trial: optuna.Trial) -> float:
    """What `own.seeded` is, with what a study of somebody's has beside its values."""
    if trial.number % 20 == 7:
        raise ValueError
    for step in range(3):
        trial.report(step + trial.number, step)
    if trial.number % 20 == 9:
        raise optuna.TrialPruned
    trial.set_user_attr("note", {"at": trial.number})
    return own.seeded(trial)


@pytest.fixture
def theirs(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Storage]:
    with closing(storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")) as opened:
        yield opened


def made(url: str, trials: int) -> optuna.Study:
    memory = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=memory, study_name="theirs", sampler=optuna.samplers.RandomSampler(seed=1))
    study.set_user_attr("who", "me")
    study.optimize(objective, n_trials=trials, catch=(ValueError,))
    optuna.copy_study(from_study_name="theirs", from_storage=memory, to_storage=url)
    return optuna.load_study(study_name="theirs", storage=url)


def taken(store: Storage, url: str, **options: Any) -> adoption.Adopted:
    return adoption.adopt(store, read_foreign(url, "theirs"), **options)


def optunas_command(*words: str) -> list[dict[str, Any]]:
    """What Optuna's own command prints, as somebody types it."""
    command = [str(Path(sys.executable).with_name("optuna")), *words, "-f", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def brought(store: Storage, trials: int, reference: str = SEEDED) -> status.StudyStatus:
    with closing(plan(asked(definition=reference, storage=store.url, trials=trials, workers=0, name="theirs"))) as it:
        leave(it)
    assert Server(store, "theirs").run() == "drained"
    return status.study_status(store, "theirs")


@pytest.mark.thorough
def test_an_adopted_study_of_200_trials_continues_to_300_and_optuna_still_reads_it(
    store: Storage, theirs: str, tmp_path: Path
) -> None:
    before = made(theirs, 200)
    found = taken(store, theirs)
    assert (found.complete, found.pruned, found.failed, found.open) == (180, 10, 10, 0)
    kept = optuna.load_study(study_name="theirs", storage=store.optuna)
    assert kept.user_attrs == {"who": "me"}
    for ours, there in zip(kept.trials, before.trials, strict=True):
        assert (ours.params, ours.distributions, ours.values, ours.state) == (
            there.params,
            there.distributions,
            there.values,
            there.state,
        )
        assert (ours.intermediate_values, ours.user_attrs) == (there.intermediate_values, there.user_attrs)
        assert (ours.datetime_start, ours.datetime_complete) == (there.datetime_start, there.datetime_complete)
    assert study_results.best(store, "theirs").value == before.best_value
    assert status.study_status(store, "theirs").settled == 200
    with pytest.raises(StudyError, match=r"nobody has said what it is of: hpo optimize FILE.py:objective"):
        plan_comparison(CompareRequest(study="theirs", storage=store.url))
    now = brought(store, 300)
    assert (now.target, now.settled, now.complete, now.metric, now.definition) == (300, 300, 280, "error", "seeded")
    with closing(plan_comparison(CompareRequest(study="theirs", storage=store.url, pairs=6, candidates=1))) as planned:
        assert run_comparison(planned).comparison.verdict == "better"
    client = Client(optuna_dashboard.wsgi(store.url))
    listed = client.get("/api/studies").get_json()["study_summaries"]
    shown = next(each for each in listed if each["study_name"] == "theirs")
    page = client.get(f"/api/studies/{shown['study_id']}").get_json()
    assert len(page["trials"]) == 300
    there = optunas_command("studies", "--storage", store.url)
    assert next(each for each in there if each["name"] == "theirs")["n_trials"] == 300
    listed = optunas_command("trials", "--storage", store.url, "--study-name", "theirs")
    told = [trial["value"]["error"] for trial in listed if trial["state"] == "COMPLETE"]
    values = [trial.value for trial in before.trials if trial.state == TrialState.COMPLETE]
    assert (len(told), told[:180]) == (280, values)
    exported = tmp_path / "theirs.csv"
    assert main(["export", "theirs", "-o", str(exported), "--storage", store.url]) == 0
    with exported.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["value"]) for row in rows if row["state"] == "complete"][:180] == values
    assert optuna.load_study(study_name="theirs", storage=theirs).trials == before.trials  # untouched


@pytest.mark.thorough
def test_the_trials_dataframe_of_an_adopted_study_equals_optunas(store: Storage, theirs: str) -> None:
    before = made(theirs, 40)
    taken(store, theirs)
    table, optunas = hpo.load("theirs", storage=store.url).trials_dataframe(), before.trials_dataframe()
    for name in (each for each in optunas if not each.startswith("system_attrs_")):
        assert table[name].dtype.kind == optunas[name].dtype.kind, name
        if name.startswith("datetime_"):  # whose zone Optuna leaves out
            assert [at.timestamp() for at in table[name]] == [getattr(one, name).timestamp() for one in before.trials]
        else:
            ours, there = table[name].dropna(), optunas[name].dropna()
            assert (ours.index.tolist(), ours.tolist()) == (there.index.tolist(), there.tolist()), name


@pytest.mark.thorough
def test_adopting_fails_running_trials_and_opens_enqueued_ones(store: Storage, theirs: str) -> None:
    study = made(theirs, 3)
    study.ask({"x": optuna.distributions.FloatDistribution(0, 10)})
    study.enqueue_trial({"x": 2.5})
    found = taken(store, theirs)
    assert (found.complete, found.failed, found.open, found.left) == (3, 1, 1, 0)
    slots = Slots(store).list("theirs")
    assert (slots[3].outcome, slots[3].reason) == ("failed", "it was running when its study was adopted")
    assert slots[4].fixed == {"x": 2.5}
    left = taken(store, theirs, running="leave", name="without")
    assert (left.failed, left.left) == (0, 1)
    now = brought(store, 6)
    assert (now.settled, now.complete) == (6, 5)
    assert dict(Slots(store).list("theirs")[4].params or {}) == {"x": 2.5}
    trials = optuna.load_study(study_name="theirs", storage=store.optuna).trials
    assert [trial.state for trial in trials].count(TrialState.FAIL) == 1


@pytest.mark.thorough
def test_several_objectives_and_constraints_are_adopted(store: Storage, theirs: str) -> None:
    study = optuna.create_study(storage=theirs, study_name="theirs", directions=["minimize", "maximize"])
    study.set_metric_names(["cost", "gain"])

    def both(trial: optuna.Trial) -> tuple[float, float]:
        trial.set_constraint("even", float(trial.number % 2))
        return own.front(trial)  # type: ignore[return-value]

    study.optimize(both, n_trials=4)
    found = taken(store, theirs)
    assert (found.complete, found.pruned) == (2, 2)
    assert found.record.directions == ("minimize", "maximize")
    now = brought(store, 6, f"{own.FILE}:front")
    assert (now.objectives, now.complete) == (("cost", "gain"), 4)
    assert {slot.reason for slot in Slots(store).list("theirs") if slot.outcome == "pruned"} == {
        "infeasible: even above 0"
    }


@pytest.mark.parametrize("zone", [None, ZoneInfo("Asia/Kolkata")])
def test_times_of_optuna_4_are_read_in_the_given_zone_and_corrected(
    store: Storage, theirs: str, zone: ZoneInfo | None
) -> None:
    made(theirs, 1)
    with RDBStorage(theirs).engine.begin() as connection:
        connection.execute(text("UPDATE version_info SET library_version = '4.8.0'"))
        connection.execute(text("UPDATE trials SET datetime_start = '2025-03-04 05:06:07.000000'"))
    found = read_foreign(theirs, "theirs", zone=zone)
    assert found.corrected
    written = datetime(2025, 3, 4, 5, 6, 7)
    (trial,) = found.trials
    assert trial.datetime_start is not None
    assert trial.datetime_start.astimezone(UTC) == (written.astimezone(UTC) if zone is None else _kolkata(written))


def _kolkata(written: datetime) -> datetime:
    return written.replace(tzinfo=timezone(timedelta(hours=5, minutes=30))).astimezone(UTC)


@pytest.mark.thorough
def test_studies_are_adopted_from_a_journal_and_within_one_database(
    store: Storage, theirs: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.log"
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(journal))), study_name="theirs")
    study.optimize(objective, n_trials=2)
    assert adoption.adopt(store, read_foreign(str(journal), "theirs"), name="journal").complete == 2
    made(theirs, 2)
    with closing(storage.prepare(theirs)) as same:
        with pytest.raises(StudyError, match="was not made by hpo: choose another --name"):
            taken(same, theirs)
        assert taken(same, theirs, name="ours").complete == 2
    assert len(optuna.load_study(study_name="theirs", storage=theirs).trials) == 2
    with pytest.raises(StudyError, match=r"has no study 'their'; did you mean theirs\? There is: theirs, ours"):
        read_foreign(theirs, "their")
    with pytest.raises(StorageError, match="there is no journal"):
        read_foreign(str(tmp_path / "none"), "theirs")
    with pytest.raises(StorageError, match="there is no database"):
        read_foreign(f"sqlite:///{tmp_path / 'none.db'}", "theirs")


def test_an_adopted_study_refuses_a_definition_and_other_directions(store: Storage, theirs: str) -> None:
    made(theirs, 2)
    taken(store, theirs)
    with pytest.raises(StudyError, match="is to minimize, not to minimize, maximize"):
        brought(store, 4, f"{own.FILE}:front")
    with pytest.raises(StudyError, match="goes on with an objective or a program, and cnn is a definition"):
        brought(store, 4, "cnn")


@pytest.mark.thorough
def test_the_adopt_command_takes_over_a_study_and_suggests_what_comes_next(
    theirs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made(theirs, 10)
    assert main(["adopt", theirs, "theirs", "--name", "mine"]) == 0
    told = capsys.readouterr().out
    assert "mine: 10 trials taken over (8 complete, 1 pruned, 1 failed)" in told
    assert "to go on: hpo optimize FILE.py:objective --trials 20 --name mine" in told
    assert main(["status", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settled"] == 10
    assert main(["adopt", theirs, "theirs", "--name", "more", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "study": "more",
        "complete": 8,
        "pruned": 1,
        "failed": 1,
        "open": 0,
        "left": 0,
    }
    for words, code, why in (
        (["theirs", "--name", "mine"], 1, "study 'mine' is in"),
        (["theirs", "--name", "two\nlines"], 2, "a name must have from 1 to 512 printable characters"),
        (["theirs", "--name", ""], 2, "a name must have from 1 to 512 printable characters"),
        (["theirs", "--timezone", "Nowhere/Land"], 2, "there is no time zone 'Nowhere/Land'"),
        (["theirs", "--sampler", "gues"], 2, "there is no sampler 'gues'"),
    ):
        assert main(["adopt", theirs, *words]) == code
        refused = capsys.readouterr().err
        assert refused.count("\n") == 1
        assert why in refused
