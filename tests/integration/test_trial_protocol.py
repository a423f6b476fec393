"""Optuna's trials for our slots: created, told, told again, and put right after a crash; on every database."""

import optuna
import pytest
from optuna.trial import TrialState
from slot_tools import Claim, Clock

from hpo.storage import Storage, studies
from hpo.storage.slots import recovery, slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord


@pytest.fixture
def optunas(store: Storage, study: StudyRecord) -> optuna.Study:
    return studies.load(store, study.name, sampler=optuna.samplers.RandomSampler(seed=0))


def test_a_trial_takes_given_parameters_and_samples_the_rest(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1, first=[{"x": 0.125}])
    slot = claim()
    trial = slot_trials.create(store, optunas, slot)
    assert trial.suggest_float("x", 0, 1) == 0.125
    assert trial.suggest_categorical("kind", ["a", "b"]) in ("a", "b")
    (frozen,) = optunas.get_trials()
    assert frozen.state == TrialState.RUNNING
    attributes = frozen.system_attrs
    assert (attributes["hpo:slot"], attributes["hpo:attempt"], attributes["hpo:position"]) == (slot.id, 1, 0)


def test_the_sampler_sees_trials_finished_since_the_last_one(
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
        trial = slot_trials.create(store, optunas, slot)
        value = trial.suggest_float("x", 0, 1)
        assert slots.settle(slot, "complete", value, trial_number=trial.number)
        assert slot_trials.tell(store, trial._trial_id, "complete", value)
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
def test_a_tell_follows_the_slot_and_can_be_repeated(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study, outcome, value, state, told
) -> None:  # type: ignore[no-untyped-def]
    slots.open(study.name, 1)
    slot = claim()
    trial = slot_trials.create(store, optunas, slot)
    slots.settle(slot, outcome, value, trial_number=trial.number)
    for _ in range(2):
        assert slot_trials.tell(store, trial._trial_id, outcome, value)
    (frozen,) = optunas.get_trials()
    assert (frozen.state, frozen.value) == (state, told)


def test_a_tell_that_contradicts_an_earlier_one_fails(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    trial = slot_trials.create(store, optunas, claim())
    assert slot_trials.tell(store, trial._trial_id, "failed")
    assert not slot_trials.tell(store, trial._trial_id, "complete", 1.0)
    assert optunas.get_trials()[0].state == TrialState.FAIL


def test_a_retry_takes_the_same_parameters_with_clean_attributes(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study, clock: Clock
) -> None:
    slots.open(study.name, 1)
    trial = slot_trials.create(store, optunas, claim("w1", 60))
    drawn = {"x": trial.suggest_float("x", 0, 1), "n": trial.suggest_int("n", 1, 1000)}
    trial.report(0.5, 1)
    trial.storage.set_trial_system_attr(trial._trial_id, "completed_rung_0", 0.5)
    clock.now += 60
    second = slot_trials.create(store, optunas, claim("w2", 60))
    assert {"x": second.suggest_float("x", 0, 1), "n": second.suggest_int("n", 1, 1000)} == drawn
    before, after = optunas.get_trials()
    assert before.state == TrialState.FAIL  # the sampler no longer takes it for one that runs
    assert "completed_rung_0" not in after.system_attrs
    assert after.intermediate_values == {}


def test_a_retry_prefers_the_reserved_configuration(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1, first=[{"x": 0.25}])
    slot = claim("w1")
    assert slots.reserve(slot, "digest", params={"x": 0.25, "n": 7})
    slots.record_crash("w1", "killed")
    retry = claim("w2")
    trial = slot_trials.create(store, optunas, retry)
    assert (trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 1000)) == (0.25, 7)
    assert slots.reserve(retry, "digest")


def test_recovery_tells_optuna_of_settled_slots(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 2)
    for outcome, value in (("complete", 0.5), ("pruned", 0.25)):
        slot = claim()
        slots.settle(slot, outcome, value, trial_number=slot_trials.create(store, optunas, slot).number)  # type: ignore[arg-type]
    first = recovery.recover(store, study.name)
    assert (first.told, first.failed) == (2, 0)
    assert recovery.recover(store, study.name) == recovery.Recovered(promoted=0, exhausted=0, told=0, failed=0)
    assert [(t.state, t.value) for t in optunas.get_trials()] == [(TrialState.COMPLETE, 0.5), (TrialState.PRUNED, 0.25)]


def test_recovery_leaves_trials_of_live_leases_alone(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study, clock: Clock
) -> None:
    slots.open(study.name, 2)
    attached = claim("w1", 60)
    slots.attach(attached, slot_trials.create(store, optunas, attached).number)
    slot_trials.create(store, optunas, claim("w2", 60))  # created, not yet attached
    clock.now += 60  # run out, but nobody took them: a late result would count
    assert recovery.recover(store, study.name).failed == 0
    assert [t.state for t in optunas.get_trials()] == [TrialState.RUNNING] * 2


def test_recovery_fails_trials_of_ended_attempts_with_their_reason(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 2)
    slot_trials.create(store, optunas, claim("w1"))
    given_back = claim("w2")
    slot_trials.create(store, optunas, given_back)
    slots.record_crash("w1", "killed by signal 9")
    slots.release(given_back, "a test")
    assert recovery.recover(store, study.name).failed == 2
    dead, back = optunas.get_trials()
    assert (dead.state, back.state) == (TrialState.FAIL, TrialState.FAIL)
    assert "killed by signal 9" in dead.user_attrs["reason"]


def test_recovery_fails_the_trial_of_a_superseded_attempt(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    slot_trials.create(store, optunas, claim("w1"))
    slots.record_crash("w1", "killed")
    claim("w2")  # which has not got as far as creating its trial
    assert recovery.recover(store, study.name).failed == 1
    assert optunas.get_trials()[0].state == TrialState.FAIL


def test_recovery_fails_the_trial_of_an_exhausted_slot(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    for _ in range(3):
        slots.attach(slot := claim("w1"), slot_trials.create(store, optunas, slot).number)
        slots.record_crash("w1", "killed")
    recovery.recover(store, study.name)
    assert [t.state for t in optunas.get_trials()] == [TrialState.FAIL] * 3


def test_recovery_leaves_trials_of_others_alone(store: Storage, study: StudyRecord, optunas: optuna.Study) -> None:
    optunas.ask()
    assert recovery.recover(store, study.name).failed == 0
    assert optunas.get_trials()[0].state == TrialState.RUNNING


def test_recovering_a_study_that_does_not_exist_does_nothing(store: Storage) -> None:
    assert recovery.recover(store, "nowhere") == recovery.Recovered(promoted=0, exhausted=0, told=0, failed=0)


def test_a_worker_that_lost_its_slot_fails_only_its_own_trial(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, optunas: optuna.Study
) -> None:
    slots.open(study.name, 1)
    slot = claim("w1")
    trial = slot_trials.create(store, optunas, slot)
    assert not slot_trials.fail(store, trial._trial_id, slot.id, slot.attempt + 1, "lost")
    assert not slot_trials.fail(store, trial._trial_id, slot.id + 1, slot.attempt, "lost")
    assert not slot_trials.fail(store, trial._trial_id + 1, slot.id, slot.attempt, "lost")
    assert optunas.get_trials()[0].state == TrialState.RUNNING
    assert slot_trials.fail(store, trial._trial_id, slot.id, slot.attempt, "lost")
    assert optunas.get_trials()[0].user_attrs["reason"] == "lost"
