"""The renewing thread, by events rather than by the clock."""

import threading
from dataclasses import replace

import pytest

from hpo.errors import StorageError
from hpo.fleet.worker.heartbeat import Heartbeat
from hpo.storage.slots.slot import LeaseLost, Slot

SLOT = Slot(id=1, study="s", study_id=1, position=0, state="leased", attempt=1)
WAIT = 60.0  # seconds a test waits before it fails


class Renewals:
    """Answers renewals one after another, and lets a test wait for so many."""

    def __init__(self, *answers: bool | StorageError) -> None:
        self._answers = list(answers)
        self.seen: list[Slot] = []  # those in hand
        self.idle = 0  # times there was none
        self._more = threading.Condition()

    def __call__(self, slot: Slot | None) -> bool:
        with self._more:
            if slot is None:
                self.idle += 1
            else:
                self.seen.append(slot)
            self._more.notify_all()
        if slot is None:
            return True
        answer = self._answers.pop(0) if self._answers else True
        if isinstance(answer, StorageError):
            raise answer
        return answer

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.seen) >= count, WAIT)

    def wait_idle(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: self.idle >= count, WAIT)


def test_a_held_lease_is_renewed() -> None:
    renewals = Renewals()
    with Heartbeat(renewals, every=0.005, stall=WAIT) as lease, lease.holding(SLOT):
        renewals.wait_for(3)
        lease.beat()
    assert set(map(id, renewals.seen)) == {id(SLOT)}


def test_a_lost_lease_is_raised_at_the_next_beat_and_cleared_with_the_slot() -> None:
    renewals = Renewals(False)
    with Heartbeat(renewals, every=0.005, stall=WAIT) as lease:
        with lease.holding(SLOT):
            renewals.wait_for(2)  # by the second the first has been taken in
            with pytest.raises(LeaseLost):
                lease.beat()
        with lease.holding(SLOT):
            lease.beat()


def test_a_late_refusal_does_not_count_for_the_next_slot() -> None:
    other = replace(SLOT, id=2)
    asked, answer = threading.Event(), threading.Event()

    def renew(slot: Slot | None) -> bool:
        if slot is SLOT:
            asked.set()
            answer.wait(WAIT)
            return False
        return True

    with Heartbeat(renew, every=0.005, stall=WAIT) as lease:
        with lease.holding(SLOT):
            assert asked.wait(WAIT)
        with lease.holding(other):
            answer.set()
            while lease._lost is None:  # until the refusal is taken in
                answer.wait(0.001)
            lease.beat()


def test_an_unreachable_database_loses_no_lease() -> None:
    renewals = Renewals(StorageError("away"), StorageError("away"))
    with Heartbeat(renewals, every=0.005, stall=WAIT) as lease, lease.holding(SLOT):
        renewals.wait_for(4)
        lease.beat()


def test_a_slot_without_progress_is_not_renewed_and_all_else_is() -> None:
    renewals, others = Renewals(), Renewals()
    with Heartbeat(renewals, every=0.005, stall=0.0) as stalled, Heartbeat(others, every=0.005, stall=WAIT) as other:
        with other.holding(SLOT):
            others.wait_for(1)
        seen = len(others.seen)
        with stalled.holding(SLOT):
            renewals.wait_idle(20)
        others.wait_idle(20)
    assert renewals.seen == []
    assert len(others.seen) <= seen + 1  # one may have been under way


def test_renewals_are_not_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[list[float]] = []
    away = StorageError("away")
    for answers in ([], [True, away, True]):
        pauses: list[float] = []
        lease = Heartbeat(Renewals(*answers), every=60.0, stall=WAIT)
        over = iter([False] * 5 + [True])
        monkeypatch.setattr(
            lease._closed, "wait", lambda pause, over=over, to=pauses: [to.append(pause), next(over)][1]
        )
        with lease.holding(SLOT):
            lease._run()
        waited.append(pauses)
    steady, interrupted = waited
    assert len({*steady, *interrupted}) == 12
    assert 0 <= steady[0] <= 60
    assert all(48 <= pause <= 72 for pause in steady[1:])
    assert 0.25 <= interrupted[2] <= 0.75  # whoever trains comes before those who look for work
    assert 0 <= interrupted[3] <= 60  # from when all of them were answered at once
