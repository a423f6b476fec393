"""`hpo worker` as processes: how it serves, what becomes of what it had in hand, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import orphan_toy
import psutil
import pytest
import toy
from fleets import Fleet, begun, make, until
from sqlalchemy import text

from hpo import storage
from hpo.fleet.resources import share
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting
from hpo.storage.worker_registry import Roster

BASELINE = {"x": 0.5, "kind": "a"}
Start = Callable[..., Fleet]


@pytest.fixture
def opened(storage_url: str) -> Iterator[Storage]:
    store = storage.prepare(storage_url)
    yield store
    store.close()


@pytest.fixture
def start(storage_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start a fleet on the toy's objective of that name; it is ended after the test."""
    started: list[Fleet] = []

    def run(objective: str, *arguments: str) -> Fleet:
        name = f"fleet-{len(started)}"
        command = ["--objective", f"{toy.FILE}:{objective}", *arguments]
        started.append(Fleet(storage_url, *command, folder=tmp_path, name=name))
        return started[-1]

    yield run
    for fleet in started:
        fleet.kill()
        fleet.process.wait()


def trials(store: Storage, study: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=study, storage=store.rdb).trials


@pytest.mark.thorough
def test_a_draining_fleet_completes_all_studies_and_logs_each_trial(opened: Storage, start: Start) -> None:
    make(opened, "a", 5)
    make(opened, "b", 3)
    fleet = start("epochs", "--drain", "--processes", "2", "--log", "json")
    assert fleet.process.wait(120) == 0
    assert toy.unsound(opened.url, "a", trials=5) == []
    assert toy.unsound(opened.url, "b", trials=3) == []
    lines = [json.loads(line) for line in fleet.said().splitlines()]
    settled = [(line["study"], line["slot"], line["trial"]) for line in lines if line["event"] == "settled"]
    told = [(slot.study, slot.position, slot.trial_number) for name in "ab" for slot in Slots(opened).list(name)]
    assert sorted(settled) == sorted(told)
    assert len({line["worker"] for line in lines if line["event"] == "settled"}) in (1, 2)
    assert list(Roster(opened).present()) == []


@pytest.mark.thorough
@pytest.mark.parametrize("storage_url", ["postgresql"], indirect=True)
def test_draining_waits_until_a_dead_workers_slot_is_open_again(opened: Storage, start: Start, tmp_path: Path) -> None:
    make(opened, "a", 1)
    fleet = start("held", "--drain", "--processes", "1", "--log", "json")
    until(begun)
    with opened.engine.begin() as held:
        held.execute(text("SELECT id FROM hpo_slot FOR UPDATE"))  # nobody can give it back for now
        fleet.workers()[0].kill()
        idle = lambda: [each for each in Roster(opened).present() if each.doing == "waiting for work"]  # noqa: E731
        until(idle)  # the next one found nothing
    (tmp_path / "go").touch()
    assert fleet.process.wait(120) == 0
    assert toy.unsound(opened.url, "a", trials=1) == []


@pytest.mark.thorough
def test_fleets_of_one_machine_share_its_cores(opened: Storage, start: Start) -> None:
    roster = Roster(opened)

    def settled(workers: int) -> bool:
        there = roster.present()
        return len(there) == workers and all(each.doing == "waiting for work" for each in there)

    for workers in (1, 2, 3):
        start("instant", "--processes", "1", "--cpu")
        until(lambda workers=workers: settled(workers))
    threads = [each.threads for each in sorted(roster.present(), key=lambda each: each.started_at)]
    assert threads == [share(1), share(2), share(3)]


@pytest.mark.thorough
def test_a_stopped_fleet_releases_its_running_trials(opened: Storage, start: Start) -> None:
    """Each trial is an hour inside one call."""
    make(opened, "a", 3)
    fleet = start("sleeps", "--processes", "2")
    until(lambda: len(begun()) == 2)
    drawn = {t.system_attrs["hpo:slot"]: t.params for t in trials(opened, "a")}
    assert {record.doing for record in Roster(opened).present()} <= {"", "loading a"}
    assert fleet.stop() == 0
    slots = Slots(opened).list("a")
    assert [(slot.state, slot.tries) for slot in slots] == [("open", 0)] * 3
    assert all(trial.state == optuna.trial.TrialState.FAIL for trial in trials(opened, "a"))
    assert "its worker was stopped" in fleet.said()
    assert list(Roster(opened).present()) == []
    assert not any(psutil.pid_exists(int(path.name.split("-")[1])) for path in begun())
    assert start("instant", "--drain", "--processes", "1").process.wait(120) == 0
    assert toy.unsound(opened.url, "a", trials=3) == []
    assert {slot.id: slot.params for slot in Slots(opened).list("a") if slot.id in drawn} == drawn  # with its params


class TestOnOneFile:
    """What the database makes no difference to."""

    @pytest.fixture
    def storage_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'hpo.db'}"

    @pytest.mark.thorough
    def test_a_worker_that_dies_does_not_affect_the_others(self, opened: Storage, start: Start) -> None:
        make(opened, "a", 4)
        fleet = start("held", "--processes", "2", "--drain")
        until(lambda: len(begun()) == 2)
        victim = int(begun()[0].name.split("-")[1])
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(begun()) == 3)  # another one is there, and has taken a slot
        Path("go").touch()
        assert fleet.process.wait(120) == 0
        assert toy.unsound(opened.url, "a", trials=4) == []
        assert sorted(slot.tries for slot in Slots(opened).list("a")) == [1, 1, 1, 2]
        assert "signal 9 (SIGKILL)" in fleet.said()
        assert list(Roster(opened).present()) == []

    @pytest.mark.thorough
    def test_another_fleet_frees_the_slots_of_a_dead_one(self, opened: Storage, start: Start) -> None:
        make(opened, "a", 3)
        first = start("held", "--processes", "2")
        until(lambda: len(begun()) == 2)
        first.kill()
        Path("go").touch()
        second = start("held", "--processes", "1")  # its lease of a minute need not run out
        until(lambda: Slots(opened).counts("a").settled == 3, seconds=50)
        assert second.stop() == 0
        assert toy.unsound(opened.url, "a", trials=3) == []

    @pytest.mark.thorough
    def test_each_study_has_its_own_trial_timeout(self, opened: Storage, start: Start) -> None:
        """The first trial of each holds the interpreter's lock for an hour."""
        make(opened, "short", 2, (BASELINE,), trial_timeout=1.5)
        fleet = start("clutches", "--processes", "1", "--drain")
        assert fleet.process.wait(120) == 0
        first, second = Slots(opened).list("short")
        assert (first.outcome, first.reason, first.attempt) == ("failed", "the trial took longer than 1.5 seconds", 1)
        assert second.outcome == "complete"
        assert toy.unsound(opened.url, "short", trials=2, failed=1) == []

    def test_a_fleet_turns_to_another_study_when_one_is_stopped_now(self, opened: Storage, start: Start) -> None:
        make(opened, "a", 2)
        fleet = start("held", "--processes", "1", "--drain", "--lease", "1s")
        until(begun)
        make(opened, "b", 1)
        halting.stop(opened, "a", by="test", now=True)
        until(lambda: Slots(opened).counts("b").running)
        Path("go").touch()
        assert fleet.process.wait(120) == 0
        counts = Slots(opened).counts("a")
        assert (counts.open, counts.settled) == (2, 0)
        assert toy.unsound(opened.url, "b", trials=1) == []
        assert [trial.state.name for trial in trials(opened, "a")] == ["FAIL"]

    @pytest.mark.thorough
    def test_a_study_that_crashes_every_worker_that_loads_it_is_avoided(
        self, opened: Storage, storage_url: str, tmp_path: Path
    ) -> None:
        deadly = tmp_path / "deadly.py"
        deadly.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
        make(opened, "a", 2, reference=f"{deadly}:study")
        fleet = Fleet(storage_url, "--drain", "--processes", "1", folder=tmp_path)
        assert fleet.process.wait(120) == 1  # for no study is settled
        said = fleet.said()
        assert said.count("its worker died while it loaded a: signal 11 (SIGSEGV)") == 2
        assert said.splitlines()[-1].startswith("hpo: ends with trials that are not settled")
        assert "a (2)" in said.splitlines()[-1]
        assert [(slot.state, slot.attempt) for slot in Slots(opened).list("a")] == [("open", 0)] * 2

    def test_draining_exits_with_an_error_where_a_study_failed(self, opened: Storage, start: Start) -> None:
        make(opened, "a", 9)
        make(opened, "b", 2)
        halting.stop(opened, "b", by="ada")
        fleet = start("wrong", "--drain", "--processes", "1")
        assert fleet.process.wait(120) == 1
        last = fleet.said().splitlines()[-1]
        assert last.startswith("hpo: ends with trials that are not settled: a (4, stopped as its first 5 trials all")
        assert "b (" not in last

    def test_an_objective_that_cannot_be_loaded_ends_the_fleet(self, opened: Storage, start: Start) -> None:
        fleet = start("no_such_objective", "--processes", "2")
        assert fleet.process.wait(120) == 2
        assert "no_such_objective' cannot be loaded" in fleet.said().splitlines()[-1]

    def test_draining_waits_for_trials_running_elsewhere(self, opened: Storage, start: Start) -> None:
        make(opened, "a", 1)
        slots = Slots(opened)
        held = slots.claim("a", "elsewhere", 60)
        assert held is not None
        fleet = start("instant", "--drain", "--processes", "1", "--log", "json")
        until(lambda: any(each.doing == "waiting for work" for each in Roster(opened).present()))
        slots.record_crash("elsewhere", "its machine burnt down")
        assert fleet.process.wait(60) == 0
        assert toy.unsound(opened.url, "a", trials=1) == []

    @pytest.mark.thorough
    def test_a_fleet_runs_as_the_first_process_of_a_container(
        self, opened: Storage, storage_url: str, tmp_path: Path
    ) -> None:
        """Which is sent signals it must have asked for, and whose children other processes' orphans become."""
        unshare = [shutil.which("unshare") or "", "--pid", "--fork", "--mount-proc", "--kill-child"]
        if not unshare[0] or subprocess.run([*unshare, "true"], capture_output=True).returncode:
            pytest.skip("needs the right to make a process namespace: unshare")
        make(opened, "a", 2)
        command = [
            *unshare,
            sys.executable,
            "-m",
            "hpo",
            "worker",
            "--cpu",
            "--processes",
            "1",
            "--storage",
            storage_url,
        ]
        run = subprocess.Popen(
            [*command, "--objective", f"{orphan_toy.FILE}:leaves"], stderr=subprocess.PIPE, text=True
        )
        try:
            until(begun)  # what a worker left behind was buried
            (first,) = psutil.Process(run.pid).children()
            first.send_signal(signal.SIGTERM)
            _, said = run.communicate(timeout=60)
        finally:
            run.kill()
            run.wait()
        assert run.returncode == 0
        assert "gave back" in said
        assert [(slot.state, slot.tries) for slot in Slots(opened).list("a")] == [("open", 0)] * 2
