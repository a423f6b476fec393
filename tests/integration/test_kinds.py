"""Studies that measure: found by their names, no search's to take over, and gone with the search they measure."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import small
import toy
from sqlalchemy import select

from hpo import storage
from hpo.errors import StudyError
from hpo.experiments.search_plan import Request
from hpo.experiments.search_plan import plan as foresee
from hpo.experiments.search_run import optimize
from hpo.experiments.train_configuration import TrainRequest, plan_training
from hpo.storage import Storage, schema, studies
from hpo.storage.queries import status, study_results
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord


@pytest.fixture
def sweep(plan: StudyPlan) -> StudyPlan:
    return replace(plan, name="toy-sweep-quick", kind="sweep")


@pytest.fixture
def race(plan: StudyPlan) -> StudyPlan:
    return replace(plan, name=f"{plan.name}-race-quick", kind="race", parent=plan.name)


def look(store: Storage, study: StudyRecord) -> None:
    with store.engine.begin() as connection:
        connection.execute(
            schema.looks.insert().values(
                study_id=study.id, rows="share", baseline="middle", fidelity="quick",
                optimum="0" * 64, number=1, pairs=12, alpha=0.0375, p_value=0.01, verdict="better", looked_at=1.0,
                document="{}",
            )
        )  # fmt: skip


def looks(store: Storage) -> list[str]:
    with store.engine.connect() as connection:
        return list(connection.execute(select(schema.studies.c.name).join(schema.looks)).scalars())


def names(store: Storage) -> set[str]:
    return {record.name for record in studies.list_all(store)}


def test_a_study_is_a_search_unless_its_plan_says_otherwise(
    store: Storage, study: StudyRecord, race: StudyPlan
) -> None:
    assert (study.kind, study.parent) == ("search", None)
    made = studies.create_or_resume(store, race)
    assert (made.kind, made.parent) == ("race", study.name)
    assert studies.get(store, race.name) == made


def test_the_name_of_a_definition_means_its_only_search(store: Storage, sweep: StudyPlan, plan: StudyPlan) -> None:
    studies.create_or_resume(store, sweep)
    with pytest.raises(StudyError, match="there is no study 'toy'"):
        studies.find(store, "toy")
    assert studies.find(store, sweep.name).kind == "sweep"
    search = studies.create_or_resume(store, plan)
    assert studies.find(store, "toy") == search


@pytest.mark.parametrize("seed", [1, 2])
def test_a_measurement_is_resumed_whatever_its_seed(store: Storage, sweep: StudyPlan, seed: int) -> None:
    made = studies.create_or_resume(store, sweep)
    assert studies.create_or_resume(store, replace(sweep, seed=seed)) == made


def test_studies_of_one_name_and_another_kind_or_parent_are_refused(
    store: Storage, study: StudyRecord, plan: StudyPlan, race: StudyPlan
) -> None:
    studies.create_or_resume(store, race)
    with pytest.raises(StudyError) as caught:
        studies.create_or_resume(store, replace(plan, name=race.name))
    assert str(caught.value) == (
        f"study '{race.name}' is a race of {study.name}, not a search: give the new one a name of its own, --name OTHER"
    )
    with pytest.raises(StudyError, match=f"not a pairs of {study.name}: `hpo delete {race.name}` makes way"):
        studies.create_or_resume(store, replace(race, kind="pairs"))
    with pytest.raises(StudyError, match="made with fidelity quick, not full: `hpo delete"):
        studies.create_or_resume(store, replace(race, fidelity="full"))


def test_a_measurement_of_a_missing_search_is_refused(store: Storage, race: StudyPlan) -> None:
    with pytest.raises(StudyError, match="there is no study 'toy-line-quick'"):
        studies.create_or_resume(store, race)
    assert names(store) == set()


def test_deleting_a_search_deletes_its_measurements_and_nothing_else(
    store: Storage, study: StudyRecord, plan: StudyPlan, race: StudyPlan, sweep: StudyPlan
) -> None:
    other = studies.create_or_resume(store, replace(plan, name="other"))
    studies.create_or_resume(store, race)
    studies.create_or_resume(store, sweep)
    for name in (race.name, sweep.name):
        Slots(store).add(name, [small.job()])
    look(store, study)
    look(store, other)
    assert studies.measured(store, study.name) == [race.name]
    studies.delete(store, study.name)
    assert names(store) == {"other", sweep.name}
    assert {s.study_name for s in store.rdb.get_all_studies()} == {"other", sweep.name}
    assert Slots(store).list(race.name) == []
    assert len(Slots(store).list(sweep.name)) == 1
    assert looks(store) == ["other"]
    studies.delete(store, "other")
    assert looks(store) == []


def test_deleting_a_measurement_leaves_its_search(store: Storage, study: StudyRecord, race: StudyPlan) -> None:
    studies.create_or_resume(store, race)
    look(store, study)
    studies.delete(store, race.name)
    assert names(store) == {study.name}
    assert looks(store) == [study.name]
    with store.engine.begin() as connection:
        connection.execute(schema.looks.delete())


def test_a_measurement_in_progress_keeps_its_search_from_being_deleted(
    store: Storage, study: StudyRecord, race: StudyPlan
) -> None:
    studies.create_or_resume(store, race)
    Slots(store).add(race.name, [small.job()])
    assert Slots(store).claim(race.name, "w1", 60)
    with pytest.raises(StudyError, match=f"study '{race.name}' has 1 trials running"):
        studies.delete(store, study.name)
    assert names(store) == {study.name, race.name}
    studies.delete(store, study.name, force=True)
    assert names(store) == set()


def test_status_shows_the_kind_and_the_parent(store: Storage, study: StudyRecord, race: StudyPlan) -> None:
    studies.create_or_resume(store, race)
    found = {one.study: (one.kind, one.parent) for one in status.all_statuses(store)}
    assert found == {study.name: ("search", None), race.name: ("race", study.name)}
    assert dict(status.names(store)) == {
        study.name: "toy, space line, fidelity quick",
        race.name: "race of toy, space line, fidelity quick",
    }


def test_a_measurement_study_has_no_best_trial(store: Storage, study: StudyRecord, race: StudyPlan) -> None:
    studies.create_or_resume(store, race)
    slots = Slots(store)
    slots.add(race.name, [small.job()])
    slot = slots.claim(race.name, "w1", 60)
    assert slot is not None
    assert slots.settle(slot, "complete", 0.9, params={}, trial_number=0)
    found = status.study_status(store, race.name)
    assert (found.complete, found.best) == (1, None)
    with pytest.raises(StudyError, match=f"'{race.name}' measures .race of {study.name}., and the luckiest"):
        study_results.best(store, race.name)


@pytest.fixture
def measured(tmp_path) -> Iterator[str]:
    """URL of a database with a sweep of the toy in it."""
    url = f"sqlite:///{tmp_path}/own.db"
    opened = storage.prepare(url)
    space = toy.study.spaces[0]
    studies.create_or_resume(
        opened,
        StudyPlan(
            name="toy-sweep-quick", reference=f"{toy.FILE}:study", definition="toy", space=space.name,
            fingerprint=space.fingerprint, fidelity="quick", direction="maximize", metric="accuracy", kind="sweep",
        ),
    )  # fmt: skip
    opened.close()
    return url


@pytest.mark.parametrize("action", [foresee, optimize])
def test_optimizing_a_measurement_study_is_refused(measured: str, action) -> None:
    request = Request(definition=f"{toy.FILE}:study", trials=3, storage=measured, name="toy-sweep-quick")
    with pytest.raises(StudyError, match="is a sweep, not a search: give the new one a name of its own, --name OTHER"):
        action(request)


def test_training_the_best_of_a_measurement_is_refused(measured: str) -> None:
    with pytest.raises(StudyError, match="is a sweep: only a search chooses a configuration"):
        plan_training(
            TrainRequest(definition=f"{toy.FILE}:study", config="best", study="toy-sweep-quick", storage=measured)
        )
