"""Importances of real studies: what counts, what is left out, and what is said where nothing can be."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from slot_tools import Claim

from hpo.errors import StudyError
from hpo.experiments.findings import study_importances as service
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord

Fill = Callable[..., None]


@pytest.fixture
def fill(store: Storage, study: StudyRecord, slots: Slots, claim: Claim) -> Fill:
    """Settle so many more trials: complete ones are the better the nearer x is to 0.3; y does nothing."""

    def fill(count: int, outcome: str = "complete", curve: int = 0) -> None:
        slots.open(study.name, slots.counts(study.name).target + count)
        optunas = studies.load(store, study.name)
        for _ in range(count):
            slot = claim()
            trial = slot_trials.create(store, optunas, slot)
            params = {"x": trial.suggest_float("x", 0, 1), "y": trial.suggest_float("y", 0, 1)}
            value = None if outcome == "failed" else 1 - (params["x"] - 0.3) ** 2
            for step in range(1, curve + 1):
                trial.report(value - 1 / step, step)
            assert slots.settle(slot, outcome, value, params=params, trial_number=trial.number)
            slot_trials.tell(store, trial._trial_id, outcome, value)

    return fill


@pytest.mark.thorough
def test_importances_count_complete_trials_and_mention_the_others(
    store: Storage, study: StudyRecord, fill: Fill
) -> None:
    fill(20)
    before = service.importances(store, "toy")
    assert [one.name for one in before.parameters] == ["x", "y"]
    assert (before.trials, before.parameters[0].trials) == (20, 20)
    fill(3, "pruned")
    fill(2, "failed")
    after = service.importances(store, study.name)
    assert after.parameters == before.parameters
    assert after.basis == "complete"
    assert after.note.endswith("5 settled trials are left out, whose values compare with none of these")


@pytest.mark.thorough
def test_pruned_trials_count_with_their_value_at_the_same_step(store: Storage, study: StudyRecord, fill: Fill) -> None:
    fill(6, curve=3)
    fill(2, curve=2, outcome="pruned")
    fill(14, curve=1, outcome="pruned")
    found = service.importances(store, study.name)
    assert (found.trials, found.basis) == (22, "complete or pruned, as they were at step 1")
    assert [one.trials for one in found.parameters] == [22, 22]


@pytest.mark.thorough
def test_importances_use_the_step_most_trials_reached(store: Storage, study: StudyRecord, fill: Fill) -> None:
    fill(6, curve=3)
    fill(5, curve=2, outcome="pruned")
    found = service.importances(store, study.name)
    assert (found.trials, found.basis) == (11, "complete or pruned, as they were at step 2")
    assert "11 trials are few" in found.note


@pytest.mark.thorough
def test_the_interaction_is_of_the_two_most_important_parameters(
    store: Storage, study: StudyRecord, fill: Fill
) -> None:
    fill(20)
    found = service.importances(store, study.name)
    together = service.interaction(store, study.name, found)
    assert together is not None
    assert {together.first, together.second} == {"x", "y"}
    assert len(together.points) == 20
    assert service.interaction(store, study.name, replace(found, parameters=found.parameters[:1])) is None


@pytest.mark.parametrize(
    ("complete", "pruned", "failed", "said"),
    [
        (0, 0, 0, "no trial has a value that compares"),
        (1, 0, 0, "1 trial has a value that compares"),
        (0, 0, 2, "no trial has a value that compares, .*; 2 settled trials are left out, "),
        (0, 2, 0, "no trial has a value that compares, .*; 2 settled trials are left out, "),
    ],
)
def test_too_few_trials_give_no_importances_and_a_reason(
    complete: int, pruned: int, failed: int, said: str, store: Storage, study: StudyRecord, fill: Fill
) -> None:
    for count, outcome in ((complete, "complete"), (pruned, "pruned"), (failed, "failed")):
        if count:
            fill(count, outcome)
    found = service.importances(store, study.name)
    assert found.parameters == ()
    assert re.match(said, found.note)
    assert service.interaction(store, study.name, found) is None


def test_a_measurement_study_has_no_importances(store: Storage, study: StudyRecord, plan: StudyPlan) -> None:
    studies.create_or_resume(store, replace(plan, name="toy-race", kind="race", parent=study.name))
    with pytest.raises(StudyError, match=f"'toy-race' is a race, .*of a search, such as {study.name}"):
        service.importances(store, "toy-race")
