"""`hpo fleet` on this machine: as many workers as there are trials to take, from none to the most and back to none."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import toy
from fleets import make, until

from hpo import storage
from hpo.errors import UsageError
from hpo.fleet.engines.fleet_engine import Job, WorkerJob
from hpo.fleet.engines.local_engine import LocalEngine
from hpo.fleet.engines.scaling import Bounds, Demand, demand, keep_scaling, scale
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Storage]:
    store = storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")
    yield store
    store.close()


def hpo(*words: str) -> list[str]:
    return [sys.executable, "-m", "hpo", *words]


@pytest.fixture
def start(opened: Storage, tmp_path: Path) -> Iterator[Start]:
    """Start a command of hpo on the storage; it is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> "subprocess.Popen[str]":
        command = hpo(*words, "--storage", opened.url)
        started.append(
            subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def submit(opened: Storage, trials: int) -> None:
    """A study of the toy's that needs no Keras."""
    function = f"{toy.FILE}:nap"
    words = ("submit", function, "--name", "naps", "--direction", "maximize", "--trials", str(trials))
    subprocess.run(hpo(*words, "--storage", opened.url), check=True, capture_output=True, timeout=120)


@pytest.mark.thorough
def test_a_local_fleet_scales_from_none_to_its_maximum_and_back(
    opened: Storage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.2")
    submit(opened, 6)
    up = start("fleet", "up", "local", "--max-workers", "2", "--idle", "1s", "--every", "1s", "--drain", "--cpus", "1")
    out, error = up.communicate(timeout=120)
    assert up.returncode == 0, error
    assert "workers wanted: 2, there: 0; 2 started" in error
    assert "no worker is left" in error
    assert out == ""
    assert toy.unsound(opened.url, "naps", trials=6) == []


@pytest.mark.thorough
@pytest.mark.fresh  # a fork has not the environment that the system tells of it
def test_a_local_fleet_is_inspected_and_ended_by_another_process(
    opened: Storage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "600")
    submit(opened, 3)
    up = start("fleet", "up", "local", "--max-workers", "2", "--every", "1h")
    until(lambda: Slots(opened).counts("naps").running == 2)
    seen = json.loads(start("fleet", "status", "local", "--json").communicate(timeout=60)[0])
    assert [each["state"] for each in seen["workers"]] == ["running"] * 2
    assert (seen["claimable"], seen["in_hand"]) == (1, 2)
    other = start("fleet", "status", "local", "--name", "other").communicate(timeout=60)[0]
    assert "no worker of fleet other" in other
    assert start("fleet", "wanted", "--max-workers", "9").communicate(timeout=60)[0] == "3\n"
    assert "ended 2 workers" in start("fleet", "down", "local").communicate(timeout=60)[0]
    assert [(slot.state, slot.tries) for slot in Slots(opened).list("naps")] == [("open", 0)] * 3
    up.terminate()
    assert up.wait(60) == 0


@pytest.mark.thorough
def test_workers_end_with_their_killed_fleet(opened: Storage, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECONDS", "600")
    submit(opened, 1)
    up = start("fleet", "up", "local", "--max-workers", "2", "--every", "1h")
    until(lambda: Slots(opened).counts("naps").running)
    workers = psutil.Process(up.pid).children(recursive=True)
    up.kill()
    until(lambda: not any(lives(process) for process in workers))
    assert [(slot.state, slot.tries) for slot in Slots(opened).list("naps")] == [("open", 0)]


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


class Paper:
    """An engine on paper: so many run, so many wait for a place."""

    stays = True

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.ended: list[str] = []

    def jobs(self) -> Sequence[Job]:
        return [Job(id=str(number), state=state) for number, state in enumerate(self.states)]  # type: ignore[arg-type]

    def start(self, number: int) -> None:
        self.states += ["pending"] * number

    def end(self, jobs: Sequence[Job]) -> None:
        self.ended += [job.id for job in jobs]


@pytest.mark.parametrize(
    ("claimable", "held", "states", "started", "ended"),
    [
        (5, 0, (), 4, []),  # no more than the most
        (2, 0, (), 2, []),  # no more than there is to take
        (2, 0, ("pending",), 1, []),  # what waits for a place will take one
        (2, 2, ("running", "running"), 2, []),  # those at work take none
        (0, 9, ("running",), 0, []),  # others have the rest in hand
        (0, 0, ("running",), 0, []),  # it ends by itself
        (1, 1, ("running", "pending", "pending", "pending"), 0, ["3", "2"]),  # the youngest that wait in vain
    ],
)
def test_scaling_starts_as_many_workers_as_there_is_work(
    claimable: int, held: int, states: tuple[str, ...], started: int, ended: list[str]
) -> None:
    engine = Paper(*states)
    change = scale(engine, Demand(claimable=claimable, held=held, unsettled=9), Bounds(most=4))
    assert (change.started, engine.ended) == (started, ended)
    assert len(engine.states) == len(states) + started


def test_the_minimum_of_workers_is_kept_until_all_trials_are_settled(opened: Storage) -> None:
    make(opened, "a", 1)
    halting.stop(opened, "a", by="us", why=None, now=False)
    engine = Paper()
    looks = iter([0, 1])
    keep_scaling(opened, engine, Bounds(least=2, most=4), every=1, stopped=lambda: next(looks), wait=lambda _: None)
    assert engine.states == ["pending"] * 2
    engine.states = []  # they found nothing
    assert keep_scaling(opened, engine, Bounds(least=2, most=4), every=1, drain=True, stopped=lambda: False)
    assert engine.states == []


def test_demand_counts_only_the_studies_asked_for(opened: Storage) -> None:
    for name in "ab":
        make(opened, name, 3)
        assert Slots(opened).claim(name, "w", 3600) is not None
    assert demand(opened) == Demand(claimable=4, held=2, unsettled=6)
    assert demand(opened, ("a",)) == Demand(claimable=2, held=1, unsettled=3)


def test_a_worker_job_has_its_command_environment_and_no_password() -> None:
    job = WorkerJob(
        storage="postgresql://u:secret@h/d", studies=("a b",), gpus=0.5, walltime=3600, setup="module load x"
    )
    assert "secret" not in job.script + repr(job) + job.label
    assert job.environment["HPO_STORAGE"].endswith("u:secret@h/d")
    assert "module load x\nexec " in job.script
    words = "hpo worker --processes 1 --idle 60 --for 3570 --workers-per-gpu 2 --study"
    assert job.command[2:] == [*words.split(), "a b"]
    assert job.label == WorkerJob(storage="postgresql://u:other@h/d").label  # whoever has changed the password


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "-x"}, "no name of a fleet"),
        ({"gpus": 2.0}, "from 0 to 1, not 2"),
        ({"gpus": float("nan")}, "from 0 to 1, not nan"),
        ({"cpus": 0}, "cpus must be a whole number from 1"),
        ({"walltime": 59}, "at least 60 seconds, not 59"),
    ],
)
def test_invalid_fields_of_a_worker_job_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        WorkerJob(storage="sqlite:///x.db", **wrong)  # type: ignore[arg-type]


def test_the_local_engine_refuses_extra_arguments() -> None:
    with pytest.raises(UsageError, match="no engine to pass '--partition=gpu' on to"):
        LocalEngine(WorkerJob(storage="sqlite:///x.db", extra=("--partition=gpu",)))
