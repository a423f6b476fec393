"""Workers as forks of one process: each has what a fresh process would have, and nothing depends on that one."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import forked_toy
import psutil
import pytest
import toy
from asking import asked
from test_supervisor_signals import NAME, alive, begun, ordered, until

from hpo import storage
from hpo.experiments.search_run import optimize
from hpo.fleet.resources import usable_cores
from hpo.fleet.supervisor import forkserver
from hpo.fleet.supervisor.forkserver import ForkServer
from hpo.fleet.supervisor.worker_process import WorkerProcess, environment
from hpo.storage.queries.status import Progress
from hpo.storage.slots.slots import Slots

SERVER = "hpo-forkserver"
pytestmark = pytest.mark.fresh


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"


@pytest.fixture
def forks() -> Iterator[ForkServer]:
    server = ForkServer(environment(1), keras=False)
    until(lambda: server.ready)
    yield server
    server.close()


@pytest.fixture
def start(url: str) -> Iterator[Callable[..., WorkerProcess]]:
    """Start a worker with an objective of one of the toys."""
    started: list[WorkerProcess] = []

    def run(objective: str, env: Mapping[str, str] | None = None, *, forks: ForkServer) -> WorkerProcess:
        started.append(
            WorkerProcess(replace(ordered(url, "sleeps"), objective=objective), env or environment(1), forks=forks)
        )
        return started[-1]

    yield run
    for child in started:
        child.kill()
        child.close()


def told(child: WorkerProcess) -> dict[str, Any]:
    file = Path(f"told-{child.pid}")
    until(file.exists)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def is_fork(child: WorkerProcess) -> bool:
    return "hpo.fleet.worker.process" not in psutil.Process(child.pid).cmdline()


def test_each_fork_has_an_environment_threads_and_chance_of_its_own(
    start: Callable[..., WorkerProcess], forks: ForkServer
) -> None:
    objective = f"{forked_toy.FILE}:tells"
    one = start(objective, environment(1), forks=forks)
    two = start(objective, {**environment(2), "CUDA_VISIBLE_DEVICES": "7"}, forks=forks)
    first, second = told(one), told(two)
    assert is_fork(one)
    assert first["environment"] == environment(1)
    assert second["environment"] == {**environment(2), "CUDA_VISIBLE_DEVICES": "7"}
    assert set(first["blas"]) == {1}
    assert set(second["blas"]) == {min(2, usable_cores())}
    assert not [pair for pair in zip(first["chance"], second["chance"], strict=True) if pair[0] == pair[1]]
    assert first["collects"]  # garbage, although what it is a fork of imported without
    assert first["loaded"] == []  # nobody needs the one, and the other is code of definitions


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_signal_that_ended_a_fork_is_known(
    start: Callable[..., WorkerProcess], forks: ForkServer, number: signal.Signals
) -> None:
    child = start(f"{toy.FILE}:sleeps", forks=forks)
    until(begun)
    os.kill(child.pid, number)
    until(lambda: child.exit_code is not None)
    assert child.exit_code == -number
    child.read_output()
    assert f"signal {number} ({number.name})" in child.describe_death()
    assert "Segmentation fault" in child.describe_death() or number is signal.SIGKILL  # faulthandler's words


def test_the_exit_code_of_a_fork_is_known_and_its_last_words(
    start: Callable[..., WorkerProcess], forks: ForkServer
) -> None:
    child = start(f"{toy.FILE}:no_start", forks=forks)
    until(lambda: child.exit_code is not None)
    child.read_output()
    assert child.exit_code == 3
    assert child.describe_death() == "exit code 3: the library of that name was built for another machine"


@pytest.mark.thorough
def test_a_killed_forkserver_loses_no_trial_and_is_replaced(url: str) -> None:
    """It costs the trials in hand nothing, and the next worker is a fork of another one."""
    request = asked(
        definition=f"{toy.FILE}:study",
        objective=f"{toy.FILE}:held",
        storage=url,
        trials=3,
        workers=1,
        sampler="random",
        seed=1,
    )
    servers: set[int] = set()

    def kill(progress: Progress) -> None:
        mine = [child for child in psutil.Process().children() if alive(child.pid)]
        servers.update(child.pid for child in mine if child.name() == SERVER)
        if len(begun()) == 1 and progress.running and not Path("killed").exists():
            Path("killed").touch()
            (server,) = servers
            os.kill(server, signal.SIGKILL)
            until(lambda: not alive(server))
            (worker,) = begun()
            assert alive(worker)
            os.kill(worker, signal.SIGKILL)
        if len(begun()) == 2:
            Path("go").touch()

    assert optimize(request, kill).ended == "done"
    assert toy.unsound(url, NAME, trials=3) == []
    assert len(servers) == 2
    opened = storage.open(url)
    assert sorted(slot.tries for slot in Slots(opened).list(NAME)) == [1, 1, 2]
    opened.close()
    assert not any(alive(server) for server in servers)


@pytest.mark.thorough
def test_workers_start_fresh_where_processes_cannot_be_adopted(
    start: Callable[..., WorkerProcess], forks: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def unable() -> Iterator[bool]:
        yield False

    monkeypatch.setattr(forkserver, "adopting", unable)
    child = start(f"{toy.FILE}:sleeps", forks=forks)
    until(begun)
    assert not is_fork(child)
    assert forks.ready  # which is to say: there is nothing to wait for
    assert forks.pid is None


def test_workers_start_fresh_where_imports_start_threads(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=[3600], daemon=True).start()\n"
    )
    forks = ForkServer({**environment(1), "PYTHONPATH": str(tmp_path)}, keras=False)
    until(lambda: forks.ready)
    assert forks.pid is None
    assert forks.start(environment(1), None) is None
    forks.close()


def test_a_forkserver_killed_before_it_is_ready_is_replaced(url: str) -> None:
    """A few times only, then workers start fresh: what it imports may be what crashes."""
    forks = ForkServer(environment(1), keras=False)
    assert not forks.ready
    assert forks.pid is not None
    os.kill(forks.pid, signal.SIGKILL)
    first = forks.pid
    until(lambda: forks.ready)
    assert forks.pid not in (None, first)
    forks.close()
    while not forks.ready:
        if forks.pid is not None:
            os.kill(forks.pid, signal.SIGKILL)
    assert forks.pid is None
    assert forks.start(environment(1), None) is None
