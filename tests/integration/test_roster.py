"""The roster of workers, on both databases, by a clock of the test's own."""

import os
from collections.abc import Iterator

import pytest
from slot_tools import Clock
from sqlalchemy import delete

from hpo.storage import Storage, process_identity, schema
from hpo.storage.process_identity import identity
from hpo.storage.worker_registry import FORGOTTEN, Roster, Worker

LEASE = 30.0


@pytest.fixture
def roster(store: Storage, clock: Clock) -> Iterator[Roster]:
    yield Roster(store, clock)
    with store.engine.begin() as connection:
        connection.execute(delete(schema.workers))


def test_a_worker_is_listed_with_what_it_reports_of_itself(roster: Roster, clock: Clock) -> None:
    roster.sign_on(Worker(name="w", pid=7, study="cnn-report-quick", doing="starting", refuses={"a": "why"}), LEASE)
    (seen,) = roster.present()
    assert (seen.name, seen.pid, seen.study, seen.doing) == ("w", 7, "cnn-report-quick", "starting")
    assert (seen.host, seen.machine, seen.program) == (
        process_identity.hostname(),
        process_identity.machine_key(),
        process_identity.program(),
    )
    assert (seen.threads, seen.gpu, seen.gpu_name, seen.refuses) == (None, None, None, {"a": "why"})
    assert (seen.started_at, seen.beaten_at, seen.lease_expires_at) == (clock.now, clock.now, clock.now + LEASE)
    assert seen.alive


def test_a_heartbeat_updates_only_what_is_new(roster: Roster, clock: Clock) -> None:
    roster.sign_on(Worker(name="w", pid=7, doing="starting", refuses={"a": "why"}), LEASE)
    clock.now += 20
    assert roster.beat("w", LEASE, doing="", gpu="GPU-1", gpu_name="H100", threads=3)
    clock.now += 20
    assert roster.beat("w", LEASE)
    clock.now += 5
    (seen,) = roster.present()
    assert (seen.doing, seen.refuses, seen.gpu, seen.gpu_name, seen.threads) == ("", {"a": "why"}, "GPU-1", "H100", 3)
    assert (seen.alive, seen.seconds_silent, seen.started_at) == (True, 5.0, clock.now - 45)
    roster.beat("w", LEASE, refuses={}, doing="x" * 1000)
    (seen,) = roster.present()
    assert (seen.refuses, seen.doing) == ({}, "x" * 255)


def test_a_silent_worker_is_dead_then_forgotten_and_may_come_back(roster: Roster, clock: Clock) -> None:
    roster.sign_on(Worker(name="asleep", pid=7), LEASE)
    clock.now += LEASE
    (seen,) = roster.present()
    assert (seen.alive, seen.seconds_silent) == (False, LEASE)
    clock.now += FORGOTTEN
    assert roster.prune() == 0
    clock.now += 1
    roster.sign_on(Worker(name="new", pid=8), LEASE)  # whoever comes sweeps
    assert [seen.name for seen in roster.present()] == ["new"]
    assert not roster.beat("asleep", LEASE)  # so it knows to sign on again
    roster.sign_on(Worker(name="asleep", pid=7), LEASE)
    assert {seen.name: seen.alive for seen in roster.present()} == {"asleep": True, "new": True}


def test_signing_on_twice_registers_a_worker_once(roster: Roster) -> None:
    for _ in range(2):  # the answer to the first may have been lost with the connection
        roster.sign_on(Worker(name="w", pid=7), LEASE)
    assert [seen.name for seen in roster.present()] == ["w"]
    assert roster.sign_off("w")
    assert not roster.sign_off("w")
    assert roster.present() == []


def test_a_worker_dead_on_this_machine_is_not_alive_despite_its_lease(roster: Roster) -> None:
    host, pid, started, boot = identity().split(":")
    dead = f"{host}:{pid}:{int(started) - 1}:{boot}"
    for name in (identity(), dead):
        roster.sign_on(Worker(name=name, pid=os.getpid()), LEASE)
    assert {seen.name: seen.alive for seen in roster.present()} == {identity(): True, dead: False}


def test_a_clock_set_back_makes_no_time_negative(roster: Roster, clock: Clock) -> None:
    roster.sign_on(Worker(name="w", pid=7), LEASE)
    clock.now -= 100
    (seen,) = roster.present()
    assert seen.seconds_silent == 0.0


def test_the_roster_uses_the_databases_clock_by_default(store: Storage, roster: Roster) -> None:
    real = Roster(store)
    real.sign_on(Worker(name="w", pid=7), 3600)
    (seen,) = real.present()
    assert seen.alive
    assert seen.started_at > 1.7e9
    assert seen.lease_expires_at == pytest.approx(seen.started_at + 3600, abs=1)
    real.beat("w", -1)
    assert [seen.alive for seen in real.present()] == [False]
