"""Ctrl-C, SIGTERM, SIGKILL: what was in flight is given back, nothing stays behind, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import toy

from hpo import storage
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import optimize
from hpo.fleet.protocol import Event, WorkOrder
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor import worker_pool
from hpo.fleet.supervisor.forkserver import ForkServer
from hpo.fleet.supervisor.worker_process import WorkerProcess, environment
from hpo.fleet.worker.process import NAME as WORKER
from hpo.storage import studies
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

NAME = "toy-line-quick"
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start toy_run.py with these arguments, in a session of its own like a shell's job."""
    started: list[subprocess.Popen[str]] = []

    def run(url: str, objective: str, **options: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("toy_run.py")), url, objective, json.dumps(options)]
        started.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def begun() -> set[int]:
    """The processes that have begun a trial."""
    return {int(path.name.split("-")[1]) for path in Path().glob("began-*")}


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tries(url: str) -> list[int]:
    opened = storage.open(url)
    try:
        return [slot.tries for slot in Slots(opened).list(NAME)]
    finally:
        opened.close()


# What a signal does and what a database does have nothing to do with each other: each of either once will do.
@pytest.mark.parametrize(
    ("storage_url", "number"),
    [pytest.param("sqlite", signal.SIGINT, marks=pytest.mark.fresh), ("postgresql", signal.SIGTERM)],
    indirect=["storage_url"],
)
def test_an_interrupted_run_is_resumed_by_the_same_call(storage_url: str, start: Start, number: signal.Signals) -> None:
    url = storage_url
    run = start(url, "sleeps")
    until(lambda: len(begun()) == 2)
    run.send_signal(number)
    out, error = run.communicate(timeout=30)
    last = json.loads(out.splitlines()[-1])
    assert (run.returncode, error) == (130, "")
    assert (last["ended"], last["open"], last["running"], last["workers"]) == ("interrupted", 8, 0, 0)
    assert tries(url) == [0] * 8
    assert not any(psutil.pid_exists(pid) for pid in begun())
    again = start(url, "instant")
    assert again.wait(60) == 0
    assert toy.unsound(url, NAME, trials=8) == []


def test_a_second_ctrl_c_ends_the_run_at_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_GRACE", 3600.0)

    def press_twice() -> None:
        until(begun)
        for _ in range(2):  # the worker cannot hear of it: it holds the interpreter's lock
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)  # else the two arrive as one

    fingers = threading.Thread(target=press_twice)
    fingers.start()
    request = Request(
        definition=f"{toy.FILE}:study",
        objective=f"{toy.FILE}:clutches",
        storage=url,
        trials=8,
        pruner="none",
        limits=Limits(workers=1),
    )
    assert optimize(request).ended == "interrupted"
    fingers.join()
    assert tries(url) == [0] * 8


@pytest.mark.thorough
def test_workers_end_with_a_killed_supervisor(url: str, start: Start) -> None:
    run = start(url, "clutches", workers=1)
    until(begun)
    (worker,) = begun()
    names = {child.pid: child.name() for child in psutil.Process(run.pid).children()}
    others = [pid for pid, name in names.items() if name in (WORKER, "hpo-forkserver")]
    assert worker in others
    assert len(others) == 2  # it, and what it is a fork of
    run.kill()
    run.wait(30)
    until(lambda: not any(alive(pid) for pid in others))
    assert start(url, "instant").wait(30) == 0  # sooner than the lease of 60 s would run out
    assert toy.unsound(url, NAME, trials=8) == []


def ordered(url: str, objective: str) -> WorkOrder:
    """An order on the toy's study, made here."""
    opened = storage.prepare(url)
    space = toy.study.space()
    plan = StudyPlan(
        name=NAME,
        reference=f"{toy.FILE}:study",
        definition="toy",
        space="line",
        fingerprint=space.fingerprint,
        fidelity="quick",
        direction="maximize",
        metric="accuracy",
        sampler="random",
        pruner="none",
    )
    studies.create_or_resume(opened, plan)
    Slots(opened).open(NAME, 2)
    opened.close()
    return WorkOrder(
        storage=url,
        study=NAME,
        worker="",
        parent=0,
        events=-1,
        limits=Limits(memory_limit=1 << 40),
        objective=f"{toy.FILE}:{objective}",
    )


@pytest.fixture(params=["fork", "fresh"])
def worker(request: pytest.FixtureRequest, url: str) -> Iterator[WorkerProcess]:
    """A worker in the middle of a trial, whichever way it was started."""
    forks = ForkServer(environment(1), keras=False) if request.param == "fork" else None
    until(lambda: forks is None or forks.ready)
    worker = WorkerProcess(ordered(url, "sleeps"), environment(1), forks=forks)
    until(begun)
    yield worker
    worker.kill()
    worker.wait()
    if forks is not None:
        forks.close()


def given_back(url: str) -> None:
    opened = storage.open(url)
    slots = Slots(opened).list(NAME)
    running = [
        t for t in opened.rdb.get_all_trials(opened.rdb.get_study_id_from_name(NAME)) if not t.state.is_finished()
    ]
    opened.close()
    assert [(slot.state, slot.tries) for slot in slots] == [("open", 0)] * 2
    assert running == []


def ended(url: str, worker: WorkerProcess) -> Slot:
    """The slot it had in hand, and no trial RUNNING."""
    until(lambda: worker.exit_code is not None)
    worker.read_events()
    opened = storage.open(url)
    slot = next(slot for slot in Slots(opened).list(NAME) if slot.attempt)
    trials = opened.rdb.get_all_trials(opened.rdb.get_study_id_from_name(NAME))
    opened.close()
    assert all(trial.state.is_finished() for trial in trials)
    return slot


def test_a_worker_told_to_stop_releases_its_slot(url: str, worker: WorkerProcess) -> None:
    worker.stop()
    slot = ended(url, worker)
    assert (slot.state, slot.tries) == ("open", 0)
    assert worker.ending == Event(kind="ended", text="stopped")


def test_a_signal_just_before_the_stop_message_also_releases_the_slot(url: str, worker: WorkerProcess) -> None:
    """Whoever ends a group of processes signals each of them."""
    os.kill(worker.pid, signal.SIGTERM)
    worker.stop()
    slot = ended(url, worker)
    assert (slot.state, slot.tries) == ("open", 0)


@pytest.mark.thorough
def test_a_signal_to_a_worker_alone_costs_an_attempt(url: str, worker: WorkerProcess) -> None:
    os.kill(worker.pid, signal.SIGTERM)
    slot = ended(url, worker)
    why = "its worker was ended by SIGTERM, which hpo did not send"
    assert (slot.state, slot.tries, slot.reason) == ("open", 1, why)
    assert worker.ending == Event(kind="crashed", text=why)


def test_a_vanished_supervisor_costs_an_attempt(url: str, worker: WorkerProcess) -> None:
    """On a platform whose kernel does not end a worker with its parent."""
    assert worker._process.stdin is not None
    worker._process.stdin.close()
    slot = ended(url, worker)
    assert (slot.state, slot.tries, slot.reason) == ("open", 1, "its supervisor vanished")


def test_an_objective_reading_stdin_gets_end_of_file(url: str) -> None:
    worker = WorkerProcess(ordered(url, "asks"), environment(1))
    try:
        until(lambda: worker.exit_code is not None)
        opened = storage.open(url)
        assert {slot.reason for slot in Slots(opened).list(NAME)} == {"EOFError: EOF when reading a line"}
        opened.close()
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.thorough
def test_a_worker_that_dies_while_loading_is_described_so(url: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import os, signal\ndef made(beat): os.kill(os.getpid(), signal.SIGSEGV)\n")
    worker = WorkerProcess(replace(ordered(url, "sleeps"), objective=f"{tmp_path / 'mine.py'}:made"), environment(1))
    until(lambda: worker.exit_code is not None)
    worker.close()
    assert worker.loading == NAME
    assert worker.describe_death().startswith("signal 11 (SIGSEGV)")


def test_a_worker_has_a_session_of_its_own(worker: WorkerProcess) -> None:
    """So the terminal's Ctrl-C does not reach it."""
    assert os.getsid(worker.pid) == worker.pid


def test_a_worker_started_after_its_supervisors_death_ends(url: str) -> None:
    order = replace(ordered(url, "instant"), parent=1, worker="w")  # not its parent
    run = subprocess.run(
        [sys.executable, "-m", "hpo.fleet.worker.process"], input=order.to_json(), timeout=60, start_new_session=True
    )
    assert run.returncode == 1
    given_back(url)
