"""A SQLite file in a folder that nobody may write is read as it is, and never as it was."""

import multiprocessing
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from later import know_a_later_version

from hpo import storage
from hpo.errors import HpoError
from hpo.experiments import trial_records as exported
from hpo.storage import Storage, studies
from hpo.storage.queries import status, study_results
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan


@pytest.fixture
def file(plan: StudyPlan) -> Iterator[Path]:
    """A database with one complete trial and one open slot, where other users may look."""
    folder = Path(tempfile.mkdtemp())  # tmp_path lies in a folder only its owner may enter
    opened = storage.prepare(str(folder / "hpo.db"))
    studies.create_or_resume(opened, plan)
    Slots(opened).open(plan.name, 2)
    settle_one(opened, plan.name)
    opened.close()
    yield folder / "hpo.db"
    folder.chmod(0o755)
    shutil.rmtree(folder)


def settle_one(opened: Storage, study: str) -> None:
    slots = Slots(opened)
    slot = slots.claim(study, "w1", 60)
    assert slot is not None
    trial = slot_trials.create(opened, studies.load(opened, study), slot)
    slots.attach(slot, trial.number)
    assert slots.settle(slot, "complete", 0.5, params={}, trial_number=trial.number)
    assert slot_trials.tell(opened, trial._trial_id, "complete", 0.5)


@contextmanager
def unwritable(file: Path) -> Iterator[None]:
    files = [path for path in file.parent.iterdir() if path.is_file()]
    for path in files:
        path.chmod(0o444)
    file.parent.chmod(0o555)
    yield
    file.parent.chmod(0o755)
    for path in files:
        path.chmod(0o644)


def look(url: str) -> dict[str, Any]:
    """What the commands that only look read."""
    opened = storage.open(url)
    (one,) = status.all_statuses(opened)
    settled = [study_results.trial(opened, one.study, number) for number in range(one.settled)]
    told = {
        "settled": one.settled,
        "best": study_results.best(opened, one.study).value,
        "trials": [(trial.number, trial.state, trial.value) for trial in settled],
        "exported": [trial.value for trial in exported.read(opened, one.study)[1]],
    }
    opened.close()
    return told


def as_nobody(action: Callable[[], object]) -> Any:
    """What `action` returns, or the line it is refused with, in a process that owns nothing and imports nothing."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def run() -> None:
        if os.geteuid() == 0:  # root may write anything
            os.setgid(65534)
            os.setuid(65534)
        try:
            theirs.send(action())
        except HpoError as error:
            theirs.send(str(error))

    child = context.Process(target=run)
    child.start()
    assert ours.poll(60)
    told = ours.recv()
    child.join(60)
    return told


def test_an_unwritable_database_is_read_without_leaving_files(file: Path) -> None:
    expected = look(str(file))
    before = file.read_bytes()
    with unwritable(file):
        assert as_nobody(lambda: look(str(file))) == expected
        assert [path.name for path in file.parent.iterdir()] == ["hpo.db"]
    assert file.read_bytes() == before


def test_later_changes_to_an_unwritable_database_are_seen(file: Path, plan: StudyPlan) -> None:
    look(str(file))
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def watch() -> dict[str, Any]:
        opened = storage.open(str(file))
        first = status.study_status(opened, plan.name).settled
        theirs.send("looked")
        assert theirs.poll(60)
        return {"first": first, "then": status.study_status(opened, plan.name).settled, "anew": look(str(file))}

    def write() -> None:
        assert ours.poll(60)
        file.parent.chmod(0o755)
        file.chmod(0o644)
        opened = storage.open(str(file))
        settle_one(opened, plan.name)  # into the file beside it, as the connection stays open
        file.parent.chmod(0o555)
        ours.send("written")
        held.append(opened)

    held: list[Storage] = []
    with unwritable(file):
        told = during(write, lambda: as_nobody(watch))
    held[0].close()
    assert (told["first"], told["then"], told["anew"]["settled"]) == (1, 2, 2)


def during(action: Callable[[], None], call: Callable[[], Any]) -> Any:
    """What `call` returns, with `action` done in a thread beside it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(action)
        told = call()
        beside.result(60)
    return told


def test_unreadable_changes_in_the_log_are_reported_and_not_omitted(file: Path) -> None:
    look(str(file))
    with sqlite3.connect(file) as writer:
        writer.execute("UPDATE hpo_slot SET value = 0.75 WHERE value = 0.5")
        writer.commit()
        copied = {name: (file.parent / name).read_bytes() for name in ("hpo.db", "hpo.db-wal")}
    writer.close()
    for name, content in copied.items():  # as of a backup that was made while somebody wrote
        (file.parent / name).write_bytes(content)
    with unwritable(file):
        line = as_nobody(lambda: look(str(file)))
    assert line == (
        f"storage sqlite:///{file}: its last changes are in hpo.db-wal and cannot be read, as its folder cannot be "
        "written: copy both files to a folder that can"
    )
    assert look(str(file))["best"] == 0.75  # where it can be written


@pytest.mark.parametrize(
    "write",
    [
        lambda url, study: storage.prepare(url),
        lambda url, study: storage.upgrade(url),
        lambda url, study: storage.find(url, to_write=True),
        lambda url, study: Slots(storage.open(url)).open(study, 9),
        lambda url, study: Slots(storage.open(url)).claim(study, "w2", 60),
        lambda url, study: studies.delete(storage.open(url), study),
    ],
)
def test_writing_to_an_unwritable_database_is_refused_in_one_line(
    write: Callable[[str, str], object], file: Path, plan: StudyPlan
) -> None:
    look(str(file))
    with unwritable(file):
        line = as_nobody(lambda: write(str(file), plan.name) and None)
    assert line is not None
    assert line.startswith(f"storage sqlite:///{file}: it cannot be written: check the permissions of the file and of")
    assert "\n" not in line


def test_unwritable_tables_of_an_earlier_version_are_refused_with_the_reason(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_a_later_version(monkeypatch, file.with_name("migrations"))
    look(str(shutil.copy(file, file.with_name("copy.db"))))
    with unwritable(file):
        line = as_nobody(lambda: look(str(file)))
    assert "it cannot be written" in line
    assert "tables of version" in line
