"""All that a worker holds, renewed at once, on both databases."""

from collections.abc import Iterator

import nvidia
import pytest
from slot_tools import Claim, Clock
from sqlalchemy import delete, event

from hpo.fleet.gpu_leases import Seats
from hpo.fleet.gpus import Gpu
from hpo.fleet.worker.presence import Presence
from hpo.storage import Storage, schema
from hpo.storage.renewal import Renewed, renew
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.storage.worker_registry import FORGOTTEN, Roster, Worker

LEASE = 60.0
GPU = Gpu(uuid=nvidia.uuid(0), name=nvidia.NAME, memory_bytes=None)


@pytest.fixture
def seats(store: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seats]:
    monkeypatch.setenv("HPO_MACHINE", "here")
    yield Seats(store, clock)
    with store.engine.begin() as connection:
        connection.execute(delete(schema.gpus))
        connection.execute(delete(schema.workers))


@pytest.fixture
def held(store: Storage, slots: Slots, study: StudyRecord, claim: Claim, seats: Seats, clock: Clock) -> Slot:
    """A slot of a worker that is in the roster and sits at a GPU."""
    slots.open(study.name, 1)
    Roster(store, clock).sign_on(Worker(name="w1", pid=7), LEASE)
    assert seats.take([GPU], "w1", lease_seconds=LEASE) == GPU
    return claim("w1")


def test_a_renewal_names_what_was_lost(store: Storage, slots: Slots, seats: Seats, clock: Clock, held: Slot) -> None:
    def renewed(slot: Slot | None = held) -> Renewed:
        return renew(store, "w1", LEASE, slot=slot, seated=True, said={"doing": "this"}, clock=clock)

    clock.now += 50
    assert renewed() == Renewed()
    (row,), (seat,) = Roster(store, clock).present(), seats.held()
    until = clock.now + LEASE
    assert (row.doing, row.beaten_at, row.lease_expires_at) == ("this", clock.now, until)
    assert (seat.lease_expires_at, slots.by_id([held.id])[held.id].lease_expires_at) == (until, until)
    assert slots.settle(held, "complete", 0.5)
    assert renewed() == Renewed(slot=False)
    seats.release("w1")
    assert renewed() == Renewed(slot=False, seat=False)
    clock.now += LEASE + FORGOTTEN + 1
    Roster(store, clock).prune()
    assert renewed() == Renewed(listed=False, slot=False, seat=False)
    assert renewed(None) == Renewed(listed=False, seat=False)


def test_a_slot_taken_over_is_not_renewed(store: Storage, slots: Slots, clock: Clock, held: Slot, claim: Claim) -> None:
    clock.now += 61
    other = claim("w2")
    assert other.id == held.id
    clock.now += 10
    assert renew(store, "w1", LEASE, slot=held, seated=True, clock=clock) == Renewed(slot=False)
    assert slots.by_id([held.id])[held.id].lease_expires_at == other.lease_expires_at


def test_a_renewal_is_one_statement_of_postgresql(store: Storage, clock: Clock, held: Slot) -> None:
    said: list[str] = []
    note = lambda *about: said.append(about[2])  # noqa: E731
    event.listen(store.engine, "before_cursor_execute", note)
    try:
        renew(store, "w1", LEASE, slot=held, seated=True, clock=clock)
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    made = [each for each in said if "UPDATE" in each]
    assert len(made) == (1 if store.where.backend == "postgresql" else 3)
    assert len(said) == len(made)  # no more is sent to begin a transaction


def test_a_forgotten_worker_signs_on_again(
    store: Storage, seats: Seats, held: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.fleet.gpus.listed", lambda: (GPU,))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    seats.release("w1")
    presence = Presence(store, Worker(name="w1", pid=7), lease_seconds=LEASE)
    presence.take_gpu(per_gpu=1, sleep=lambda _: True)
    Roster(store).sign_off("w1")
    assert seats.release("w1")
    assert presence.renew(held) == Renewed(listed=False)
    assert [row.name for row in Roster(store).present()] == ["w1"]
    assert [seat.worker for seat in seats.held()] == ["w1"]
    assert seats.release("w1")
    assert Seats(store).take([GPU], "w2", lease_seconds=LEASE) == GPU
    assert presence.renew(held) == Renewed(seat=False)
    presence.sign_off()
    seats.release("w2")
