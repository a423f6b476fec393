"""Jobs as slots: one for each, whoever adds it; and a trial that knows its job, at whatever attempt."""

import pytest
import small
from slot_tools import Claim

from hpo.errors import StudyError, UsageError
from hpo.optuna_internals import JOB
from hpo.search import Job
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots import slots as slots_module
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord

JOBS = [small.job(seed) for seed in range(3)]


def test_every_job_has_one_slot_in_the_order_given(slots: Slots, study: StudyRecord) -> None:
    assert slots.add(study.name, [*JOBS, JOBS[0]]) == 3
    there = slots.list(study.name)
    assert [slot.position for slot in there] == [0, 1, 2]
    assert [Job.from_payload(slot.payload) for slot in there] == JOBS
    assert [slot.digest for slot in there] == [job.key for job in JOBS]
    assert {(slot.state, slot.study_id) for slot in there} == {("open", study.id)}


def test_existing_jobs_are_not_added_again_and_positions_continue(slots: Slots, study: StudyRecord) -> None:
    slots.add(study.name, JOBS[:2])
    assert slots.add(study.name, JOBS) == 1
    assert slots.add(study.name, JOBS) == 0
    assert slots.add(study.name, []) == 0
    assert [(slot.position, slot.digest) for slot in slots.list(study.name)] == list(enumerate(j.key for j in JOBS))


def test_jobs_that_differ_only_in_their_note_are_the_same(slots: Slots, study: StudyRecord) -> None:
    slots.add(study.name, JOBS[:1])
    renamed = Job(rows="share", params=JOBS[0].params, seed=JOBS[0].seed, note="another word for it")
    assert slots.add(study.name, [renamed]) == 0


def test_a_settled_job_is_kept_with_its_key(slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.add(study.name, JOBS[:1])
    held = claim()
    assert slots.settle(held, "complete", 0.5, params=held.fixed)
    assert slots.add(study.name, JOBS[:1]) == 0
    (settled,) = slots.list(study.name)
    assert (settled.digest, settled.value, dict(settled.params or {})) == (JOBS[0].key, 0.5, dict(JOBS[0].params))


def test_a_study_that_is_not_there_and_too_many_jobs_are_refused(
    slots: Slots, study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudyError, match="there is no study 'nowhere'"):
        slots.add("nowhere", JOBS)
    monkeypatch.setattr(slots_module, "MAX_SLOTS", 2)
    with pytest.raises(UsageError, match="would have 3 trials; 2 is the most"):
        slots.add(study.name, JOBS)
    assert slots.list(study.name) == []


def test_a_trial_knows_its_job_on_a_retry_too(store: Storage, slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.add(study.name, JOBS[:1])
    optunas = studies.load(store, study.name)
    wanted = {"rows": "share", "seed": 0, "note": "plain 0", "keep": False}
    for attempt in (1, 2):
        held = claim()
        assert held.attempt == attempt
        trial = slot_trials.create(store, optunas, held)
        attributes = store.rdb.get_trial_system_attrs(trial._trial_id)
        assert attributes[JOB] == wanted
        assert attributes["fixed_params"] == dict(JOBS[0].params)
        slots.record_crash("w1", "the test said so")


def test_a_trial_of_a_search_has_no_job(store: Storage, slots: Slots, study: StudyRecord, claim: Claim) -> None:
    slots.open(study.name, 1)
    trial = slot_trials.create(store, studies.load(store, study.name), claim())
    assert JOB not in store.rdb.get_trial_system_attrs(trial._trial_id)
