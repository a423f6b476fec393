"""Processes that take GPUs at the same moment, are killed and stopped: seats are exact, on both databases.

Only the driver's listing is pretended. The processes are forked, as everything is imported already.
"""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import nvidia
import pytest
from sqlalchemy import event

from hpo import storage
from hpo.fleet import gpus
from hpo.fleet.gpu_leases import Seat, Seats
from hpo.storage.process_identity import identity
from hpo.storage.renewal import renew
from hpo.storage.worker_registry import Roster, Worker

HOUR = 3600.0  # seconds: no lease runs out by itself
FOUR = {nvidia.uuid(number) for number in range(4)}


class Process:
    """A worker as far as its GPU goes: it lists, takes and renews when it is told to."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(url, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self.name = identity(self.pid)

    def begin(self, per_gpu: int = 1, lease: float = HOUR) -> None:
        """Have it take a seat, without waiting for that."""
        self._ours.send((per_gpu, lease))

    def got(self) -> str | None:
        """What came of it: the UUID of its GPU."""
        assert self._ours.poll(60), "no answer"
        uuid: str | None = self._ours.recv()
        return uuid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)
        if number == signal.SIGKILL:
            self._process.join(30)

    def end(self) -> None:
        self._process.kill()
        self._process.join(30)


def _live(url: str, orders: Connection) -> None:
    store, name = storage.open(url), identity()
    seats = Seats(store)
    Roster(store).sign_on(Worker(name=name, pid=os.getpid()), HOUR)
    while True:
        per_gpu, lease = orders.recv()
        gpu = seats.take(gpus.listed(), name, per_gpu=per_gpu, lease_seconds=lease)
        orders.send(None if gpu is None else gpu.uuid)


@pytest.fixture
def url(storage_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prepared database, on a machine of four GPUs."""
    storage.prepare(storage_url).close()
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 4))
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HPO_MACHINE"):
        monkeypatch.delenv(name, raising=False)
    return storage_url


@pytest.fixture
def start(url: str) -> Iterator[Callable[[int], list[Process]]]:
    """Start so many processes; they are ended after the test."""
    started: list[Process] = []

    def start(number: int) -> list[Process]:
        new = [Process(url) for _ in range(number)]
        started.extend(new)
        return new

    yield start
    for process in started:
        process.end()


@pytest.fixture
def held(url: str) -> Callable[[], list[Seat]]:
    """The seats there are."""
    store = storage.open(url)
    return lambda: list(Seats(store).held())


def test_eight_processes_share_four_gpus_evenly_and_dead_ones_free_theirs(
    start: Callable[[int], list[Process]], held: Callable[[], list[Seat]]
) -> None:
    first = start(8)
    for process in first:
        process.begin(per_gpu=2)
    took = {process.name: process.got() for process in first}
    assert Counter(took.values()) == dict.fromkeys(FOUR, 2)
    assert {seat.worker: seat.uuid for seat in held()} == took
    assert Counter(seat.seat for seat in held()) == {0: 4, 1: 4}
    for process in first[:3]:
        process.signal(signal.SIGKILL)
    second = start(5)
    for process in second:
        process.begin(per_gpu=2)
    got = [process.got() for process in second]
    # Three find the seats of the dead at once, though the leases run for an hour; two find none.
    assert Counter(got) == Counter([took[process.name] for process in first[:3]]) + Counter({None: 2})


def test_processes_beyond_the_gpus_wait_until_one_is_killed(
    start: Callable[[int], list[Process]], held: Callable[[], list[Seat]]
) -> None:
    processes = start(6)
    for process in processes:
        process.begin()
    got = {process: process.got() for process in processes}
    assert {uuid for uuid in got.values() if uuid} == FOUR
    with_one = [process for process, uuid in got.items() if uuid]
    without = [process for process, uuid in got.items() if not uuid]
    assert (len(with_one), len(without)) == (4, 2)
    with_one[0].signal(signal.SIGKILL)
    for process in without:
        process.begin()
    assert {process.got() for process in without} == {None, got[with_one[0]]}
    assert len({seat.uuid for seat in held()}) == len(held()) == 4


def test_a_process_killed_at_any_statement_holds_a_whole_gpu_lease_or_none(url: str) -> None:
    context = multiprocessing.get_context("fork")
    survivor, number, killed = Seats(storage.open(url)), 0, True
    found = gpus.listed()
    while killed:
        number += 1
        process = context.Process(target=_take_and_die, args=(url, number), daemon=True)
        process.start()
        process.join(60)
        killed = process.exitcode == -signal.SIGKILL
        for worker in range(4):
            assert survivor.take(found, f"w{worker}", per_gpu=1, lease_seconds=HOUR) is not None
        assert {(seat.uuid, seat.seat) for seat in survivor.held()} == {(uuid, 0) for uuid in FOUR}
        for worker in range(4):
            survivor.release(f"w{worker}")
    assert number > 4  # it died before and after each


def _take_and_die(url: str, number: int) -> None:
    """Take a seat, and be killed where the statement of that number would be sent, or the commit that follows it."""
    store, sent = storage.open(url), 0

    def count(*_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.engine, "before_cursor_execute", count)
    event.listen(store.engine, "commit", count)
    Seats(store).take(gpus.listed(), identity(), per_gpu=1, lease_seconds=HOUR)
    count()  # and with all done
    os._exit(0)


def test_a_process_stopped_past_its_lease_loses_its_gpu(start: Callable[[int], list[Process]], url: str) -> None:
    (asleep,) = start(1)
    asleep.begin(lease=-1.0)  # has run out as soon as it is had: nobody waits
    assert asleep.got() == nvidia.uuid(0)
    asleep.signal(signal.SIGSTOP)
    others = start(4)
    for process in others:
        process.begin()
    assert {process.got() for process in others} == FOUR
    asleep.signal(signal.SIGCONT)
    assert not renew(storage.open(url), asleep.name, HOUR, seated=True).seat
    asleep.begin()
    assert asleep.got() is None


def test_the_worker_roster_marks_killed_processes_as_dead(start: Callable[[int], list[Process]], url: str) -> None:
    processes = start(3)
    for process in processes:
        process.begin()
        process.got()
    processes[1].signal(signal.SIGKILL)
    alive = {seen.name: seen.alive for seen in Roster(storage.open(url)).present()}
    assert alive == {processes[0].name: True, processes[1].name: False, processes[2].name: True}
