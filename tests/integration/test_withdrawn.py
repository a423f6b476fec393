"""Jobs nobody asks for any more are taken back; what was begun or done stays."""

from hpo.experiments.measure import unwanted, withdraw
from hpo.search.job import Job
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord


def test_only_open_jobs_that_are_not_wanted_go(store: Storage, study: StudyRecord) -> None:
    jobs = [Job(rows="share", params={"x": 0.5, "kind": "a"}, seed=seed) for seed in range(1200)]
    slots = Slots(store)
    slots.add(study.name, jobs)
    done, begun = slots.claim(study.name, "me", 60), slots.claim(study.name, "me", 60)
    assert done is not None
    assert begun is not None
    slots.settle(done, "complete", 0.5, trial_number=0)
    wanted = {job.key for job in jobs[10:12]}
    assert len(unwanted(store, study.name, wanted)) == 1200 - 1 - 2
    assert withdraw(store, study.name, wanted) == 1200 - 2 - 2
    assert [slot.position for slot in slots.list(study.name)] == [0, 1, 10, 11]
    assert unwanted(store, study.name, wanted) == [begun.id]
    assert withdraw(store, study.name, wanted) == 0
    # Asked for again, they come again, after those that are there.
    assert slots.add(study.name, jobs[:3]) == 1
    assert [slot.position for slot in slots.list(study.name)] == [0, 1, 10, 11, 12]


def test_a_study_that_is_not_there_has_nothing_to_withdraw(store: Storage) -> None:
    assert withdraw(store, "nobody", set()) == 0
