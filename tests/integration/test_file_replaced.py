"""A SQLite file that is deleted, moved or replaced while it is in use: it is noticed before anything goes wrong."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpo import storage
from hpo.errors import HpoWarning, ReplacedError, StorageError
from hpo.storage import Storage, sqlite_file, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

DATABASE, AWAY, BACKUP = Path("hpo.db"), Path("away.db"), Path("backup.db")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody brings a file back in these tests."""
    monkeypatch.setattr(sqlite_file, "_GRACE", 0.2)
    monkeypatch.setattr(sqlite_file, "_LOOK", 0.01)


@pytest.fixture
def several(plan: StudyPlan) -> Iterator[list[Storage]]:
    """The database as three processes have it open, with a study of 60 slots."""
    opened = [storage.prepare(str(DATABASE)), *(storage.open(str(DATABASE)) for _ in range(2))]
    studies.create_or_resume(opened[0], plan)
    Slots(opened[0]).open(plan.name, 60)
    yield opened
    for each in opened:
        each.close()


def work(several: list[Storage], plan: StudyPlan, rounds: int = 3) -> None:
    """Settle a slot each, so many times."""
    for _ in range(rounds):
        for each in several:
            slot = Slots(each).claim(plan.name, "w1", 60)
            assert slot is not None
            assert Slots(each).settle(slot, "complete", 0.5)


def settled(opened: Storage, plan: StudyPlan) -> list[int]:
    """How often each slot that is settled was begun; and the file is sound."""
    with opened.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    return [slot.attempt for slot in Slots(opened).list(plan.name) if slot.state == "settled"]


def back_up() -> None:
    """As `sqlite3 hpo.db '.backup backup.db'`."""
    ours, theirs = sqlite3.connect(DATABASE), sqlite3.connect(BACKUP)
    ours.backup(theirs)
    ours.close()
    theirs.close()


def lengthen(opened: Storage, plan: StudyPlan) -> None:
    """Make the file longer than any backup of it."""
    for number in range(30):
        studies.load(opened, plan.name).set_user_attr(str(number), "x" * 2000)
    with opened.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def others(path: Path) -> None:
    """Another program's."""
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE users (id int)")
    made.commit()
    made.close()


@pytest.mark.parametrize("how", ["deleted", "moved"])
def test_a_deleted_or_moved_file_is_noticed_and_nothing_is_written(
    several: list[Storage], plan: StudyPlan, how: str
) -> None:
    work(several, plan)
    DATABASE.unlink() if how == "deleted" else DATABASE.rename(AWAY)
    for each in several:
        with pytest.raises(ReplacedError, match="the file was deleted or moved while in use: put it ") as caught:
            Slots(each).claim(plan.name, "w1", 60)
        assert (caught.value.transient, caught.value.mendable) == (False, False)
        with pytest.raises(StorageError, match="deleted or moved"):
            studies.get(each, plan.name)
    if how == "moved":
        AWAY.rename(DATABASE)
        work(several, plan)
        assert settled(several[0], plan) == [1] * 18


def test_a_moved_file_holds_every_settled_result(several: list[Storage], plan: StudyPlan) -> None:
    work(several, plan)
    DATABASE.rename(AWAY)
    with pytest.raises(StorageError):
        Slots(several[0]).claim(plan.name, "w1", 60)
    shutil.copy(AWAY, BACKUP)  # alone, without what lies beside it
    copied = storage.open(str(BACKUP))
    assert settled(copied, plan) == [1] * 9
    copied.close()


def test_unlimited_patience_does_not_wait_for_a_missing_file(several: list[Storage], plan: StudyPlan) -> None:
    first = several[0]
    first.patience = float("inf")
    DATABASE.rename(AWAY)
    with pytest.raises(ReplacedError, match="deleted or moved"):
        first.patient.answer(lambda: Slots(first).claim(plan.name, "w1", 60))


@pytest.mark.parametrize("names", [["-wal"], ["-shm"], ["-wal", "-shm"]])
def test_a_deleted_write_ahead_log_costs_no_result(several: list[Storage], plan: StudyPlan, names: list[str]) -> None:
    work(several, plan)
    for name in names:
        Path(f"{DATABASE}{name}").unlink()
    work(several, plan)
    fresh = storage.open(str(DATABASE))
    work([*several, fresh], plan)
    assert settled(fresh, plan) == [1] * 30
    fresh.close()


@pytest.mark.parametrize("how", ["copied", "moved"])
def test_work_continues_on_a_restored_backup(several: list[Storage], plan: StudyPlan, how: str) -> None:
    work(several, plan)
    back_up()
    work(several, plan)
    DATABASE.rename(AWAY)
    shutil.copy(BACKUP, DATABASE) if how == "copied" else BACKUP.rename(DATABASE)
    with pytest.warns(HpoWarning, match="replaced while in use by another copy"):
        work(several, plan)
    for each in several:
        assert settled(each, plan) == [1] * 18


def test_optunas_cache_is_cleared_when_the_file_is_replaced(several: list[Storage], plan: StudyPlan) -> None:
    optunas = studies.load(several[0], plan.name)
    back_up()
    optunas.tell(optunas.ask(), 1.0)
    assert len(optunas.trials) == 1
    DATABASE.rename(AWAY)
    shutil.copy(BACKUP, DATABASE)
    with pytest.warns(HpoWarning, match="replaced while in use"):
        assert optunas.trials == []
    optunas.tell(optunas.ask(), 0.5)
    assert [trial.value for trial in optunas.trials] == [0.5]


@pytest.mark.parametrize(
    ("put", "what"),
    [
        (Path.touch, "is empty"),
        (lambda path: path.write_bytes(b"Dear diary, " * 9000), "is not a SQLite database"),
        (others, "is another program's"),
    ],
)
def test_an_unsuitable_replacement_file_is_refused_untouched(
    several: list[Storage], plan: StudyPlan, put: Callable[[Path], object], what: str
) -> None:
    work(several, plan)
    put(BACKUP)
    before = BACKUP.read_bytes()
    DATABASE.rename(AWAY)
    BACKUP.rename(DATABASE)
    for each in several * 2:
        with pytest.raises(ReplacedError, match=what):
            Slots(each).claim(plan.name, "w1", 60)
    assert DATABASE.read_bytes() == before
    kept = storage.open(str(AWAY))
    assert settled(kept, plan) == [1] * 9
    kept.close()


@pytest.mark.parametrize("put", ["a backup", "nothing", "garbage"])
def test_a_file_overwritten_while_in_use_is_left_as_it_is(several: list[Storage], plan: StudyPlan, put: str) -> None:
    """As by `cp`, which leaves the file the same by its number."""
    work(several, plan)
    back_up()
    lengthen(several[0], plan)
    content = {"a backup": BACKUP.read_bytes(), "nothing": b"", "garbage": b"Dear diary, " * 900}[put]
    DATABASE.write_bytes(content)
    for _ in range(2):
        with pytest.raises(ReplacedError, match="another file was written over it while in use"):
            Slots(several[0]).claim(plan.name, "w1", 60)
    for each in several:
        each.close()
    assert DATABASE.read_bytes() == content
    if put == "a backup":
        fresh = storage.open(str(DATABASE))
        assert settled(fresh, plan) == [1] * 9
        fresh.close()


def test_a_vacuumed_file_is_not_taken_for_a_replaced_one(several: list[Storage], plan: StudyPlan) -> None:
    lengthen(several[0], plan)
    for number in range(30):
        studies.load(several[0], plan.name).set_user_attr(str(number), "")
    work(several, plan)
    other = sqlite3.connect(DATABASE)
    before = DATABASE.stat().st_size
    other.execute("VACUUM")
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    assert DATABASE.stat().st_size < before
    work(several, plan)
    assert settled(several[0], plan) == [1] * 18


def test_a_replaced_file_without_the_running_study_is_refused(several: list[Storage], plan: StudyPlan) -> None:
    record = studies.get(several[0], plan.name)
    storage.prepare(str(BACKUP)).close()
    DATABASE.rename(AWAY)
    BACKUP.rename(DATABASE)
    with several[0].holdings.study(plan.name, record.id, record.created_at):
        with pytest.raises(ReplacedError, match="has no study 'toy-line-quick'"):
            studies.list_all(several[0])
        new = storage.open(str(DATABASE))
        studies.create_or_resume(new, plan)
        with pytest.raises(ReplacedError, match="has another study of the name"):
            studies.list_all(several[0])
    with pytest.warns(HpoWarning, match="replaced while in use"):  # to whoever looks on any will do
        (there,) = studies.list_all(several[0])
    assert there.created_at != record.created_at
    new.close()
