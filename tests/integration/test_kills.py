"""A process killed at any statement it sends to the database: the database opens again and the work goes on."""

import multiprocessing
import os
import signal
from typing import Any

import optuna
import pytest
from invariants import check_budget
from sqlalchemy import Engine, event

from hpo import storage
from hpo.storage import studies
from hpo.storage.slots import recovery, slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

STRIDE = 6  # kill at every sixth statement; where it begins differs from database to database


def work(url: str, plan: StudyPlan) -> None:
    """A whole life: prepare, create, open, run three trials, sweep."""
    store = storage.prepare(url)
    studies.create_or_resume(store, plan)
    # A lease that has run out already, so that nobody waits for the dead; and as many attempts as there are kills.
    slots = Slots(store, max_attempts=10_000)
    slots.open(plan.name, 3)
    recovery.recover(store, plan.name, max_attempts=10_000)
    study = studies.load(store, plan.name, sampler=optuna.samplers.RandomSampler())
    while (slot := slots.claim(plan.name, f"process {os.getpid()}", 0)) is not None:
        trial = slot_trials.create(store, study, slot)
        x = trial.suggest_float("x", 0, 1)
        assert slots.reserve(slot, str(x), params=trial.params, trial_number=trial.number)
        trial.report(x, 1)
        outcome: Any = "pruned" if slot.position == 1 else "complete"
        assert slots.settle(slot, outcome, x, trial_number=trial.number)
        assert slot_trials.tell(store, trial._trial_id, outcome, x)
    recovery.recover(store, plan.name, max_attempts=10_000)
    store.close()


def killed_at(number: int, url: str, plan: StudyPlan) -> None:
    """Work, and be killed where the statement of that number would be sent, or the transaction committed after it."""
    sent = 0

    def count(*_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    work(url, plan)
    os._exit(0)


@pytest.mark.thorough
def test_a_process_killed_at_any_statement_loses_and_duplicates_nothing(
    request: pytest.FixtureRequest, storage_url: str, plan: StudyPlan
) -> None:
    context = multiprocessing.get_context("fork")  # everything is imported already
    number = 1 + len(storage_url) % STRIDE
    # Each process goes on with what the one before it left, until one comes through.
    while True:
        child = context.Process(target=killed_at, args=(number, storage_url, plan))
        child.start()
        child.join(60)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        number += STRIDE
    assert number > 10 * STRIDE, "hardly anything was killed"
    opened = storage.prepare(storage_url)
    check_budget(opened, plan.name, 3)
    if opened.where.backend == "sqlite":
        with opened.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    opened.close()
