"""Workers that die between any two steps, or sleep through their lease: nothing is lost and nothing counts twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import toy
from sqlalchemy import delete

from hpo import storage
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor import worker_exit
from hpo.fleet.supervisor.worker_exit import Housekeeping, dead_holders, free_abandoned
from hpo.fleet.supervisor.worker_messages import Outage
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage, schema, studies
from hpo.storage.process_identity import identity
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord

HERE = Path(__file__).parent
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def toy_study(store: Storage, plan: StudyPlan) -> StudyRecord:
    space = toy.study.space()
    return studies.create_or_resume(store, replace(plan, reference=f"{toy.FILE}:study", fingerprint=space.fingerprint))


@pytest.fixture
def start() -> Iterator[Start]:
    """Start toy_worker.py with these arguments."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, str(HERE / "toy_worker.py"), *arguments]))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.mark.parametrize("step", ["claimed", "created", "trained", "settled", "told"])
def test_a_worker_dead_between_any_two_steps_loses_nothing(
    store: Storage, toy_study: StudyRecord, start: Start, step: str
) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 3)
    assert start(store.url, toy_study.name, "instant", step).wait(60) == 9
    settled = step in ("settled", "told")
    assert slots.counts(toy_study.name).settled == int(settled)
    dead = dead_holders(store, toy_study.name)
    assert free_abandoned(store, dead, max_attempts=3) == int(not settled)  # seen dead: no lease need run out
    recover(store, toy_study.name)
    assert Server(store, toy_study.name, toy.instant).run() == "drained"
    assert toy.unsound(store.url, toy_study.name, trials=3) == []
    assert [slot.tries for slot in slots.list(toy_study.name)] == [1 if settled else 2, 1, 1]


@pytest.mark.parametrize("own", [True, False])
def test_a_dead_workers_slot_is_left_to_its_supervisor_for_one_round(
    store: Storage, toy_study: StudyRecord, own: bool
) -> None:
    """Else a trial that was ended for its time would be tried again, its worker having died of it."""
    slots = Slots(store)
    slots.open(toy_study.name, 1)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert slots.claim(toy_study.name, identity(process.pid), 60)
    process.kill()
    process.communicate()
    chores = Housekeeping(store, max_attempts=3, outage=Outage(), study=toy_study.name if own else None)
    for running in (1, 0):
        chores._freed = float("-inf")  # it is time again
        chores._sweep()
        assert slots.counts(toy_study.name).running == running
    (slot,) = slots.list(toy_study.name)
    assert (slot.reason, slot.tries) == ("its worker died with its supervisor", 1)


def test_one_supervisor_of_many_sweeps(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[int] = []
    monkeypatch.setattr(worker_exit, "recover_all", lambda *_, **__: swept.append(1))
    many = [Housekeeping(store, max_attempts=3, outage=Outage()) for _ in range(5)]
    with store.write() as connection:
        connection.execute(delete(schema.chores))
    for each in many:
        each._sweep()
    assert len(swept) == 1
    many[0].start()
    assert many[0].close(30)  # the last thing a fleet does
    assert len(swept) == 2


def test_holders_of_slots_are_listed_by_host(store: Storage, toy_study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 2)
    for worker in ("here:1:1:b", "there%:1:1:b"):
        assert slots.claim(toy_study.name, worker, 60)
    assert slots.holders() == ["here:1:1:b", "there%:1:1:b"]
    assert slots.holders(host="there%:") == ["there%:1:1:b"]
    assert slots.holders(host="%") == []


def test_each_study_has_its_own_limit_of_attempts(store: Storage, toy_study: StudyRecord, plan: StudyPlan) -> None:
    studies.create_or_resume(store, replace(plan, name="patient"))
    slots = Slots(store, max_attempts=1)
    for name in ("patient", toy_study.name):
        slots.open(name, 1)
        assert slots.claim(name, f"worker of {name}", 60)
    Slots(store, max_attempts=9).record_crash("worker of patient", "it died")
    slots.record_crash(f"worker of {toy_study.name}", "it died")
    assert slots.counts(toy_study.name).failed == 1
    assert slots.counts("patient").open == 1


@pytest.mark.thorough
def test_the_lease_of_a_worker_dead_elsewhere_expires(store: Storage, toy_study: StudyRecord, start: Start) -> None:
    Slots(store).open(toy_study.name, 2)
    assert start(store.url, toy_study.name, "instant", "created").wait(60) == 9
    waits = Server(store, toy_study.name, toy.instant, limits=Limits(lease_seconds=1.5))
    assert waits.run() == "drained"
    assert toy.unsound(store.url, toy_study.name, trials=2) == []


@pytest.mark.thorough
def test_a_worker_stopped_past_its_lease_loses_the_slot(store: Storage, toy_study: StudyRecord, start: Start) -> None:
    Slots(store).open(toy_study.name, 1)
    sleeper = start(store.url, toy_study.name, "held")
    until(lambda: list(Path().glob("began-*")))
    os.kill(sleeper.pid, signal.SIGSTOP)
    Path("go").touch()
    assert Server(store, toy_study.name, toy.instant, limits=Limits(lease_seconds=1.5)).run() == "drained"
    value = Slots(store).list(toy_study.name)[0].value
    os.kill(sleeper.pid, signal.SIGCONT)
    assert sleeper.wait(60) == 0  # its own result is dropped, and there is nothing more to do
    assert toy.unsound(store.url, toy_study.name, trials=1) == []
    slot = Slots(store).list(toy_study.name)[0]
    assert (slot.attempt, slot.value) == (2, value)


@pytest.mark.thorough
def test_a_long_trial_keeps_its_lease(store: Storage, toy_study: StudyRecord, start: Start) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 1)
    worker = start(store.url, toy_study.name, "held")
    until(lambda: list(Path().glob("began-*")))
    first = slots.list(toy_study.name)[0].lease_expires_at
    assert first is not None
    until(lambda: (slots.list(toy_study.name)[0].lease_expires_at or 0) > first + 1.5)  # renewed past its end
    Path("go").touch()
    assert worker.wait(60) == 0
    assert slots.list(toy_study.name)[0].attempt == 1


@pytest.mark.thorough
def test_a_trial_without_progress_loses_its_lease(store: Storage, toy_study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 1)
    seen: list[bool] = []

    def stalls(beat: Callable[[], None]) -> toy.Objective:
        def run(trial: optuna.Trial) -> float:
            if not seen:
                until(lambda: slots.counts(toy_study.name).running == 0)
                seen.append(True)
            return toy.height(trial)

        return run

    Server(store, toy_study.name, stalls, limits=Limits(lease_seconds=1.0, stall_seconds=1e-9)).run()
    assert seen
    assert toy.unsound(store.url, toy_study.name, trials=1) == []  # nobody took it, so the token still counts


def test_two_concurrent_workers_complete_every_slot_with_distinct_configurations(
    store: Storage, toy_study: StudyRecord, start: Start
) -> None:
    Slots(store).open(toy_study.name, 40)
    both = [start(store.url, toy_study.name, "instant") for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert toy.unsound(store.url, toy_study.name, trials=40) == []
    opened = storage.open(store.url)
    params = [str(slot.params) for slot in Slots(opened).list(toy_study.name)]
    opened.close()
    assert len(set(params)) == 40  # no configuration twice
