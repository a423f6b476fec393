"""Optuna's storage made patient: a trial in training outlives an outage, and nothing is done twice that must not be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import optuna
import psycopg
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState
from sqlalchemy import event

from hpo import storage as storages
from hpo.errors import StorageError
from hpo.storage import Storage, studies
from hpo.storage.optuna_storage import PatientStorage
from hpo.storage.slots.dispatch import offers
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan


def once(call: Callable[[], Any]) -> Any:
    return call()


@pytest.mark.slow
class TestConformance(StorageTestCase):
    """What Optuna asks of every storage."""

    @pytest.fixture
    def storage(self) -> BaseStorage:
        return PatientStorage(optuna.storages.get_storage("sqlite:///conformance.db"), once)


@dataclass
class Outage:
    """A database that nobody can enter, until somebody who waits for it has said so."""

    storage: Storage
    away: Callable[[], None]
    back: Callable[[], None]
    waits: list[str]  # what those who waited were told
    returns: int = 0  # how often it was over


@pytest.fixture
def outage(postgres: Any, database: Any, plan: StudyPlan) -> Iterator[Outage]:
    url = database(postgres)
    opened = storages.prepare(url)
    studies.create_or_resume(opened, plan)
    name = opened.where.sqlalchemy.database

    def away() -> None:
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def back() -> None:
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    made = Outage(storage=opened, away=away, back=back, waits=[])

    def told(error: StorageError) -> None:
        made.waits.append(str(error))
        back()

    def over() -> None:
        made.returns += 1

    opened.on_away, opened.on_back = told, over
    yield made
    back()
    opened.close()


def test_a_trial_survives_an_outage_at_each_of_its_steps(outage: Outage, plan: StudyPlan) -> None:
    study = studies.load(outage.storage, plan.name)
    trial = study.ask()
    steps: list[Callable[[], object]] = [
        lambda: trial.suggest_float("x", 0, 1),
        lambda: trial.report(0.25, 1),
        lambda: trial.should_prune(),
        lambda: trial.set_user_attr("seed", 7),
        lambda: trial.set_constraint("size", 0.5),
        lambda: study.get_trials(deepcopy=False),
        lambda: study.set_user_attr("told", True),
    ]
    for number, step in enumerate(steps, start=1):
        outage.away()
        step()
        assert (len(outage.waits), outage.returns) == (number, number)
    # What was used just now is not asked first whether it lives, so the statement may be what finds out.
    assert all("lets nobody into it" in said or "went away" in said for said in outage.waits)
    there = outage.storage.rdb.get_trial(trial._trial_id)
    assert there.state == TrialState.RUNNING
    assert there.params == trial.params
    assert there.intermediate_values == {1: 0.25}
    assert there.user_attrs == {"seed": 7}
    assert there.constraints == {"size": 0.5}
    assert study.user_attrs["told"] is True


def test_reads_wait_for_an_outage_to_end(outage: Outage, plan: StudyPlan) -> None:
    optunas = outage.storage.optuna
    study_id = optunas.get_study_id_from_name(plan.name)
    trial_id = optunas.create_new_trial(study_id)
    asked: list[Callable[[], object]] = [
        lambda: optunas.get_study_id_from_name(plan.name),
        lambda: optunas.get_study_user_attrs(study_id),
        lambda: optunas.get_study_system_attrs(study_id),
        lambda: len(optunas.get_all_studies()),
        lambda: optunas.get_trial(trial_id).number,
        lambda: optunas.get_trial_params(trial_id),
        lambda: len(optunas.get_all_trials(study_id)),
        lambda: optunas.get_n_trials(study_id),
    ]
    for number, ask in enumerate(asked, start=1):
        before = ask()
        outage.away()
        assert ask() == before
        assert outage.returns == number


def test_a_connection_lost_within_a_read_is_replaced(outage: Outage, plan: StudyPlan) -> None:
    """Optuna takes it for a statement that is too long, and goes on within the transaction that is lost."""
    study = studies.load(outage.storage, plan.name)
    study.tell(study.ask(), 0.5)
    lost: list[str] = []

    def lose(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        if "FROM trial_values" in statement and not lost:
            lost.append(statement)
            outage.away()

    event.listen(outage.storage.engine, "before_cursor_execute", lose)
    # Not by `study`, which remembers what it has read.
    seen = outage.storage.optuna.get_all_trials(study._study_id)
    assert [trial.value for trial in seen] == [0.5]
    assert (len(lost), outage.returns) == (1, 1)


@pytest.mark.thorough
def test_operations_that_must_not_repeat_are_not_retried(outage: Outage, plan: StudyPlan) -> None:
    optunas = outage.storage.optuna
    study_id = optunas.get_study_id_from_name(plan.name)
    trial_id = optunas.create_new_trial(study_id)
    for once in (
        lambda: optunas.create_new_trial(study_id),
        lambda: optunas.set_trial_state_values(trial_id, TrialState.COMPLETE, [1.0]),
        lambda: optunas.create_new_study([optuna.study.StudyDirection.MINIMIZE], "another"),
        lambda: optunas.delete_study(study_id),
    ):
        outage.away()
        with pytest.raises(StorageError):
            once()
        outage.back()
    assert outage.waits == []
    assert [trial.state for trial in outage.storage.rdb.get_all_trials(study_id)] == [TrialState.RUNNING]


def test_a_storage_told_to_stop_does_not_wait(outage: Outage, plan: StudyPlan) -> None:
    trial = studies.load(outage.storage, plan.name).ask()
    outage.storage.patience = float("inf")
    outage.storage.unless = lambda: True
    outage.away()
    # What was used just now is not asked first whether it lives, so the statement may be what finds out.
    with pytest.raises(StorageError, match=r"lets nobody into it|went away"):
        trial.report(0.5, 1)
    assert outage.waits == []


def test_errors_that_waiting_cannot_cure_are_raised_at_once(outage: Outage, plan: StudyPlan) -> None:
    study = studies.load(outage.storage, plan.name)
    trial = study.ask()
    outage.storage.patience = float("inf")
    outage.storage.rdb.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        trial.report(0.5, 1)
    study.ask({"c": CategoricalDistribution([1, 2])})
    other = study.ask()
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        other.suggest_categorical("c", [1, 2, 3])
    with pytest.raises(KeyError):
        outage.storage.optuna.set_trial_param(10**6, "x", 0.5, FloatDistribution(0, 1))
    assert outage.waits == []


# What is asked of our own tables


def test_repeatable_operations_wait_when_patience_is_asked_for(outage: Outage, plan: StudyPlan) -> None:
    waiting = outage.storage.patient
    slots = Slots(waiting)
    slots.open(plan.name, 2)
    slot = slots.claim(plan.name, "w1", 60)
    assert slot is not None
    asked: list[Callable[[], object]] = [
        lambda: slots.counts(plan.name).running == 1,
        lambda: slots.renew(slot, 60),
        lambda: slots.reserve(slot, "digest"),
        lambda: recover(waiting, plan.name).failed == 0,
        lambda: offers(waiting, slots),
        lambda: studies.get(waiting, plan.name),
        lambda: slots.settle(slot, "complete", 0.5),
        lambda: slots.claim(plan.name, "w1", 60),
        lambda: slots.release_all("w1", "it was broken off") == 1,
    ]
    for number, ask in enumerate(asked, start=1):
        outage.away()
        assert ask()
        assert outage.returns == number


def test_an_outage_is_raised_at_once_without_patience(outage: Outage, plan: StudyPlan) -> None:
    slots = Slots(outage.storage)
    outage.away()
    for ask in (lambda: slots.counts(plan.name), lambda: slots.claim(plan.name, "w1", 60)):
        with pytest.raises(StorageError) as caught:
            ask()
        assert caught.value.transient
    assert outage.waits == []


def test_a_claim_whose_answer_was_lost_is_released(outage: Outage, plan: StudyPlan) -> None:
    slots = Slots(outage.storage.patient)
    slots.open(plan.name, 3)
    lost: list[bool] = []

    def lose(connection: Any) -> None:
        if not lost:
            lost.append(True)
            connection.connection.dbapi_connection.commit()  # it is made, and nobody is told
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    event.listen(outage.storage.engine, "commit", lose)
    slot = slots.claim(plan.name, "w1", 60)
    assert slot is not None
    assert lost
    assert [held.id for held in slots.held_by("w1")] == [slot.id]
    assert sum(each.releases for each in slots.list(plan.name)) == 1
