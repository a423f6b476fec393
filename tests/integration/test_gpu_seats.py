"""Seats on GPUs, on both databases: by a model of what may happen, and by a clock of the test's own."""

import itertools
from collections import Counter
from collections.abc import Iterator

import hypothesis.strategies as st
import nvidia
import pytest
from hypothesis import HealthCheck, given, settings
from slot_tools import Clock
from sqlalchemy import delete

from hpo.fleet.gpu_leases import Seats
from hpo.fleet.gpus import Gpu
from hpo.storage import Storage, schema
from hpo.storage.process_identity import identity
from hpo.storage.renewal import renew

GPUS = tuple(Gpu(uuid=nvidia.uuid(number), name=nvidia.NAME, memory_bytes=None) for number in range(4))
LEASE = 60.0
_machines = itertools.count()


@pytest.fixture
def seats(store: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seats]:
    monkeypatch.setenv("HPO_MACHINE", "here")
    yield Seats(store, clock)
    with store.engine.begin() as connection:
        connection.execute(delete(schema.gpus))


def take(seats: Seats, worker: str, per_gpu: int = 1, gpus: tuple[Gpu, ...] = GPUS) -> str | None:
    gpu = seats.take(gpus, worker, per_gpu=per_gpu, lease_seconds=LEASE)
    return None if gpu is None else gpu.uuid


def renewed(seats: Seats, worker: str, lease: float) -> bool:
    return renew(seats._storage, worker, lease, listed=False, seated=True, clock=seats._clock).seat


def test_four_workers_use_four_gpus_and_the_fifth_waits_for_one(seats: Seats) -> None:
    assert [take(seats, f"w{n}") for n in range(4)] == [gpu.uuid for gpu in GPUS]
    assert take(seats, "w4") is None
    assert seats.release("w2")
    assert take(seats, "w4") == GPUS[2].uuid
    assert not seats.release("w2")
    assert not renewed(seats, "w2", LEASE)


def test_workers_share_a_gpu_only_when_no_emptier_one_is_left(seats: Seats) -> None:
    assert [take(seats, f"w{n}", 2, GPUS[:2]) for n in range(5)] == [gpu.uuid for gpu in (*GPUS[:2], *GPUS[:2])] + [
        None
    ]
    seats.release("w1")
    assert [(seat.uuid, seat.seat) for seat in seats.held()] == [
        (GPUS[0].uuid, 0),
        (GPUS[0].uuid, 1),
        (GPUS[1].uuid, 1),
    ]
    assert take(seats, "w5", 2, GPUS[:2]) == GPUS[1].uuid


def test_a_worker_that_asks_again_keeps_its_gpu(seats: Seats, clock: Clock) -> None:
    first = take(seats, "w0")
    clock.now += LEASE - 1
    assert take(seats, "w0") == first  # the answer to the first call may have been lost with the connection
    clock.now += LEASE - 1
    assert [(seat.worker, seat.alive) for seat in seats.held()] == [("w0", True)]


def test_an_expired_gpu_lease_can_be_renewed_until_it_is_taken(seats: Seats, clock: Clock) -> None:
    take(seats, "asleep", gpus=GPUS[:1])
    clock.now += LEASE
    assert [seat.alive for seat in seats.held()] == [False]
    assert renewed(seats, "asleep", LEASE)  # woken in time: nobody took it
    assert take(seats, "other", gpus=GPUS[:1]) is None
    clock.now += LEASE
    assert take(seats, "other", gpus=GPUS[:1]) == GPUS[0].uuid
    assert not renewed(seats, "asleep", LEASE)  # woken too late
    assert [seat.worker for seat in seats.held()] == ["other"]


def test_the_gpu_of_a_worker_that_died_on_this_machine_is_free_at_once(seats: Seats) -> None:
    host, pid, started, boot = identity().split(":")
    dead = f"{host}:{pid}:{int(started) - 1}:{boot}"  # a process of this number that ended before this one began
    assert take(seats, dead, gpus=GPUS[:1]) == GPUS[0].uuid
    assert [seat.alive for seat in seats.held()] == [False]
    assert take(seats, identity(), gpus=GPUS[:1]) == GPUS[0].uuid
    assert take(seats, "another", gpus=GPUS[:1]) is None  # this one lives


def test_gpu_leases_of_two_machines_are_separate(seats: Seats, monkeypatch: pytest.MonkeyPatch) -> None:
    assert take(seats, "here", gpus=GPUS[:1]) == GPUS[0].uuid
    monkeypatch.setenv("HPO_MACHINE", "there")
    assert take(seats, "there", gpus=GPUS[:1]) == GPUS[0].uuid  # the same by name only
    assert [(seat.machine, seat.worker) for seat in seats.held()] == [("here", "here"), ("there", "there")]


def test_without_gpus_no_lease_is_given(seats: Seats) -> None:
    assert take(seats, "w0", gpus=()) is None


def test_gpu_leases_use_the_databases_clock_by_default(store: Storage, seats: Seats) -> None:
    real = Seats(store)
    assert real.take(GPUS, "w0", per_gpu=1, lease_seconds=3600) == GPUS[0]
    assert [seat.alive for seat in real.held()] == [True]
    assert renewed(real, "w0", -1)
    assert [seat.alive for seat in real.held()] == [False]


WORKERS = st.sampled_from([f"w{number}" for number in range(6)])
STEP = st.one_of(
    st.tuples(st.just("take"), WORKERS, st.integers(1, 3)),
    st.tuples(st.just("renew"), WORKERS, st.just(0)),
    st.tuples(st.just("release"), WORKERS, st.just(0)),
    st.tuples(st.just("wait"), WORKERS, st.integers(1, 90)),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(1, 3), steps=st.lists(STEP, max_size=25))
def test_gpus_are_never_overbooked_nor_left_empty(
    seats: Seats, clock: Clock, monkeypatch: pytest.MonkeyPatch, number: int, steps: list[tuple[str, str, int]]
) -> None:
    here = f"machine {next(_machines)}"
    monkeypatch.setenv("HPO_MACHINE", here)
    for worker in range(6):  # of the example before
        seats.release(f"w{worker}")
    gpus = GPUS[:number]
    model: dict[str, tuple[str, float]] = {}  # worker -> its GPU and until when
    for step, worker, argument in steps:
        if step == "wait":
            clock.now += argument
        elif step == "release":
            assert seats.release(worker) == (model.pop(worker, None) is not None)
        elif step == "renew":
            assert renewed(seats, worker, LEASE) == (worker in model)
            if worker in model:
                model[worker] = (model[worker][0], clock.now + LEASE)
        else:
            model = {name: seat for name, seat in model.items() if seat[1] > clock.now}
            load = Counter(uuid for uuid, _ in model.values())
            given_one = take(seats, worker, argument, gpus)
            if worker in model:
                assert given_one == model[worker][0]
            elif min(load[gpu.uuid] for gpu in gpus) >= argument:
                assert given_one is None
                continue
            else:
                assert given_one is not None
                assert load[given_one] == min(load[gpu.uuid] for gpu in gpus)
            model[worker] = (str(given_one), clock.now + LEASE)
        held = {seat.worker: (seat.uuid, seat.lease_expires_at) for seat in seats.held() if seat.machine == here}
        assert held == model
