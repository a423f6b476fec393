"""Stopping a study and letting it go on: nothing begins meanwhile, and nothing is lost by it."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from slot_tools import Claim
from sqlalchemy import text, update

from hpo.errors import StudyError
from hpo.storage import Storage, schema, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord, halting


def test_stopping_records_who_and_why_once_and_resuming_clears_it(store: Storage, study: StudyRecord) -> None:
    before = time.time()
    assert halting.stop(store, study.name, by="ada", why="  too\n warm ")
    assert not halting.stop(store, study.name, by="bob", why="too cold")
    stopped = studies.get(store, study.name)
    assert (stopped.stopped_by, stopped.stopped_why) == ("ada", "too warm")
    assert stopped.stopped_at is not None
    assert before <= stopped.stopped_at <= time.time()
    assert halting.resume(store, study.name)
    assert not halting.resume(store, study.name)
    assert studies.get(store, study.name) == study


def test_a_blank_stop_reason_is_none_and_long_names_are_cut(store: Storage, study: StudyRecord) -> None:
    assert halting.stop(store, study.name, by="a" * 300, why=" ")
    found = studies.get(store, study.name)
    assert (found.stopped_why, len(found.stopped_by or "")) == (None, 255)


def test_only_the_study_named_is_stopped(store: Storage, study: StudyRecord, plan: StudyPlan) -> None:
    other = studies.create_or_resume(store, replace(plan, name="other"))
    halting.stop(store, study.name, by="ada")
    assert studies.get(store, other.name) == other


@pytest.mark.parametrize("now", [False, True])
def test_a_study_that_is_not_there_is_neither_stopped_nor_resumed(store: Storage, now: bool) -> None:
    with pytest.raises(StudyError, match="no study 'nowhere'"):
        halting.stop(store, "nowhere", by="ada", now=now)
    with pytest.raises(StudyError, match="no study 'nowhere'"):
        halting.resume(store, "nowhere")


def test_a_stopped_study_gives_no_slots_until_it_is_resumed(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim
) -> None:
    slots.open(study.name, 2)
    held = claim("w1")
    halting.stop(store, study.name, by="ada")
    assert slots.claim(study.name, "w2", 60) is None
    assert slots.renew(held, 60)
    assert slots.settle(held, "complete", 1.0)  # what was in hand counts
    halting.resume(store, study.name)
    assert claim("w2").position == 1


def test_stopping_now_releases_running_trials_with_their_params_at_no_attempt(
    store: Storage, study: StudyRecord, plan: StudyPlan, slots: Slots, claim: Claim
) -> None:
    other = studies.create_or_resume(store, replace(plan, name="other"))
    slots.open(study.name, 2)
    slots.open(other.name, 1)
    held = claim("w1")
    assert slots.reserve(held, "d" * 64, params={"x": 0.5})
    elsewhere = slots.claim(other.name, "w1", 60)
    assert elsewhere is not None
    assert halting.stop(store, study.name, by="ada")
    assert not halting.stop(store, study.name, by="ada", now=True)  # now, after all
    assert not slots.renew(held, 60)  # its worker is told so
    assert not slots.settle(held, "complete", 1.0)
    assert slots.renew(elsewhere, 60)
    assert slots.counts(study.name).open == 2
    halting.resume(store, study.name)
    again = claim("w2")
    assert (again.position, dict(again.fixed), again.tries) == (0, {"x": 0.5}, 1)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_concurrent_claim_does_not_escape_a_stop_now(store: Storage, study: StudyRecord, slots: Slots) -> None:
    """A claim that saw the study running and commits while it is being stopped gives its slot back with the rest.

    SQLite has one writer: there no claim is ever under way beside a stop.
    """
    slots.open(study.name, 1)
    claiming = store.engine.connect()  # as `Slots.claim` does, a moment before it commits
    begun = claiming.begin()
    table = schema.slots
    leased = {"state": "leased", "attempt": 1, "worker": "w1", "lease_expires_at": 1e12}
    claiming.execute(update(table).where(table.c.study_id == study.id).values(leased))
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(halting.stop, store, study.name, by="ada", now=True)
        while not _waiting(store) and not stopping.done():
            pass
        assert not stopping.done()
        begun.commit()
        assert stopping.result(60)
    claiming.close()
    counts = slots.counts(study.name)
    assert (counts.open, counts.running) == (1, 0)


def _waiting(store: Storage) -> int:
    """How many connections wait for a lock on the slots."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'hpo_slot'::regclass"
    with store.engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())
