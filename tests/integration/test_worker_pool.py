"""The pool of a supervisor's worker processes: what it takes a death for, and when it starts the next worker."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from hpo import storage
from hpo.fleet.protocol import WorkOrder
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor import worker_pool
from hpo.fleet.supervisor.worker_exit import WorkerExit
from hpo.fleet.supervisor.worker_pool import WorkerPool
from hpo.fleet.supervisor.worker_process import environment
from hpo.storage import studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

Make = Callable[..., WorkerPool]


@pytest.fixture
def make(plan: StudyPlan) -> Iterator[Make]:
    """A pool on a study of the toy's; what is left of it is ended after the test."""
    pools: list[WorkerPool] = []

    def make(size: int, objective: str = f"{toy.FILE}:sleeps") -> WorkerPool:
        opened = storage.prepare("hpo.db")
        fingerprint = toy.study.space().fingerprint
        studies.create_or_resume(opened, replace(plan, reference=f"{toy.FILE}:study", fingerprint=fingerprint))
        Slots(opened).open(plan.name, 4, [{"x": 0.5, "kind": "a"}])
        opened.close()
        order = WorkOrder(storage=opened.url, study=plan.name, limits=Limits(), objective=objective)
        pools.append(WorkerPool(size, order, environment(1), on_message=lambda worker, event: None))
        return pools[-1]

    yield make
    for pool in pools:
        list(pool.end(last_result=0.0, hurry=lambda: True))


def exits(pool: WorkerPool, number: int = 1) -> list[WorkerExit]:
    """The ends of so many workers, once they have come."""
    found: list[WorkerExit] = []
    deadline = time.monotonic() + 60
    while len(found) < number:
        assert time.monotonic() < deadline
        pool.listen(0.05)
        found += pool.reap()
    return found


def fill(pool: WorkerPool, number: int) -> None:
    """Start so many workers, once there is what they are forks of."""
    deadline = time.monotonic() + 60
    while len(pool.workers) < number:
        assert time.monotonic() < deadline
        pool.fill(number)
        pool.listen(0.01)


def kill(pool: WorkerPool) -> None:
    for worker in pool.workers:
        os.kill(worker.pid, signal.SIGKILL)


def test_each_oom_kill_explains_one_worker_death(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of a control group is pretended. What it was before the first worker was started explains none."""
    count = 5
    monkeypatch.setattr(worker_pool, "oom_kills", lambda: count)
    pool = make(3)
    fill(pool, 3)
    count += 2
    kill(pool)
    assert sorted(exited.how for exited in exits(pool, 3)) == ["crashed", "memory", "memory"]


def test_earlier_oom_kills_explain_no_worker_death(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "oom_kills", lambda: 5)
    pool = make(1)
    fill(pool, 1)
    kill(pool)
    assert [exited.how for exited in exits(pool)] == ["crashed"]


def test_a_worker_that_died_without_a_trial_is_replaced_after_a_pause(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "_BACK_OFF", (0.0, 3600.0))
    pool = make(1)
    fill(pool, 1)
    kill(pool)
    exits(pool)
    pool.fill(1)
    assert (pool.fruitless, list(pool.workers)) == (1, [])


@pytest.mark.thorough
def test_after_the_pause_a_worker_starts_and_a_trial_resets_the_back_off(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first worker dies as it loads the study, the second in its first trial; then another may begin at once."""
    monkeypatch.setattr(worker_pool, "_BACK_OFF", (0.0, 0.0, 3600.0))
    own = tmp_path / "dies_twice.py"
    own.write_text(
        "import os, pathlib, toy\n"
        "def made(beat):\n"
        "    first = not pathlib.Path('loaded').exists()\n"
        "    pathlib.Path('loaded').touch()\n"
        "    return os._exit(3) if first else toy.dies(beat)\n"
    )
    pool = make(1, f"{own}:made")
    counts = []
    for _ in range(2):
        fill(pool, 1)
        exits(pool)
        counts.append(pool.fruitless)
    assert counts == [1, 0]
    pool.fill(1)
    assert len(pool.workers) == 1
