"""Studies: made once, resumed only as they were planned, found by either name, deleted whole."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from sqlalchemy import text

from hpo import storage
from hpo.errors import StudyError
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord


def test_a_study_is_in_both_tables_with_its_direction_and_metric(store: Storage, plan: StudyPlan) -> None:
    record = studies.create_or_resume(store, replace(plan, direction="minimize", metric="mae"))
    study = studies.load(store, plan.name)
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert study.metric_names == ["mae"]
    assert studies.get(store, plan.name) == record
    assert studies.list_all(store) == [record]


def test_creating_with_the_same_plan_resumes_the_study(store: Storage, plan: StudyPlan) -> None:
    made = studies.create_or_resume(store, plan)
    assert studies.create_or_resume(store, plan) == made
    assert studies.create_or_resume(store, replace(plan, seed=None, sampler=None, pruner=None)) == made


def test_unspecified_sampler_pruner_and_seed_are_chosen_and_kept(store: Storage, plan: StudyPlan) -> None:
    open_plan = replace(plan, seed=None, sampler=None, pruner=None)
    made = studies.create_or_resume(store, open_plan)
    assert (made.sampler, made.pruner) == ("tpe", "asha")
    assert studies.create_or_resume(store, open_plan).seed == made.seed
    other = studies.create_or_resume(store, replace(open_plan, name="other"))
    assert other.seed != made.seed  # drawn, not fixed


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("definition", "another"),
        ("space", "wide"),
        ("fingerprint", "fedcba9876543210"),
        ("fidelity", "full"),
        ("direction", "minimize"),
        ("metric", "loss"),
        ("sampler", "tpe"),
        ("pruner", "asha"),
        ("seed", 2),
    ],
)
def test_a_study_with_different_settings_is_refused_with_both_values(
    store: Storage, study: StudyRecord, plan: StudyPlan, field: str, other: object
) -> None:
    with pytest.raises(StudyError) as caught:
        studies.create_or_resume(store, replace(plan, **{field: other}))  # type: ignore[arg-type]
    message = str(caught.value)
    assert str(getattr(plan, field)) in message
    assert str(other) in message
    assert "--name" in message
    assert "\n" not in message
    assert studies.get(store, plan.name) == study


def test_a_file_that_moved_is_followed_and_found_from_any_folder(
    store: Storage, plan: StudyPlan, tmp_path: Path
) -> None:
    made = studies.create_or_resume(store, replace(plan, reference="./mine.py:study"))
    assert made.reference == f"{tmp_path}/mine.py:study"
    moved = studies.create_or_resume(store, replace(plan, reference="/elsewhere/mine.py:study"))
    assert moved.reference == "/elsewhere/mine.py:study"
    assert studies.get(store, plan.name) == moved


def test_a_study_made_by_optuna_alone_is_refused(store: Storage, plan: StudyPlan) -> None:
    name = "made by optuna"
    theirs = optuna.create_study(study_name=name, storage=store.optuna)
    try:
        with pytest.raises(StudyError, match="not made by hpo"):
            studies.create_or_resume(store, replace(plan, name=name))
        assert optuna.load_study(study_name=name, storage=store.optuna).direction == theirs.direction
    finally:
        optuna.delete_study(study_name=name, storage=store.optuna)


def test_a_crash_while_a_study_is_made_leaves_nothing(
    store: Storage, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optuna.storages.RDBStorage, "set_study_system_attr", crash)
        with pytest.raises(KeyboardInterrupt):
            studies.create_or_resume(store, plan)
    assert store.rdb.get_all_studies() == []
    assert studies.create_or_resume(store, plan).name == plan.name


def test_a_study_is_found_by_its_name_or_its_definitions(store: Storage, study: StudyRecord, plan: StudyPlan) -> None:
    assert studies.find(store, "toy-line-quick") == study
    assert studies.find(store, "toy") == study
    named = studies.create_or_resume(store, replace(plan, name="second"))
    with pytest.raises(StudyError, match="toy-line-quick, second"):
        studies.find(store, "toy")
    assert studies.find(store, "second") == named
    called_so = studies.create_or_resume(store, replace(plan, name="toy"))
    assert studies.find(store, "toy") == called_so  # a study's own name comes first


def test_an_unknown_study_is_refused_with_those_there_are(store: Storage, study: StudyRecord) -> None:
    for action in (studies.find, studies.get, studies.load):
        with pytest.raises(StudyError, match=r"'nowhere'.*toy-line-quick"):
            action(store, "nowhere")
    with pytest.raises(StudyError, match="'nowhere'"):
        studies.delete(store, "nowhere")


def test_deleting_a_study_removes_all_of_it_and_nothing_else(
    store: Storage, study: StudyRecord, plan: StudyPlan
) -> None:
    kept = studies.create_or_resume(store, replace(plan, name="kept"))
    slots = Slots(store)
    for name in (study.name, kept.name):
        slots.open(name, 2)
        slot = slots.claim(name, "w1", 0)
        assert slot is not None
        trial = slot_trials.create(store, studies.load(store, name), slot)
        trial.suggest_float("x", 0, 1)
        trial.report(0.5, 1)
        trial.set_user_attr("seed", 1)
    studies.delete(store, study.name)
    assert studies.list_all(store) == [kept]
    assert slots.counts(study.name).target == 0
    assert slots.counts(kept.name).target == 2
    assert [s.study_name for s in store.rdb.get_all_studies()] == [kept.name]
    with store.engine.connect() as connection:
        for table in ("trials", "trial_params", "trial_user_attributes", "trial_intermediate_values"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 1
    assert len(studies.load(store, kept.name).trials) == 1


def test_a_study_with_active_workers_is_deleted_only_by_force(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 1)
    slot = slots.claim(study.name, "w1", 3600)
    assert slot is not None
    with pytest.raises(StudyError, match="1 trials running"):
        studies.delete(store, study.name)
    studies.delete(store, study.name, force=True)
    assert not slots.settle(slot, "complete", 1.0)


def test_a_deleted_study_leaves_no_rows_and_its_id_is_never_reused(
    store: Storage, study: StudyRecord, plan: StudyPlan
) -> None:
    race = studies.create_or_resume(store, replace(plan, name="a race", kind="race", parent=study.name))
    Slots(store).open(race.name, 2)
    Slots(store).open(study.name, 3)
    studies.delete(store, study.name)
    with store.engine.connect() as connection:
        tables = ("hpo_study", "hpo_slot", "hpo_look", "studies")
        assert [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() for table in tables] == [0, 0, 0, 0]
    assert studies.create_or_resume(store, plan).id > race.id > study.id  # an id is never another study's


def test_a_long_lived_process_does_not_mix_a_deleted_study_with_its_successor(
    store: Storage, study: StudyRecord, plan: StudyPlan
) -> None:
    slots = Slots(store)
    slots.open(study.name, 3)
    old = studies.load(store, study.name)
    held = slots.claim(study.name, "w1", 3600)
    assert held is not None
    trial = slot_trials.create(store, old, held)
    for outcome, number in (("complete", 0), ("pruned", 1)):  # finished trials are what a cache keeps
        past = slots.claim(study.name, "w0", 3600)
        assert past is not None
        done = slot_trials.create(store, old, past)
        assert slots.settle(past, outcome, number, trial_number=done.number)
        assert slot_trials.tell(store, done._trial_id, outcome, number)
    assert len(old.trials) == 3

    elsewhere = storage.open(store.url)  # as another process would
    studies.delete(elsewhere, study.name, force=True)
    again = studies.create_or_resume(elsewhere, plan)
    slots.open(again.name, 3)
    fresh = slots.claim(again.name, "w2", 3600)
    assert fresh is not None
    assert fresh.id > held.id  # an old token can never fit a new slot
    successor = slot_trials.create(elsewhere, studies.load(elsewhere, again.name), fresh)
    elsewhere.close()

    # The old worker neither settles, nor creates, nor fails what is not its own.
    assert not slots.settle(held, "complete", 1.0)
    assert not slot_trials.fail(store, trial._trial_id, held.id, held.attempt, "lost")
    another = slots.claim(again.name, "w1", 3600)
    assert another is not None
    with pytest.raises(StudyError, match="made anew"):
        slot_trials.create(store, old, another)
    now = studies.load(store, again.name)
    assert [t.state.name for t in now.get_trials()] == ["RUNNING"]
    assert now.get_trials()[0].system_attrs["hpo:slot"] == fresh.id
    assert successor.number == 0
    slot_trials.create(store, now, another)
    assert [t.number for t in now.get_trials()] == [0, 1]
