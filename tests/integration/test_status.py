"""What `hpo status`, `best` and `trial` read, from a real database."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hpo import storage
from hpo.errors import StudyError
from hpo.storage import studies
from hpo.storage.queries import status, study_results
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots

DEFINITION = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("nothing is trained here")

space = Space(name="small", params={"x": Float(low=0.0, high=1.0), "kind": Categorical(choices=("a", None))})
study = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="mae", direction="minimize", spaces=(space,),
    evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=3),),
    baselines=(Baseline(name="by-hand", title="A guess", params={"x": 0.5, "kind": None}),),
)
"""


@pytest.fixture
def opened(tmp_path: Path) -> storage.Storage:
    (tmp_path / "toy.py").write_text(DEFINITION)
    return storage.prepare(f"sqlite:///{tmp_path}/hpo.db")


def make(opened: storage.Storage, name: str = "toy-small-quick", trials_wanted: int = 5) -> studies.StudyRecord:
    plan = studies.StudyPlan(
        name=name, reference=f"{opened.where.path.parent}/toy.py:study", definition="toy", space="small",
        fingerprint="f", fidelity="quick", direction="minimize", metric="mae", seed=7, sampler="random", pruner="none",
    )  # fmt: skip
    record = studies.create_or_resume(opened, plan)
    Slots(opened).open(name, trials_wanted, first=[{"x": 0.5, "kind": None}])
    return record


def run(opened: storage.Storage, name: str, outcome: str, value: float | None, *, curve=(), **settled: object) -> int:
    """One trial as a worker runs it, up to its outcome; `claimed` leaves it in hand. Its number."""
    slots = Slots(opened)
    study = studies.load(opened, name)
    slot = slots.claim(name, "me", 60)
    assert slot is not None
    trial = slot_trials.create(opened, study, slot)
    params = {"x": trial.suggest_float("x", 0, 1), "kind": trial.suggest_categorical("kind", ("a", None))}
    trial.set_user_attr("seed", 100 + trial.number)
    for step, reported in curve:
        trial.report(reported, step)
    slots.attach(slot, trial.number)
    if outcome == "claimed":
        return trial.number
    assert slots.settle(slot, outcome, value, params=params, trial_number=trial.number, **settled)
    assert slot_trials.tell(opened, trial._trial_id, outcome, value)
    return trial.number


def test_status_counts_slots_by_outcome(opened: storage.Storage) -> None:
    before = datetime.now(UTC)
    make(opened)
    run(opened, "toy-small-quick", "complete", 3.0)
    best = run(opened, "toy-small-quick", "complete", 2.0)
    run(opened, "toy-small-quick", "pruned", 9.0, reason="too slow")
    run(opened, "toy-small-quick", "claimed", None)
    found = status.study_status(opened, "toy")
    assert (found.target, found.settled, found.running, found.open) == (5, 3, 1, 1)
    assert (found.complete, found.pruned, found.failed) == (2, 1, 0)
    assert found.best is not None
    assert (found.best.number, found.best.value, set(found.best.params)) == (best, 2.0, {"x", "kind"})
    assert found.workers == ("me",)
    assert found.eta_seconds is not None
    assert 0 <= found.eta_seconds < 60
    assert before.timestamp() - 1 <= found.created_at.timestamp() <= datetime.now(UTC).timestamp() + 1
    assert (found.study, found.definition, found.sampler, found.seed) == ("toy-small-quick", "toy", "random", 7)


def test_a_new_study_has_no_best_and_no_time_left(opened: storage.Storage) -> None:
    make(opened)
    found = status.study_status(opened, "toy")
    assert (found.best, found.eta_seconds, found.workers, found.open) == (None, None, (), 5)
    with pytest.raises(StudyError, match="no complete trial yet"):
        study_results.best(opened, "toy")


def test_all_studies_are_listed_the_oldest_first_and_named_for_completion(opened: storage.Storage) -> None:
    assert status.all_statuses(opened) == []
    make(opened, "one")
    make(opened, "two")
    assert [found.study for found in status.all_statuses(opened)] == ["one", "two"]
    assert [name for name, _ in status.names(opened)] == ["one", "two"]
    with pytest.raises(StudyError, match="one, two"):
        status.study_status(opened, "toy")


def test_the_best_stands_beside_the_baseline_of_the_same_search(opened: storage.Storage) -> None:
    make(opened)
    first = run(opened, "toy-small-quick", "complete", 3.0)  # the slot that was given the baseline's parameters
    second = run(opened, "toy-small-quick", "complete", 1.0)
    found = study_results.best(opened, "toy")
    assert (found.number, found.value, found.metric, found.direction) == (second, 1.0, "mae", "minimize")
    assert found.baseline == study_results.Baseline(name="by-hand", number=first, outcome="complete", value=3.0)


def test_a_missing_definition_hides_only_the_baseline(opened: storage.Storage) -> None:
    make(opened)
    run(opened, "toy-small-quick", "complete", 3.0)
    (opened.where.path.parent / "toy.py").unlink()
    found = study_results.best(opened, "toy")
    assert (found.value, found.baseline) == (3.0, None)


def test_a_trial_is_reported_with_its_curve_seed_worker_and_failure(opened: storage.Storage) -> None:
    make(opened)
    number = run(opened, "toy-small-quick", "complete", 0.5, curve=[(2, 0.75), (1, 1.5)])
    failed = run(opened, "toy-small-quick", "failed", None, reason="ValueError: no", traceback="Traceback…\n  line")
    found = study_results.trial(opened, "toy", number)
    assert (found.state, found.value, found.seed, found.attempt, found.position) == ("complete", 0.5, 100, 1, 0)
    assert found.params == {"x": 0.5, "kind": None}
    assert found.curve == ((1, 1.5), (2, 0.75))
    assert found.worker == "me"
    assert found.started_at is not None
    assert abs((found.started_at - datetime.now(UTC)).total_seconds()) < 60
    assert found.seconds is not None
    assert found.seconds >= 0
    found = study_results.trial(opened, "toy", failed)
    assert (found.state, found.value, found.reason, found.traceback) == (
        "failed", None, "ValueError: no", "Traceback…\n  line",
    )  # fmt: skip


def test_the_start_of_a_trial_is_reported_in_utc_in_any_time_zone(
    opened: storage.Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(opened)
    try:
        monkeypatch.setenv("TZ", "NPT-5:45")  # POSIX: needs no table of zones
        time.tzset()
        began = study_results.trial(opened, "toy", run(opened, "toy-small-quick", "complete", 1.0)).started_at
    finally:
        monkeypatch.undo()
        time.tzset()
    assert began is not None
    assert abs((began - datetime.now(UTC)).total_seconds()) < 60


def test_trials_deleted_by_another_program_are_reported(opened: storage.Storage) -> None:
    record = make(opened)
    run(opened, record.name, "complete", 1.0)
    opened.rdb.delete_study(opened.rdb.get_study_id_from_name(record.name))
    for use in (lambda: study_results.trial(opened, "toy", 0), lambda: studies.load(opened, record.name)):
        with pytest.raises(StudyError, match="were deleted by another program: `hpo delete toy-small-quick`"):
            use()
    studies.delete(opened, record.name)
    assert status.all_statuses(opened) == []


def test_an_unknown_trial_is_refused_with_the_known_ones(opened: storage.Storage) -> None:
    make(opened)
    with pytest.raises(StudyError, match="it has none yet"):
        study_results.trial(opened, "toy", 0)
    run(opened, "toy-small-quick", "complete", 1.0)
    with pytest.raises(StudyError, match="its trials are 0 to 0"):
        study_results.trial(opened, "toy", 1)


def test_a_superseded_attempt_is_shown_as_failed_without_the_slots_worker(opened: storage.Storage) -> None:
    make(opened, trials_wanted=1)
    lost = run(opened, "toy-small-quick", "claimed", None)
    Slots(opened).record_crash("me", "killed by signal 9")
    again = run(opened, "toy-small-quick", "complete", 1.0)
    assert study_results.trial(opened, "toy", lost).worker is None
    assert study_results.trial(opened, "toy", lost).state == "failed"
    assert study_results.trial(opened, "toy", again).attempt == 2
    assert study_results.trial(opened, "toy", lost).position == study_results.trial(opened, "toy", again).position
