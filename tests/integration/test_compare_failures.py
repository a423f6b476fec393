"""What failed in the search and in the pairs is counted, from real slots settled as workers settle them."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from hpo.experiments.compare.comparison_jobs import PairRows, failed_trainings, pair_jobs
from hpo.experiments.compare.comparison_report import Side
from hpo.experiments.measure import Result
from hpo.search.job import Job
from hpo.storage import Storage
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import Params

BEST, HAND, OTHER = {"x": 0.1}, {"x": 0.5}, {"x": 0.9}


def claimed(slots: Slots, study: StudyRecord) -> Slot:
    slot = slots.claim(study.name, "me", 60)
    assert slot is not None
    return slot


def searched(store: Storage, study: StudyRecord, *ended: tuple[Params, str, str | None]) -> None:
    """A slot for each, settled so."""
    slots = Slots(store)
    slots.open(study.name, len(Slots(store).list(study.name)) + len(ended))
    for params, outcome, reason in ended:
        value = 0.9 if outcome == "complete" else None
        assert slots.settle(claimed(slots, study), outcome, value, reason=reason, params=params)  # type: ignore[arg-type]


def counted(
    store: Storage,
    study: StudyRecord,
    *lost: int,
    attempts: Mapping[int, int] | None = None,
    kinds: Sequence[PairRows] = ("share",),
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(failed, all) a side, where of six pairs of each kind those trainings gave no score, and some took attempts."""
    contest: Any = SimpleNamespace(record=study, baseline=Side(name="by-hand", number=0, params=HAND, value=0.8))
    optimum = Side(name="trial 1", number=1, params=BEST, value=0.9)

    def result(at: int, job: Job) -> Result:
        return Result(
            key=job.key, outcome="pruned" if at in lost else "complete", value=None if at in lost else 0.9,
            seed=job.seed, params=job.params, lost=(attempts or {}).get(at, 0),
        )  # fmt: skip

    jobs = {rows: tuple(pair_jobs(contest, optimum, rows, 6)) for rows in kinds}
    pairs = {rows: (its, {job.key: result(at, job) for at, job in enumerate(its)}) for rows, its in jobs.items()}
    found = failed_trainings(store, contest, optimum, pairs.values())
    return (found.a.failed, found.a.trainings), (found.b.failed, found.b.trainings)


def test_diverged_and_failed_trials_count_and_unfinished_ones_do_not(store: Storage, study: StudyRecord) -> None:
    assert counted(store, study) == ((0, 6), (0, 6))
    searched(
        store, study,
        (HAND, "complete", None), (BEST, "complete", None), (BEST, "complete", None),
        (BEST, "pruned", "diverged: the loss was not finite at step 1 of epoch 1"),
        (BEST, "pruned", "pruned after epoch 2 of 9 at accuracy 0.5"),
        (BEST, "pruned", "infeasible: latency above 0"),
        (BEST, "failed", "ValueError: no luck"),
        (OTHER, "failed", "ValueError: no luck"),
    )  # fmt: skip
    assert counted(store, study) == ((2, 10), (0, 7))
    assert counted(store, study, 0, 4, 5) == ((4, 10), (1, 7))
    assert counted(store, study, 0, 4, 5, kinds=("share", "resampled")) == ((6, 16), (2, 13))


def test_crashed_attempts_count_as_failures_and_released_ones_do_not(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 1, first=[BEST])
    slots.release(claimed(slots, study), "a test")
    claimed(slots, study)
    slots.record_crash("me", "signal 11")
    assert counted(store, study) == ((1, 7), (0, 6))  # it waits for its next attempt
    slot = claimed(slots, study)
    assert counted(store, study) == ((1, 7), (0, 6))  # which is in hand
    assert slots.settle(slot, "complete", 0.9, params=BEST)
    assert counted(store, study) == ((1, 8), (0, 6))
    assert counted(store, study, attempts={1: 2}) == ((1, 8), (2, 8))


def test_each_exhausted_attempt_counts_as_a_failure(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store, max_attempts=3)
    slots.open(study.name, 1, first=[BEST])
    for _ in range(3):
        claimed(slots, study)
        slots.record_crash("me", "signal 11")
    assert [slot.outcome for slot in slots.list(study.name)] == ["failed"]
    assert counted(store, study) == ((3, 9), (0, 6))
