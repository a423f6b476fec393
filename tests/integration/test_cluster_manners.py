"""`hpo worker` under a scheduler: its signals, so much time and so many trials, nothing to do, a dead launcher."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import toy
from fleets import Fleet, begun, make, until
from sqlalchemy import update

from hpo import storage
from hpo.fleet.worker.process import NAME
from hpo.storage import Storage, schema
from hpo.storage.slots.slots import Slots

Start = Callable[..., Fleet]
on_a_file = pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)


@pytest.fixture
def opened(storage_url: str) -> Iterator[Storage]:
    store = storage.prepare(storage_url)
    yield store
    store.close()


@pytest.fixture
def start(storage_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start a fleet of one worker on the toy's objective of that name; it is ended after the test."""
    started: list[Fleet] = []

    def run(objective: str, *arguments: str) -> Fleet:
        command = ["--objective", f"{toy.FILE}:{objective}", "--processes", "1", *arguments]
        started.append(Fleet(storage_url, *command, folder=tmp_path, name=f"fleet-{len(started)}"))
        return started[-1]

    yield run
    for fleet in started:
        fleet.kill()
        fleet.process.wait()


def slots(store: Storage, study: str = "a") -> list[tuple[str, int, int]]:
    """State, attempts that count, and hand-backs of each."""
    return [(slot.state, slot.tries, slot.releases) for slot in Slots(store).list(study)]


def ends(fleet: Fleet) -> str:
    """What it said once it has ended in order."""
    assert fleet.process.wait(120) == 0, fleet.said()
    return fleet.said()


@pytest.mark.parametrize(
    ("storage_url", "number"), [("sqlite", signal.SIGUSR1), ("postgresql", signal.SIGUSR2)], indirect=["storage_url"]
)
def test_a_schedulers_warning_signal_costs_no_attempt(opened: Storage, start: Start, number: signal.Signals) -> None:
    make(opened, "a", 1)
    fleet = start("sleeps")
    until(begun)
    fleet.process.send_signal(number)
    ends(fleet)
    assert slots(opened) == [("open", 0, 1)]


@on_a_file
def test_a_worker_ends_after_max_trials(opened: Storage, start: Start) -> None:
    make(opened, "a", 5)
    fleet = start("instant", "--max-trials", "3", "--processes", "2")
    assert "3 trials have begun, as many as were to" in ends(fleet)
    assert sorted(slots(opened)) == [("open", 0, 0)] * 2 + [("settled", 1, 0)] * 3


@on_a_file
def test_a_trial_of_a_dead_worker_counts_towards_max_trials(opened: Storage, start: Start) -> None:
    make(opened, "a", 2, ({"x": 0.5, "kind": "a"},))
    ends(start("dies", "--max-trials", "2", "--max-attempts", "1"))
    assert sorted(slot.outcome for slot in Slots(opened).list("a") if slot.outcome) == ["complete", "failed"]


@pytest.mark.thorough
@on_a_file
def test_a_worker_begins_no_trial_it_cannot_finish_in_its_time(opened: Storage, start: Start) -> None:
    for study in ("hours", "moments"):
        make(opened, study, 2)
    ends(start("instant", "--study", "hours", "--max-trials", "1"))
    with opened.engine.begin() as connection:
        a_trial = schema.slots.c.state == "settled"
        connection.execute(update(schema.slots).where(a_trial).values(started_at=schema.slots.c.settled_at - 7200))
    assert "nothing more that it could take" in ends(start("instant", "--for", "1h"))
    assert slots(opened, "hours") == [("settled", 1, 0), ("open", 0, 0)]
    assert [state for state, *_ in slots(opened, "moments")] == ["settled"] * 2


@pytest.mark.thorough
@on_a_file
def test_running_trials_are_released_when_the_workers_time_is_up(opened: Storage, start: Start) -> None:
    make(opened, "a", 1)
    assert "its time is up" in ends(start("sleeps", "--for", "3s"))
    assert begun()
    assert slots(opened) == [("open", 0, 1)]


@on_a_file
@pytest.mark.parametrize("option", [("--idle", "0"), ("--drain",)], ids=" ".join)
def test_a_surplus_worker_ends_before_it_starts_a_process(
    opened: Storage, start: Start, option: tuple[str, ...]
) -> None:
    make(opened, "a", 1)
    slot = Slots(opened).claim("a", "somebody", 3600)
    assert slot is not None
    if option == ("--drain",):  # waits for what others have in hand, as it may come back
        Slots(opened).settle(slot, "complete", 0.5)
    said = ends(start("no_start", *option))
    assert len(said.splitlines()) == 1
    assert "so it ends" in said


@on_a_file
def test_a_worker_ends_after_its_idle_time(opened: Storage, start: Start) -> None:
    make(opened, "a", 3)
    assert Slots(opened).claim("a", "somebody", 3600) is not None
    ends(start("instant", "--idle", "1s"))
    assert sorted(slots(opened)) == [("leased", 1, 0)] + [("settled", 1, 0)] * 2


@pytest.mark.thorough
@on_a_file
def test_a_worker_ends_when_its_launcher_is_gone(opened: Storage, tmp_path: Path) -> None:
    make(opened, "a", 1)
    worker = [sys.executable, "-m", "hpo", "worker", "--cpu", "--processes", "1", "--with-launcher"]
    worker += ["--storage", opened.url, "--objective", f"{toy.FILE}:sleeps"]
    log = (tmp_path / "log").open("wb")
    launcher = subprocess.Popen(["sh", "-c", f"{shlex.join(worker)} & wait"], stdout=log, stderr=log, cwd=tmp_path)
    until(begun)
    started = psutil.Process(launcher.pid).children(recursive=True)
    assert NAME in [process.name() for process in started]
    launcher.kill()
    launcher.wait()
    until(lambda: not any(lives(process) for process in started))
    assert slots(opened) == [("open", 0, 1)]


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
