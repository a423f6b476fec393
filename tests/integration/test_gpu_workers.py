"""`hpo worker` on a machine with GPUs: real supervisors and workers; only the driver's listing is pretended."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import gpu_toy
import nvidia
import pytest
import toy
from asking import asked

from hpo import storage
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit
from hpo.fleet.gpu_leases import Seats
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.worker_registry import Roster

T = TypeVar("T")
STUDY = "toy-line-quick"
TOY = ("--objective", f"{gpu_toy.FILE}:shows")


@pytest.fixture
def url(storage_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HPO_MACHINE"):
        monkeypatch.delenv(name, raising=False)
    storage.prepare(storage_url).close()
    return storage_url


@pytest.fixture
def opened(url: str) -> Iterator[Storage]:
    store = storage.open(url)
    yield store
    store.close()


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `hpo worker --drain` with these arguments; it is ended after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hpo", "worker", "--drain", *arguments]
        with (tmp_path / f"log-{len(running)}").open("wb") as log:
            process = subprocess.Popen(
                command, env={**os.environ, "HPO_STORAGE": url}, cwd=tmp_path, stdout=log, stderr=log
            )
        running.append(process)
        return process

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(30)


def slots(url: str, number: int) -> None:
    definition, methods = f"{toy.FILE}:study", {"sampler": "random", "pruner": "none"}
    submit(Request(definition=definition, storage=url, fidelity="quick", trials=number, **methods))


def until(look: Callable[[], T], folder: Path) -> T:
    """What `look` gives once that is something."""
    deadline = time.monotonic() + 120
    while not (found := look()):
        logs = "\n".join(log.read_text() for log in sorted(folder.glob("log-*")))
        assert time.monotonic() < deadline, f"it never came: {logs}"
        time.sleep(0.05)
    return found


def seen(folder: Path, number: int, *, without: int = 0) -> dict[int, str]:
    """What CUDA sees in so many workers, once all of them are at a trial; `without` the one that was killed."""

    def look() -> dict[int, str]:
        files = [(int(file.name.split("-")[1]), file) for file in folder.glob("sees-*")]
        found = {pid: file.read_text() for pid, file in files if pid != without}
        return found if len(found) == number else {}

    return until(look, folder)


@pytest.mark.thorough
@pytest.mark.parametrize("storage_url", ["postgresql"], indirect=True)
def test_four_replicas_use_four_gpus_and_a_killed_ones_is_free_again(
    url: str,
    opened: Storage,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 4))
    slots(url, 4)
    fleets = [start(*TOY, "--processes", "1") for _ in range(4)]
    found = seen(tmp_path, 4)
    assert set(found.values()) == {nvidia.uuid(number) for number in range(4)}
    workers = {worker.pid: worker for worker in Roster(opened).present()}
    assert {pid: workers[pid].gpu for pid in found} == found
    assert {worker.gpu_name for worker in workers.values()} == {nvidia.NAME}

    killed, gpu = found.popitem()
    os.kill(killed, signal.SIGKILL)
    again = seen(tmp_path, 4, without=killed)
    assert [again[pid] for pid in again if pid not in found] == [gpu]  # the only one that was free

    (tmp_path / "go").touch()
    assert [fleet.wait(60) for fleet in fleets] == [0] * 4
    assert Slots(opened).counts(STUDY).complete == 4
    assert list(Seats(opened).held()) == []
    assert list(Roster(opened).present()) == []


@pytest.mark.thorough
@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_workers_share_gpus_up_to_the_limit_and_the_rest_wait(
    url: str,
    opened: Storage,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 2))
    slots(url, 6)
    first = start(*TOY, "--workers-per-gpu", "2")  # so many as there are seats
    found = seen(tmp_path, 4)
    assert Counter(found.values()) == {nvidia.uuid(0): 2, nvidia.uuid(1): 2}
    second = start(*TOY, "--processes", "1", "--workers-per-gpu", "2")
    waiting = until(lambda: [w for w in Roster(opened).present() if w.doing == "waiting for a GPU"], tmp_path)
    assert [(worker.gpu, worker.alive) for worker in waiting] == [(None, True)]
    assert Slots(opened).counts(STUDY).running == 4  # it has taken no slot it could not work on
    first.send_signal(signal.SIGTERM)
    after = seen(tmp_path, 5)
    assert after[waiting[0].pid] in found.values()
    assert first.wait(30) == 130
    assert [seat.worker for seat in Seats(opened).held()] == [waiting[0].name]
    (tmp_path / "go").touch()
    assert second.wait(60) == 0
    assert Slots(opened).counts(STUDY).complete == 6


@pytest.mark.slow
@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_workers_on_cpu_lease_and_see_no_gpu(
    url: str,
    opened: Storage,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 2))
    slots(url, 1)
    fleet = start(*TOY, "--cpu", "--processes", "1")
    assert list(seen(tmp_path, 1).values()) == ["-1"]
    assert list(Seats(opened).held()) == []
    (worker,) = Roster(opened).present()
    assert (worker.gpu, worker.threads is not None) == (None, True)
    (tmp_path / "go").touch()
    assert fleet.wait(60) == 0


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["program", "objective"])
@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_programs_and_objectives_each_lease_a_gpu_of_their_own(
    url: str,
    opened: Storage,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """The program whose worker is killed heeds no SIGTERM, and would keep its GPU for a while if it were asked."""
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 2))
    file, directions = gpu_toy.write(tmp_path, kind)
    submit(asked(definition=file, storage=url, directions=directions, name="shown", trials=5, sampler="random"))
    fleet = start()
    found = seen(tmp_path, 2)
    assert set(found.values()) == {nvidia.uuid(0), nvidia.uuid(1)}
    killed, gpu = found.popitem()
    os.kill(killed, signal.SIGKILL)
    again = seen(tmp_path, 2, without=killed)
    assert [again[pid] for pid in again if pid not in found] == [gpu]
    (tmp_path / "go").touch()
    assert fleet.wait(60) == 0
    assert [slot.reason for slot in Slots(opened).list("shown") if slot.reason is not None] == []
    assert Slots(opened).counts("shown").complete == 5
    assert list(Seats(opened).held()) == []
