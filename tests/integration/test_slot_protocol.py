"""The slot protocol, one suite for every database."""

import math
from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState

from hpo.errors import StudyError, UsageError
from hpo.service import recovery, studies, trials
from hpo.service.lease import LeaseLost
from hpo.service.slot import Slot
from hpo.service.slots import MAX_SLOTS, Slots
from hpo.service.storage import Storage
from hpo.service.studies import StudyRecord


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slots(store: Storage, study: StudyRecord, clock: Clock) -> Slots:
    return Slots(store, clock=clock)


@pytest.fixture
def claim(slots: Slots, study: StudyRecord) -> Callable[..., Slot]:
    def claim(worker: str = "w1", lease: float = 60.0) -> Slot:
        slot = slots.claim(study.name, worker, lease)
        assert slot is not None
        return slot

    return claim


Claim = Callable[..., Slot]


def only(slots: Slots, study: StudyRecord) -> Slot:
    (slot,) = slots.list(study.name)
    return slot


def test_opening_makes_exactly_the_total_and_only_ever_adds(slots: Slots, study: StudyRecord) -> None:
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


def test_claims_go_by_position_and_stop_at_the_last(slots: Slots, study: StudyRecord, claim: Claim) -> None:
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
    assert not slots.hand_back(first)
    assert not slots.settle(first, "complete", 1.0)
    with pytest.raises(LeaseLost):
        slots.reserve(first, "digest")
    assert slots.settle(again, "complete", 2.0)
    assert only(slots, study).value == 2.0


def test_renewing_keeps_the_slot(slots: Slots, study: StudyRecord, claim: Claim, clock: Clock) -> None:
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
    assert not slots.hand_back(slot)
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
def test_no_complete_slot_without_a_finite_value(
    slots: Slots, study: StudyRecord, claim: Claim, value: float | None
) -> None:
    slots.open(study.name, 1)
    assert slots.settle(claim(), "complete", value)
    settled = only(slots, study)
    assert (settled.outcome, settled.value) == ("failed", None)
    assert str(value) in str(settled.reason)


def test_handing_back_is_no_attempt(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 1)
    for _ in range(10):  # far past the attempt limit of 3
        slot = claim()
        assert slots.hand_back(slot)
        assert not slots.settle(slot, "complete", 1.0)  # it is no longer its own
    assert claim().tries == 1


def test_a_stopped_worker_hands_back_only_what_it_holds(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 3)
    done, held, other = claim("w1"), claim("w1"), claim("w2")
    slots.settle(done, "complete", 1.0)
    assert slots.hand_back_all("w1") == 1
    states = [(slot.id, slot.state) for slot in slots.list(study.name)]
    assert states == [(done.id, "settled"), (held.id, "open"), (other.id, "leased")]


def test_a_dead_worker_costs_an_attempt_and_past_the_limit_the_slot_fails_with_its_reason(
    slots: Slots, study: StudyRecord, claim: Claim
) -> None:
    slots.open(study.name, 1)
    for _ in range(3):
        assert slots.counts(study.name).failed == 0
        claim("w1")
        assert slots.give_up("w1", "killed by signal 9", "a traceback") == 1
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


def test_counts_and_the_best(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 6)
    for number, (outcome, value) in enumerate(
        [("complete", 0.5), ("complete", 0.7), ("pruned", 0.9), ("failed", None)]
    ):
        slots.settle(claim(), outcome, value, params={"x": number}, trial_number=number)
    claim()
    counts = slots.counts(study.name)
    assert (counts.target, counts.settled, counts.complete, counts.pruned, counts.failed) == (6, 4, 2, 1, 1)
    assert (counts.running, counts.open) == (1, 1)
    best, least = slots.best(study.name, "maximize"), slots.best(study.name, "minimize")
    assert best is not None
    assert least is not None
    assert (best.value, best.trial_number, best.params) == (0.7, 1, {"x": 1})
    assert least.value == 0.5


# Trials and recovery


@pytest.fixture
def optunas(store: Storage, study: StudyRecord) -> optuna.Study:
    return studies.load(store, study.name, sampler=optuna.samplers.RandomSampler(seed=0))


def test_a_trial_takes_the_parameters_given_and_samples_the_others(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1, first=[{"x": 0.125}])
    slot = claim()
    trial = trials.create(store, optunas, slot)
    assert trial.suggest_float("x", 0, 1) == 0.125
    assert trial.suggest_categorical("kind", ["a", "b"]) in ("a", "b")
    (frozen,) = optunas.get_trials()
    assert frozen.state == TrialState.RUNNING
    attributes = frozen.system_attrs
    assert (attributes["hpo:slot"], attributes["hpo:attempt"], attributes["hpo:position"]) == (slot.id, 1, 0)


def test_the_sampler_sees_what_was_told_since_the_last_trial(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim
) -> None:
    seen: list[int] = []

    class Watching(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):  # type: ignore[no-untyped-def]
            past = study._get_trials(deepcopy=False, states=(TrialState.COMPLETE,), use_cache=True)
            seen.append(len(past))
            return super().sample_independent(study, trial, name, distribution)

    optunas = studies.load(store, study.name, sampler=Watching(seed=0))
    slots.open(study.name, 3)
    for _ in range(3):
        slot = claim()
        trial = trials.create(store, optunas, slot)
        value = trial.suggest_float("x", 0, 1)
        assert slots.settle(slot, "complete", value, trial_number=trial.number)
        assert trials.tell(store, trial._trial_id, "complete", value)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("outcome", "value", "state", "told"),
    [
        ("complete", 0.5, TrialState.COMPLETE, 0.5),
        ("pruned", 0.25, TrialState.PRUNED, 0.25),
        ("pruned", None, TrialState.PRUNED, None),
        ("failed", None, TrialState.FAIL, None),
    ],
)
def test_a_tell_says_what_the_slot_says_and_can_be_repeated(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study, outcome, value, state, told
) -> None:  # type: ignore[no-untyped-def]
    slots.open(study.name, 1)
    slot = claim()
    trial = trials.create(store, optunas, slot)
    slots.settle(slot, outcome, value, trial_number=trial.number)
    for _ in range(2):
        assert trials.tell(store, trial._trial_id, outcome, value)
    (frozen,) = optunas.get_trials()
    assert (frozen.state, frozen.value) == (state, told)


def test_a_tell_that_contradicts_what_was_told_fails(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    trial = trials.create(store, optunas, claim())
    assert trials.tell(store, trial._trial_id, "failed")
    assert not trials.tell(store, trial._trial_id, "complete", 1.0)
    assert optunas.get_trials()[0].state == TrialState.FAIL


def test_a_retry_takes_the_same_parameters_with_clean_attributes(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study, clock: Clock
) -> None:
    slots.open(study.name, 1)
    trial = trials.create(store, optunas, claim("w1", 60))
    drawn = {"x": trial.suggest_float("x", 0, 1), "n": trial.suggest_int("n", 1, 1000)}
    trial.report(0.5, 1)
    trial.storage.set_trial_system_attr(trial._trial_id, "completed_rung_0", 0.5)
    clock.now += 60
    second = trials.create(store, optunas, claim("w2", 60))
    assert {"x": second.suggest_float("x", 0, 1), "n": second.suggest_int("n", 1, 1000)} == drawn
    before, after = optunas.get_trials()
    assert before.state == TrialState.FAIL  # the sampler no longer takes it for one that runs
    assert "completed_rung_0" not in after.system_attrs
    assert after.intermediate_values == {}


def test_a_retry_prefers_what_was_reserved(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1, first=[{"x": 0.25}])
    slot = claim("w1")
    assert slots.reserve(slot, "digest", params={"x": 0.25, "n": 7})
    slots.give_up("w1", "killed")
    retry = claim("w2")
    trial = trials.create(store, optunas, retry)
    assert (trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 1000)) == (0.25, 7)
    assert slots.reserve(retry, "digest")


def test_what_was_settled_and_not_told_is_told_by_anyone(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 2)
    for outcome, value in (("complete", 0.5), ("pruned", 0.25)):
        slot = claim()
        slots.settle(slot, outcome, value, trial_number=trials.create(store, optunas, slot).number)  # type: ignore[arg-type]
    first = recovery.recover(store, study.name)
    assert (first.told, first.failed) == (2, 0)
    assert recovery.recover(store, study.name) == recovery.Recovered(exhausted=0, told=0, failed=0)
    assert [(t.state, t.value) for t in optunas.get_trials()] == [(TrialState.COMPLETE, 0.5), (TrialState.PRUNED, 0.25)]


def test_the_trial_of_a_live_lease_is_never_touched(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study, clock: Clock
) -> None:
    slots.open(study.name, 2)
    attached = claim("w1", 60)
    slots.attach(attached, trials.create(store, optunas, attached).number)
    trials.create(store, optunas, claim("w2", 60))  # created, not yet attached
    clock.now += 60  # run out, but nobody took them: a late result would count
    assert recovery.recover(store, study.name).failed == 0
    assert [t.state for t in optunas.get_trials()] == [TrialState.RUNNING] * 2


def test_trials_of_attempts_that_ended_are_failed_with_their_reason(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 2)
    trials.create(store, optunas, claim("w1"))
    handed_back = claim("w2")
    trials.create(store, optunas, handed_back)
    slots.give_up("w1", "killed by signal 9")
    slots.hand_back(handed_back)
    assert recovery.recover(store, study.name).failed == 2
    dead, back = optunas.get_trials()
    assert (dead.state, back.state) == (TrialState.FAIL, TrialState.FAIL)
    assert "killed by signal 9" in dead.user_attrs["reason"]


def test_the_trial_of_a_superseded_attempt_is_failed_beside_its_successor(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    trials.create(store, optunas, claim("w1"))
    slots.give_up("w1", "killed")
    claim("w2")  # which has not got as far as creating its trial
    assert recovery.recover(store, study.name).failed == 1
    assert optunas.get_trials()[0].state == TrialState.FAIL


def test_an_exhausted_slot_fails_its_trial(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    for _ in range(3):
        slots.attach(slot := claim("w1"), trials.create(store, optunas, slot).number)
        slots.give_up("w1", "killed")
    recovery.recover(store, study.name)
    assert [t.state for t in optunas.get_trials()] == [TrialState.FAIL] * 3


def test_trials_that_are_not_ours_are_left_alone(store: Storage, study: StudyRecord, optunas: optuna.Study) -> None:
    optunas.ask()
    assert recovery.recover(store, study.name).failed == 0
    assert optunas.get_trials()[0].state == TrialState.RUNNING


def test_recovering_a_study_that_does_not_exist_does_nothing(store: Storage) -> None:
    assert recovery.recover(store, "nowhere") == recovery.Recovered(exhausted=0, told=0, failed=0)


def test_a_loser_fails_its_own_trial_and_no_other(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    slot = claim("w1")
    trial = trials.create(store, optunas, slot)
    assert not trials.fail(store, trial._trial_id, slot.id, slot.attempt + 1, "lost")
    assert not trials.fail(store, trial._trial_id, slot.id + 1, slot.attempt, "lost")
    assert not trials.fail(store, trial._trial_id + 1, slot.id, slot.attempt, "lost")
    assert optunas.get_trials()[0].state == TrialState.RUNNING
    assert trials.fail(store, trial._trial_id, slot.id, slot.attempt, "lost")
    assert optunas.get_trials()[0].user_attrs["reason"] == "lost"


def test_the_databases_own_clock_runs_leases_out(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 1)
    assert slots.claim(study.name, "w1", 3600) is not None
    assert slots.counts(study.name).running == 1
    assert slots.claim(study.name, "w2", 60) is None
    slots.give_up("w1", "killed")
    assert slots.claim(study.name, "w1", 0) is not None
    assert slots.claim(study.name, "w2", 60) is not None
