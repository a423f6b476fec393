"""A worker whose SQLite file is deleted, moved or replaced while it trains: what it came to is settled, or kept."""

import json
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import toy

from hpo import storage
from hpo.errors import HpoWarning, ReplacedError, StorageError
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.loaded_study import MakeObjective
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage, sqlite_file, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

DATABASE, AWAY, BACKUP = Path("hpo.db"), Path("away.db"), Path("backup.db")
LOST = Path("hpo.db.lost-results.jsonl")
TRIALS = 5


@pytest.fixture
def opened(plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """A study of a few slots; nobody brings a file back."""
    monkeypatch.setattr(sqlite_file, "_GRACE", 0.2)
    monkeypatch.setattr(sqlite_file, "_LOOK", 0.01)
    made = storage.prepare(str(DATABASE))
    fingerprint = toy.study.space().fingerprint
    studies.create_or_resume(made, replace(plan, reference=f"{toy.FILE}:study", fingerprint=fingerprint))
    Slots(made).open(plan.name, TRIALS)
    yield made
    made.close()


class Trained:
    """An objective that does something in the middle of its third trial, or before and after the report there."""

    def __init__(self, *steps: Callable[[], object], reports: bool = False) -> None:
        self._steps = steps
        self._reports = reports
        self.values: list[float] = []

    def make(self, beat: Callable[[], None]) -> toy.Objective:
        return self

    def __call__(self, trial: optuna.Trial) -> float:
        value = toy.height(trial)
        self.values.append(value)
        if len(self.values) == 3:
            for step in self._steps:
                step()
            if self._reports:
                trial.report(value, 1)
        return value


def work(opened: Storage, plan: StudyPlan, objective: MakeObjective) -> list[str]:
    """Serve the study to its end; the notes about it."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            # Leases of an attempt that a backup knows and nobody is at are soon over.
            Server(opened, plan.name, objective, limits=Limits(lease_seconds=1.0)).run()
        finally:
            said.extend(str(note.message) for note in notes if note.category is HpoWarning)
    return said


said: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    said.clear()


def back_up() -> None:
    ours, theirs = sqlite3.connect(DATABASE), sqlite3.connect(BACKUP)
    ours.backup(theirs)
    ours.close()
    theirs.close()


def restore() -> None:
    DATABASE.rename(AWAY)
    shutil.copy(BACKUP, DATABASE)


def foreign() -> None:
    made = sqlite3.connect(AWAY)
    made.execute("CREATE TABLE users (id int)")
    made.commit()
    made.close()
    AWAY.replace(DATABASE)


def kept() -> dict[str, object]:
    """The only result that was kept beside."""
    (line,) = LOST.read_text().splitlines()
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.parametrize(
    ("step", "kind", "why"),
    [
        (DATABASE.unlink, StorageError, "the file was deleted or moved while in use"),
        (foreign, ReplacedError, "the one that is there now is another program's"),
    ],
)
def test_without_its_database_a_worker_stops_and_keeps_the_result_in_a_file(
    opened: Storage, plan: StudyPlan, step: Callable[[], object], kind: type[StorageError], why: str
) -> None:
    trained = Trained(step)
    with pytest.raises(kind, match=why):
        work(opened, plan, trained.make)
    assert len(trained.values) == 3
    there = kept()
    assert (there["study"], there["outcome"], there["value"]) == (plan.name, "complete", trained.values[-1])
    assert set(there["params"]) == {"x", "kind"}  # type: ignore[call-overload]
    (note,) = [note for note in said if "trial 2 of study 'toy-line-quick' came to (complete" in note]
    assert str(LOST.absolute()) in note
    assert why in note


@pytest.mark.parametrize("reports", [False, True])
def test_a_backup_without_the_trial_is_continued_and_the_result_kept_in_a_file(
    opened: Storage, plan: StudyPlan, reports: bool
) -> None:
    back_up()
    trained = Trained(restore, reports=reports)
    notes = work(opened, plan, trained.make)
    assert toy.unsound(opened.url, plan.name, trials=TRIALS) == []
    assert any("replaced while in use by another copy" in note for note in notes)
    assert len(trained.values) == 3 + TRIALS
    if reports:  # it ends there
        assert not LOST.exists()
    else:
        assert kept()["value"] == trained.values[2]


@pytest.mark.parametrize("reports", [False, True])
def test_a_backup_with_the_trial_gets_its_result(opened: Storage, plan: StudyPlan, reports: bool) -> None:
    trained = Trained(back_up, restore, reports=reports)
    work(opened, plan, trained.make)
    assert len(trained.values) == TRIALS
    assert toy.unsound(opened.url, plan.name, trials=TRIALS) == []
    assert [slot.attempt for slot in Slots(opened).list(plan.name)] == [1] * TRIALS
    assert not LOST.exists()


def test_a_worker_loses_nothing_when_the_write_ahead_log_is_deleted(opened: Storage, plan: StudyPlan) -> None:
    trained = Trained(Path("hpo.db-wal").unlink)
    work(opened, plan, trained.make)
    assert len(trained.values) == TRIALS
    assert toy.unsound(opened.url, plan.name, trials=TRIALS) == []


def test_a_result_is_kept_elsewhere_when_the_folder_is_gone(
    opened: Storage, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    opened.close()
    (tmp_path / "hpo.db").rename(folder / "hpo.db")
    there = storage.open(str(DATABASE))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match="deleted or moved"):
        work(there, plan, Trained(lambda: shutil.rmtree(folder)).make)
    assert kept()["trial"] == 2
    there.close()
