"""Measuring with real workers: each job once, its result kept, whatever kills the run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import small
from measure_run import PLAN

from hpo import storage
from hpo.errors import StudyError, UsageError
from hpo.experiments.measure import Limits, Result, estimate, measure, results, study
from hpo.fleet.resources import usable_cores
from hpo.search import measure as measure_here
from hpo.search.row_splits import redraw
from hpo.storage import Storage, studies
from hpo.storage.queries.status import Progress
from hpo.storage.slots.slots import Slots

LIMITS = Limits(workers=2)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Storage]:
    opened = storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")
    yield opened
    opened.close()


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def settled(found: Storage) -> dict[int, tuple[Any, ...]]:
    """What is known of each settled slot, which nothing may change any more."""
    slots = Slots(found).list(PLAN.name)
    return {
        s.position: (s.digest, s.attempt, s.worker, s.value, s.settled_at, s.trial_number) for s in slots if s.outcome
    }


@pytest.mark.thorough
def test_each_job_is_measured_once_and_its_result_found_by_key(opened: Storage) -> None:
    jobs = [
        small.job(1, rows="development", keep=True),
        small.job(1, rows="share"),
        small.job(1, rows="share", rate=0.05),
        small.job(1, rows="resampled"),
        small.job(1, rows="validation"),
        small.job(1, kind="impossible"),
        small.job(1, kind="explodes"),
        small.job(1, kind="wrong"),
    ]
    assert results(opened, PLAN.name) == {}
    told: list[Progress] = []
    done = measure(opened, PLAN, jobs, LIMITS, told.append)
    assert (done.ended, done.settled, done.target) == ("done", 8, 8)
    assert (done.complete, done.pruned, done.failed) == (5, 2, 1)
    assert told[-1].settled == 8
    assert [one.best for one in (*told, done) if one.best is not None] == []  # nobody is to choose by it
    found = results(opened, PLAN.name)
    assert set(found) == {job.key for job in jobs}
    for job in jobs:
        assert (found[job.key].key, found[job.key].seed, found[job.key].params) == (job.key, 1, job.params)
    for job in jobs[:4]:
        _is_what_comes_of(job, found[job.key])
    assert len(found[jobs[0].key].predictions["values"]) == 50  # type: ignore[index]
    assert found[jobs[1].key].predictions is None
    validation = found[jobs[4].key]
    assert validation.curve[-1] == (4, validation.value)
    assert validation.train_curve[-1] == (4, validation.train)
    ends = [(found[job.key].outcome, found[job.key].value, found[job.key].reason) for job in jobs[5:]]
    assert ends[0] == ("pruned", None, "infeasible: it is impossible")
    assert ends[1][:2] == ("pruned", None)
    assert (ends[1][2] or "").startswith("diverged")
    assert ends[2] == ("failed", None, "ZeroDivisionError: no such luck")

    # Again, it does nothing; with one more job, that one; what has failed or was pruned is not tried again.
    before = settled(opened)
    assert measure(opened, PLAN, jobs, LIMITS).new == 0
    again = measure(opened, PLAN, [small.job(2), *jobs], Limits(workers=1))
    assert (again.ended, again.new, again.target) == ("done", 1, 9)
    after = settled(opened)
    assert {position: after[position] for position in before} == before
    assert after[8][0] == small.job(2).key
    now = results(opened, PLAN.name)
    assert {key: now[key] for key in found} == found


def _is_what_comes_of(job: Any, result: Result) -> None:
    """A worker's result is that of the same job here: who measures does not matter."""
    rows = redraw(small.study, job.rows, seed=job.seed)
    here = measure_here(small.study, job.params, fidelity="full", seed=job.seed, rows=rows)
    assert result.outcome == "complete"
    assert result.value == pytest.approx(here.test, rel=1e-5)
    assert result.train == pytest.approx(here.train, rel=1e-5)
    assert (result.epochs, result.reason, result.train_curve) == (4, None, ())
    assert [step for step, _ in result.curve] == [1, 2, 3, 4]
    assert result.seconds is not None
    assert result.compile_seconds is not None


# The other database is another's matter: worker crashes and chaos are tested on both.
@pytest.mark.parametrize(
    "storage_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=["storage_url"]
)
def test_a_killed_measurement_resumes_without_repeating_trainings(storage_url: str) -> None:
    options: list[dict[str, Any]] = [{"seed": 0}, {"seed": 1}, {"seed": 2, "kind": "held"}, {"seed": 3}]
    script = Path(__file__).with_name("measure_run.py")
    command = [sys.executable, str(script), storage_url, json.dumps(options)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until(lambda: list(Path().glob("began-*")))  # its worker is in the middle of the third job
        run.send_signal(signal.SIGKILL)
        run.wait(30)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    found = storage.open(storage_url)
    before = settled(found)
    assert set(before) == {0, 1}
    assert len(results(found, PLAN.name)) == 2
    Path("go").touch()
    done = measure(found, PLAN, [small.job(**each) for each in options], Limits(workers=1))
    assert (done.ended, done.complete, done.new) == ("done", 4, 2)
    after = settled(found)
    assert {position: after[position] for position in before} == before
    assert [after[position][1] for position in range(4)] == [1, 1, 2, 1]  # claims of each
    trials = optuna.load_study(study_name=PLAN.name, storage=found.optuna).get_trials(deepcopy=False)
    ends = [(t.system_attrs["hpo:position"], t.state.name) for t in trials]
    assert sorted(ends) == [
        (0, "COMPLETE"),
        (1, "COMPLETE"),
        (2, "COMPLETE"),
        (2, "FAIL"),
        (3, "COMPLETE"),
    ]
    found.close()


def test_invalid_jobs_are_refused_before_a_study_is_made(opened: Storage) -> None:
    odd = replace(small.job(), params={"rate": 7.0, "kind": "plain"})
    with pytest.raises(UsageError, match=r"configuration of job 'plain 1' is none of space 'line': rate=7.0 is not"):
        measure(opened, PLAN, [odd], LIMITS)
    with pytest.raises(StudyError, match="there is no study 'gone'"):
        measure(opened, replace(PLAN, parent="gone"), [small.job()], LIMITS)
    assert studies.list_all(opened) == []
    with pytest.raises(UsageError, match="there is nothing to measure"):
        measure(opened, PLAN, [], LIMITS)


@pytest.mark.parametrize(
    ("rows", "seconds"),
    # quick says 3 s of a trial on 100 rows; full, 8 s of 4 epochs on all, so 2 epochs are about 4 s
    [("validation", 3.0), ("development", 4.0), ("share", 4.0)],
)
def test_an_estimate_without_measurements_is_the_definitions_own(opened: Storage, rows: str, seconds: float) -> None:
    plan = study(small.study, f"{small.FILE}:study", kind="sweep", space="line", fidelity="quick")
    jobs = [small.job(seed, rows=rows) for seed in range(4)]
    assert estimate(opened, plan, jobs, 1) == (4, 4 * seconds)
    assert estimate(opened, plan, jobs, 2) == (4, 2 * seconds)
    assert estimate(opened, plan, [*jobs, *jobs], 16) == (4, seconds)
    assert estimate(opened, plan, jobs, None) == (4, 4 * seconds / min(4, usable_cores()))
    assert estimate(opened, plan, [], 2) == (0, 0.0)
    assert studies.list_all(opened) == []


def test_an_estimate_uses_complete_trials_of_the_search(opened: Storage) -> None:
    search = study(small.study, f"{small.FILE}:study", kind="sweep", space="line", fidelity="quick", name="mine")
    record = studies.create_or_resume(opened, replace(search, kind="search", rungs="quick", fidelity="full"))
    slots = Slots(opened, clock=lambda: 100.0)
    slots.open(record.name, 3)
    for seconds, outcome in ((30.0, "complete"), (50.0, "complete"), (1.0, "pruned")):
        held = slots.claim(record.name, "w1", 60)
        assert held is not None
        settled = Slots(opened, clock=lambda seconds=seconds: 100.0 + seconds)
        assert settled.settle(held, outcome, 1.0 if outcome == "complete" else None)
    of_mine = study(small.study, f"{small.FILE}:study", kind="race", space="line", fidelity="quick", parent="mine")
    jobs = [small.job(seed, rows="validation") for seed in range(3)]
    assert estimate(opened, of_mine, jobs, 1) == (3, 120.0)
    # Of full the search has none yet, so the definition's word counts.
    full = study(small.study, f"{small.FILE}:study", kind="pairs", space="line", fidelity="full", parent="mine")
    assert estimate(opened, full, jobs, 1) == (3, 24.0)


def test_an_estimate_uses_the_durations_of_the_study_itself(opened: Storage) -> None:
    record = studies.create_or_resume(opened, PLAN)
    jobs = [small.job(seed) for seed in range(5)]
    Slots(opened).add(record.name, jobs)
    assert estimate(opened, PLAN, jobs, 2) == (5, 20.0)
    held = Slots(opened, clock=lambda: 100.0).claim(record.name, "w1", 60)
    assert held is not None
    assert Slots(opened, clock=lambda: 107.0).settle(held, "complete", 1.0)
    assert estimate(opened, PLAN, jobs, 2) == (4, 14.0)


@pytest.mark.parametrize(
    ("parent", "name"), [(None, "small-sweep-quick"), ("mine", "mine-sweep-quick")], ids=["alone", "of a search"]
)
def test_a_measurement_plan_has_its_name_kind_space_and_metric(parent: str | None, name: str) -> None:
    plan = study(small.study, "small", kind="sweep", space="line", fidelity="quick", parent=parent, seed=4)
    assert (plan.name, plan.kind, plan.parent, plan.seed) == (name, "sweep", parent, 4)
    assert (plan.space, plan.fidelity, plan.direction, plan.metric) == ("line", "quick", "minimize", "mae")
    assert plan.fingerprint == small.study.space("line").fingerprint


def test_an_invalid_measurement_plan_is_refused() -> None:
    with pytest.raises(UsageError, match="small has no fidelity 'vague'"):
        study(small.study, "small", kind="sweep", space="line", fidelity="vague")
    with pytest.raises(UsageError, match="hpo optimize runs it"):
        study(small.study, "small", kind="search", space="line", fidelity="quick")
    with pytest.raises(UsageError, match="a name of 517 characters, and 512 is the most"):
        study(small.study, "small", kind="race", space="line", fidelity="quick", parent="n" * 506)
