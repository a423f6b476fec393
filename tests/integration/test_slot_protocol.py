"""The slot protocol, one suite for every database."""

import math
from dataclasses import replace

import pytest
from slot_tools import Claim, Clock

from hpo.errors import StudyError, UsageError
from hpo.storage import Storage, schema, studies
from hpo.storage.slots.claiming import MAX_RELEASES
from hpo.storage.slots.slot import LeaseLost, Slot
from hpo.storage.slots.slots import MAX_SLOTS, Slots
from hpo.storage.studies import StudyRecord


def only(slots: Slots, study: StudyRecord) -> Slot:
    (slot,) = slots.list(study.name)
    return slot


def test_opening_slots_makes_exactly_the_total_and_only_adds(slots: Slots, study: StudyRecord) -> None:
    assert slots.open(study.name, 3) == 3
    assert slots.open(study.name, 3) == 0
    assert slots.open(study.name, 5) == 2
    assert [slot.position for slot in slots.list(study.name)] == [0, 1, 2, 3, 4]
    with pytest.raises(UsageError, match=r"5 trials already.* 4"):
        slots.open(study.name, 4)
    assert slots.counts(study.name).target == 5


@pytest.mark.parametrize("total", [0, -1, MAX_SLOTS + 1])
def test_a_total_out_of_range_is_refused(slots: Slots, study: StudyRecord, total: int) -> None:
    with pytest.raises(UsageError, match=str(total)):
        slots.open(study.name, total)


def test_slots_of_a_study_that_does_not_exist_are_refused(slots: Slots) -> None:
    with pytest.raises(StudyError, match="'nowhere'"):
        slots.open("nowhere", 3)
    assert slots.claim("nowhere", "w1", 60) is None
    assert slots.counts("nowhere").target == 0


def test_first_configurations_go_to_first_positions_and_only_when_those_are_made(
    slots: Slots, study: StudyRecord
) -> None:
    slots.open(study.name, 2, first=[{"x": 1.0, "kind": "a", "on": True, "none": None}])
    slots.open(study.name, 4, first=[{"x": 7.0}, {"x": 8.0}, {"x": 9.0}])
    given = [slot.fixed for slot in slots.list(study.name)]
    assert given == [{"x": 1.0, "kind": "a", "on": True, "none": None}, {}, {"x": 9.0}, {}]


def test_more_first_configurations_than_trials_are_refused(slots: Slots, study: StudyRecord) -> None:
    with pytest.raises(UsageError, match="2 configurations"):
        slots.open(study.name, 1, first=[{"x": 1.0}, {"x": 2.0}])
    assert slots.counts(study.name).target == 0


def test_slots_are_claimed_in_order_of_position(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 2)
    first, second = claim("w1"), claim("w2")
    assert [(s.position, s.attempt, s.worker, s.state) for s in (first, second)] == [
        (0, 1, "w1", "leased"),
        (1, 1, "w2", "leased"),
    ]
    assert slots.claim(study.name, "w3", 60) is None


def test_an_expired_lease_is_claimed_again_with_the_next_attempt(
    slots: Slots, study: StudyRecord, claim: Claim, clock: Clock
) -> None:
    slots.open(study.name, 1)
    first = claim("w1", 60)
    clock.now += 59
    assert slots.claim(study.name, "w2", 60) is None
    clock.now += 1
    again = claim("w2", 60)
    assert (again.id, again.attempt, again.tries) == (first.id, 2, 2)
    # The superseded worker wins nothing any more.
    assert not slots.renew(first, 60)
    assert not slots.attach(first, 7)
    assert not slots.release(first, "a test")
    assert not slots.settle(first, "complete", 1.0)
    with pytest.raises(LeaseLost):
        slots.reserve(first, "digest")
    assert slots.settle(again, "complete", 2.0)
    assert only(slots, study).value == 2.0


def test_renewing_a_lease_keeps_the_slot(slots: Slots, study: StudyRecord, claim: Claim, clock: Clock) -> None:
    slots.open(study.name, 1)
    slot = claim("w1", 60)
    clock.now += 50
    assert slots.renew(slot, 60)
    clock.now += 50
    assert slots.claim(study.name, "w2", 60) is None
    assert slots.counts(study.name).running == 1


def test_a_late_result_counts_if_nobody_took_the_slot(
    slots: Slots, study: StudyRecord, claim: Claim, clock: Clock
) -> None:
    slots.open(study.name, 1)
    slot = claim("w1", 60)
    clock.now += 3600
    assert slots.counts(study.name).open == 1  # nobody works on it, as far as anybody can know
    assert slots.settle(slot, "complete", 0.5, params={"x": 0.5}, trial_number=0)
    settled = only(slots, study)
    assert (settled.state, settled.outcome, settled.value, settled.trial_number) == ("settled", "complete", 0.5, 0)
    assert settled.params == {"x": 0.5}


def test_a_slot_settles_once(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 1)
    slot = claim()
    assert slots.settle(slot, "pruned", 0.25, "worse than the others")
    assert not slots.settle(slot, "complete", 0.75)
    assert not slots.release(slot, "a test")
    assert slots.claim(study.name, "w2", 60) is None
    settled = only(slots, study)
    assert (settled.outcome, settled.value, settled.reason) == ("pruned", 0.25, "worse than the others")


def test_another_worker_cannot_use_a_token_it_does_not_hold(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 1)
    slot = claim("w1")
    for forged in (replace(slot, worker="w2"), replace(slot, attempt=2), replace(slot, id=slot.id + 1)):
        assert not slots.renew(forged, 60)
        assert not slots.settle(forged, "complete", 1.0)
    assert slots.settle(slot, "complete", 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_slot_completes_only_with_a_finite_value(
    slots: Slots, study: StudyRecord, claim: Claim, value: float | None
) -> None:
    slots.open(study.name, 1)
    assert slots.settle(claim(), "complete", value)
    settled = only(slots, study)
    assert (settled.outcome, settled.value) == ("failed", None)
    assert str(value) in str(settled.reason)


def test_releasing_a_slot_costs_no_attempt(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 1)
    for _ in range(10):  # far past the attempt limit of 3
        slot = claim()
        assert slots.release(slot, "a test")
        assert not slots.settle(slot, "complete", 1.0)  # it is no longer its own
    assert claim().tries == 1


def test_a_slot_released_too_often_fails_with_its_reasons(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 1)
    claim("w0")
    slots.record_crash("w0", "killed by signal 9")
    for _ in range(MAX_RELEASES - 1):
        assert slots.release(claim(), "the first reasons")
    assert slots.counts(study.name).open == 1
    claim("w2")
    assert slots.release_all("w2", "the database was away") == 1
    settled = only(slots, study)
    assert (settled.state, settled.outcome, settled.attempt) == ("settled", "failed", 1 + MAX_RELEASES)
    assert settled.settled_at is not None
    assert settled.reason == (
        f"it was broken off {MAX_RELEASES} times, the last time because the database was away; "
        "of the attempts before, the last failed: killed by signal 9"
    )


def test_slots_that_crashed_before_are_claimed_after_fresh_ones(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 4)
    assert claim("w1").position == 0
    slots.record_crash("w1", "killed by signal 9")
    assert claim("w1").position == 1  # not the one that has just ended its worker
    slots.release_all("w1", "stopped")
    again = claim("w1")
    assert again.position == 1  # what was interrupted goes on
    slots.release(again, "stopped")
    assert [claim(f"v{number}").position for number in range(4)] == [2, 3, 0, 1]  # but not for ever
    assert slots.claim(study.name, "w1", 60) is None


def test_a_slot_with_unreadable_parameters_fails(
    slots: Slots, study: StudyRecord, claim: Claim, store: Storage
) -> None:
    slots.open(study.name, 3, first=[{"x": 0.25}, {"x": 0.75}])
    with store.engine.begin() as connection:
        garbled = schema.slots.update().where(schema.slots.c.position == 0)
        connection.execute(garbled.values(payload='{"params": {"x": 0.'))
    assert claim().fixed == {"x": 0.75}
    first = slots.list(study.name)[0]
    assert (first.outcome, first.reason) == ("failed", "what was asked for cannot be read in the database")


def test_a_stopped_worker_releases_only_its_own_slots(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 3)
    done, held, other = claim("w1"), claim("w1"), claim("w2")
    slots.settle(done, "complete", 1.0)
    assert slots.release_all("w1", "a test") == 1
    states = [(slot.id, slot.state) for slot in slots.list(study.name)]
    assert states == [(done.id, "settled"), (held.id, "open"), (other.id, "leased")]


def test_a_crash_costs_an_attempt_and_past_the_limit_the_slot_fails(
    slots: Slots, study: StudyRecord, claim: Claim
) -> None:
    slots.open(study.name, 1)
    for _ in range(3):
        assert slots.counts(study.name).failed == 0
        claim("w1")
        assert slots.record_crash("w1", "killed by signal 9", "a traceback") == 1
    settled = only(slots, study)
    assert (settled.outcome, settled.traceback) == ("failed", "a traceback")
    assert "3 attempts" in str(settled.reason)
    assert "killed by signal 9" in str(settled.reason)
    assert slots.counts(study.name).settled == 1


def test_a_slot_whose_leases_ran_out_too_often_settles_as_failed(
    slots: Slots, study: StudyRecord, claim: Claim, clock: Clock
) -> None:
    slots.open(study.name, 1)
    for _ in range(3):
        claim("w1", 60)
        clock.now += 60
    assert slots.claim(study.name, "w1", 60) is None
    settled = only(slots, study)
    assert (settled.outcome, settled.attempt) == ("failed", 3)
    assert "vanished" in str(settled.reason)


def test_the_last_attempt_is_not_taken_from_a_living_worker(
    slots: Slots, study: StudyRecord, claim: Claim, clock: Clock
) -> None:
    slots.open(study.name, 1)
    for _ in range(2):
        claim("w1", 60)
        clock.now += 60
    last = claim("w2", 60)
    assert slots.claim(study.name, "w3", 60) is None
    assert slots.settle(last, "complete", 1.0)
    assert only(slots, study).outcome == "complete"


def test_a_configuration_is_reserved_once_in_a_study(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 2)
    one, two = claim("w1"), claim("w2")
    assert slots.reserve(one, "digest", params={"x": 1}, trial_number=4)
    assert slots.reserve(one, "digest")  # its own
    assert not slots.reserve(two, "digest")
    assert slots.reserve(two, "other")
    slots.settle(one, "pruned")
    assert not slots.reserve(two, "digest")  # tried is tried
    kept = slots.list(study.name)[0]
    assert (kept.params, kept.trial_number) == ({"x": 1}, 4)


def test_two_studies_do_not_share_slots_or_configurations(
    store: Storage, slots: Slots, study: StudyRecord, claim: Claim
) -> None:
    other = studies.create_or_resume(store, replace(study, name="another"))
    slots.open(study.name, 1)
    slots.open(other.name, 1)
    mine, its = claim(), slots.claim(other.name, "w2", 60)
    assert its is not None
    assert slots.reserve(mine, "digest")
    assert slots.reserve(its, "digest")
    assert slots.settle(mine, "complete", 1.0)
    assert slots.counts(other.name).settled == 0


def test_slots_are_counted_by_outcome_and_the_best_found(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 6)
    for number, (outcome, value) in enumerate(
        [("complete", 0.5), ("complete", 0.7), ("pruned", 0.9), ("failed", None)]
    ):
        slots.settle(claim(), outcome, value, params={"x": number}, trial_number=number)
    claim()
    counts = slots.counts(study.name)
    assert (counts.target, counts.settled, counts.complete, counts.pruned, counts.failed) == (6, 4, 2, 1, 1)
    assert (counts.running, counts.open) == (1, 1)
    best, least = slots.incumbent(study.name, "maximize"), slots.incumbent(study.name, "minimize")
    assert best is not None
    assert least is not None
    assert (best.value, best.trainings, best.slot.trial_number, best.slot.params) == (0.7, 1, 1, {"x": 1})
    assert least.value == 0.5


def test_leases_expire_by_the_databases_clock(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 1)
    assert slots.claim(study.name, "w1", 3600) is not None
    assert slots.counts(study.name).running == 1
    assert slots.claim(study.name, "w2", 60) is None
    slots.record_crash("w1", "killed")
    assert slots.claim(study.name, "w1", 0) is not None
    assert slots.claim(study.name, "w2", 60) is not None
