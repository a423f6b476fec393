"""Real processes doing the same thing at the same moment, on every database."""

from collections.abc import Iterator
from dataclasses import replace

import actors
import pytest
import small
from actors import Crew
from optuna.trial import TrialState

from hpo import storage
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.dismiss()


def test_five_concurrent_processes_prepare_one_empty_database(crew: Crew, storage_url: str, plan: StudyPlan) -> None:
    crew.race(actors.prepare, [(storage_url,)] * 5)
    opened = storage.open(storage_url)
    assert studies.create_or_resume(opened, plan).name == plan.name
    assert len(opened.rdb.get_all_studies()) == 1
    opened.close()


def test_exactly_one_of_the_processes_makes_a_study(crew: Crew, store: Storage, plan: StudyPlan) -> None:
    records = crew.race(actors.create, [(store.url, replace(plan, seed=None))] * 4)
    assert len(set(records)) == 1  # the seed was drawn once, and there is one id
    assert [study.study_name for study in store.rdb.get_all_studies()] == [plan.name]


def test_slots_opened_concurrently_are_opened_once(crew: Crew, store: Storage, study: StudyRecord) -> None:
    added = crew.race(actors.open_slots, [(store.url, study.name, 50)] * 4)
    assert sorted(added) == [0, 0, 0, 50]
    assert [slot.position for slot in Slots(store).list(study.name)] == list(range(50))


def test_jobs_added_concurrently_are_added_once(crew: Crew, store: Storage, study: StudyRecord) -> None:
    jobs = [small.job(seed) for seed in range(30)]
    added = crew.race(actors.add_jobs, [(store.url, study.name, jobs[first:]) for first in (0, 10, 20, 0)])
    assert sum(added) == 30
    there = Slots(store).list(study.name)
    assert [slot.position for slot in there] == list(range(30))
    assert {slot.digest for slot in there} == {job.key for job in jobs}


def test_concurrent_claims_never_take_one_slot_twice(crew: Crew, store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 200)
    taken = crew.race(actors.claim_all, [(store.url, study.name, f"w{number}") for number in range(4)])
    assert sorted(slot for own in taken for slot in own) == [slot.id for slot in Slots(store).list(study.name)]
    assert {slot.attempt for slot in Slots(store).list(study.name)} == {1}


def test_concurrent_workers_never_reserve_one_configuration_twice(
    crew: Crew, store: Storage, study: StudyRecord
) -> None:
    slots = Slots(store)
    slots.open(study.name, 4)
    held = [slots.claim(study.name, f"w{number}", 3600) for number in range(4)]
    digests = [str(number) for number in range(20)]
    reserved = crew.race(actors.reserve_all, [(store.url, slot, digests) for slot in held])
    # Each slot keeps its last one, and gave up the ones before it; whatever is kept, is kept by one.
    kept = [slot.digest for slot in slots.list(study.name)]
    assert len(set(kept)) == 4
    assert {own[-1] for own in reserved} == set(kept)


def _running(store: Storage, study: StudyRecord, number: int) -> tuple[list[Slot], list[int]]:
    slots, optunas = Slots(store), studies.load(store, study.name)
    slots.open(study.name, number)
    held, ids = [], []
    for _ in range(number):
        slot = slots.claim(study.name, "w1", 3600)
        assert slot is not None
        held.append(slot)
        ids.append(slot_trials.create(store, optunas, slot)._trial_id)
    return held, ids


@pytest.mark.thorough
def test_two_outcomes_of_one_trial_never_both_count(crew: Crew, store: Storage, study: StudyRecord) -> None:
    held, ids = _running(store, study, 60)
    first, second = crew.race(
        actors.settle_and_tell,
        [(store.url, held, ids, "complete", 0.5), (store.url, held, ids, "failed", None)],
    )
    assert sorted(first + second) == list(range(60))
    states = [trial.state for trial in studies.load(store, study.name).get_trials()]
    expected = [TrialState.COMPLETE if number in set(first) else TrialState.FAIL for number in range(60)]
    assert states == expected
    assert [slot.outcome == "complete" for slot in Slots(store).list(study.name)] == [
        state == TrialState.COMPLETE for state in states
    ]


@pytest.mark.thorough
def test_a_tell_replayed_by_several_at_once_succeeds_for_all(crew: Crew, store: Storage, study: StudyRecord) -> None:
    _, ids = _running(store, study, 40)
    told = crew.race(actors.tell_all, [(store.url, ids, "complete", 0.5)] * 3)
    assert told == [[True] * 40] * 3
    finished = studies.load(store, study.name).get_trials()
    assert [(trial.state, trial.values) for trial in finished] == [(TrialState.COMPLETE, [0.5])] * 40


def test_a_study_is_deleted_whole_while_workers_run(crew: Crew, store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 10_000)
    workers = [(store.url, study.name, f"w{number}") for number in range(3)]
    said = crew.run([(actors.delete_soon, (store.url, study.name)), *((actors.work_until_gone, w) for w in workers)])
    assert said[0] == "deleted"
    assert studies.list_all(store) == []
    assert store.rdb.get_all_studies() == []
    with store.engine.connect() as connection:
        for table in ("trials", "trial_params", "trial_intermediate_values", "hpo_slot"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
