"""Whoever waits for work hears of what opens, on both databases, and looks for nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from slot_tools import Claim, Clock

from hpo.fleet.worker import slot_sources
from hpo.fleet.worker.slot_sources import Source
from hpo.storage import Storage, studies
from hpo.storage.slots.openings import news
from hpo.storage.slots.promotion import promote
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord, halting
from hpo.storage.worker_registry import Roster, Worker
from hpo.study.rungs import climb

Looks = Callable[[], int]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """How often somebody has looked for a slot, rather than asked for news."""
    real, seen = slot_sources.offers, [0]

    def counted(*arguments: object, **options: object) -> object:
        seen[0] += 1
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(slot_sources, "offers", counted)
    return lambda: seen[0]


@pytest.fixture
def heard(store: Storage) -> Callable[[], bool]:
    """Whether there were news since it was asked last."""
    before = [news(store).openings]

    def heard() -> bool:
        last = before[0]
        before[0] = news(store).openings
        return before[0] != last

    return heard


def test_openings_are_news_and_trials_are_none(
    store: Storage, slots: Slots, study: StudyRecord, claim: Claim, plan: StudyPlan, heard: Callable[[], bool]
) -> None:
    slots.open(study.name, 3)
    assert heard()
    slots.open(study.name, 3)
    held = claim()
    assert slots.attach(held, 1)
    assert slots.renew(held, 60)
    assert slots.settle(held, "complete", 0.5)
    assert not slots.release(held, "too late")
    assert not heard()
    assert slots.release(claim(), "its worker was stopped")
    assert heard()
    claim("w2")
    assert slots.record_crash("w2", "killed") == 1
    assert heard()
    assert slots.record_crash("w2", "killed") == 0
    assert not heard()
    assert halting.stop(store, study.name, by="us")
    assert heard()
    assert halting.resume(store, study.name)
    assert heard()
    assert not halting.resume(store, study.name)
    assert not heard()
    studies.create_or_resume(store, replace(plan, version="two"))
    assert heard()
    studies.create_or_resume(store, replace(plan, version="two"))
    assert not heard()
    studies.create_or_resume(store, replace(plan, name="climbs", rungs="low,high"))
    slots.open_rungs("climbs", climb(("low", "high"), 9, prior=False))
    assert heard()
    for number in range(9):
        slot = slots.claim("climbs", "w", 60)
        assert slot is not None
        assert slots.reserve(slot, str(number), params={"x": number})
        assert slots.settle(slot, "complete", float(number), params={"x": number})
    assert not heard()
    assert promote(store, "climbs")
    assert heard()
    assert not promote(store, "climbs")
    assert not heard()


def test_an_idle_source_looks_at_news_only(
    store: Storage, slots: Slots, study: StudyRecord, clock: Clock, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(slot_sources.time, "monotonic", lambda: now[0])
    slots.open(study.name, 2)
    source = Source(store, slots, look_every=10.0)
    for _ in range(2):
        assert source.offer() is not None
        assert slots.claim(study.name, "w1", 60) is not None
    for _ in range(6):
        assert source.offer() is None
        assert source.wait(lambda _: None)
    assert looks() == 4  # those that found something, the one that found it gone, and one after news were asked for
    slots.release_all("w1", "its worker was stopped")
    offer = source.offer()
    assert (offer and offer.study, looks()) == (study.name, 5)
    for _ in range(2):
        assert slots.claim(study.name, "w2", 60) is not None
    assert [source.offer() for _ in range(3)] == [None] * 3
    seen = looks()
    clock.now += 61
    assert source.offer() is None  # nobody says that a lease ran out
    now[0] += 10
    assert source.offer() is not None
    assert looks() == seen + 1


def test_a_draining_source_ends_when_the_last_slot_settles(
    store: Storage, slots: Slots, study: StudyRecord, claim: Claim, looks: Looks
) -> None:
    slots.open(study.name, 1)
    source = Source(store, slots, drain=True)
    held = claim()
    for _ in range(5):
        assert source.offer() is None
        assert source.wait(lambda _: None)
    seen = looks()
    assert slots.settle(held, "complete", 0.5)
    assert source.offer() is None
    assert looks() == seen + 1
    assert not source.wait(lambda _: None)


def test_unsettled_slots_of_other_studies_are_no_news(
    store: Storage, slots: Slots, study: StudyRecord, plan: StudyPlan
) -> None:
    studies.create_or_resume(store, replace(plan, name="other"))
    slots.open("other", 1)
    assert news(store, only=(study.name,), settled=True).settled
    assert not news(store, only=(study.name, "other"), settled=True).settled
    assert news(store).settled is None


def test_of_many_workers_each_asks_more_seldom(
    store: Storage, slots: Slots, study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_sources.random, "uniform", lambda low, high: high)
    pauses: list[float] = []
    for workers, longest in ((3, 2.0), (1000, 10.0), (10_000, 15.0)):
        monkeypatch.setattr(slot_sources.Roster, "number", lambda _, workers=workers: workers)
        source = Source(store, slots)
        for _ in range(12):
            assert source.offer() is None
            assert source.wait(pauses.append)
        assert pauses[-1] == longest


def test_the_roster_counts_its_workers(store: Storage) -> None:
    roster = Roster(store)
    before = roster.number()
    roster.sign_on(Worker(name="w", pid=7), 60)
    assert roster.number() == before + 1
    roster.sign_off("w")
    assert roster.number() == before
