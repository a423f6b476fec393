"""Whole runs of the supervisor with real worker processes: how they go, how they end, what they refuse."""

import contextlib
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import toy
from asking import asked

from hpo import storage
from hpo.errors import HpoError, StudyError, UsageError
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import optimize
from hpo.fleet.supervisor import worker_pool
from hpo.fleet.worker import process
from hpo.storage import studies
from hpo.storage.queries.status import Progress
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting
from hpo.storage.worker_registry import Roster

NAME = "toy-line-quick"


def request(url: str, objective: str = "instant", **options: object) -> Request:
    wanted: dict[str, object] = {
        "definition": f"{toy.FILE}:study",
        "objective": f"{toy.FILE}:{objective}",
        "storage": url,
        "trials": 8,
        "workers": 2,
        "sampler": "random",
        "seed": 1,
        **options,
    }
    return asked(**wanted)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"


def test_a_run_goes_from_start_to_end(storage_url: str) -> None:
    seen: list[Progress] = []
    done = optimize(request(storage_url, "epochs", trials=12), seen.append)
    assert toy.unsound(storage_url, NAME, trials=12) == []
    assert (done.ended, done.settled, done.new, done.workers) == ("done", 12, 12, 0)
    assert done.complete
    assert done.pruned
    assert done.best is not None
    assert any(progress.running for progress in seen)
    assert all(p.target == 12 and p.settled + p.running + p.open == 12 for p in seen)
    assert any(p.workers == 2 for p in seen)
    again = optimize(request(storage_url, trials=12, objective=None), seen.append)  # would need TensorFlow to run one
    assert (again.ended, again.new, again.best) == ("done", 0, done.best)
    more = optimize(request(storage_url, trials=14))
    assert (more.settled, more.new) == (14, 2)
    with pytest.raises(UsageError, match="14 trials already"):
        optimize(request(storage_url, trials=13))


@pytest.mark.thorough
def test_a_run_uses_no_pruner_where_the_default_cannot_work(url: str) -> None:
    """There is nothing to stop before the end of one epoch."""
    optimize(request(url, trials=1, fidelity="glance"))
    opened = storage.open(url)
    assert studies.get(opened, "toy-line-glance").pruner == "none"
    opened.close()
    assert optimize(request(url, trials=2, fidelity="glance")).new == 1


@pytest.mark.thorough
def test_the_baseline_runs_first_then_the_given_configurations(url: str) -> None:
    own = [{"x": 0.25, "kind": "b"}, {"x": 0.5, "kind": "a"}]  # the second is the baseline
    optimize(request(url, trials=3, workers=1, try_=own))
    opened = storage.open(url)
    assert [slot.params for slot in Slots(opened).list(NAME)][:2] == [{"x": 0.5, "kind": "a"}, own[0]]
    optimize(request(url, trials=3, try_=own))  # the same command again: nothing is tried twice
    new = {"x": 0.75, "kind": "b"}
    with pytest.raises(UsageError, match="give --trials 4 or more"):
        optimize(request(url, trials=3, try_=[new]))
    optimize(request(url, trials=5, try_=[*own, new]))
    assert [slot.params for slot in Slots(opened).list(NAME)][3] == new
    opened.close()


def test_a_run_without_a_prior_skips_the_baseline(url: str) -> None:
    optimize(request(url, trials=1, prior="none"))
    opened = storage.open(url)
    assert Slots(opened).list(NAME)[0].params != toy.study.baselines[0].params
    opened.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"try_": [{"x": 2.0, "kind": "a"}]}, "x=2.0 is not a number from 0 to 1"),
        ({"try_": [{"x": 0.1, "kind": "a"}], "trials": 1}, "2 configurations are to be tried first"),
        ({"space": "cube"}, "no space 'cube'"),
        ({"fidelity": "huge"}, "no fidelity 'huge'"),
        ({"sampler": "grid"}, "grid needs a finite space"),
        ({"pruner": "wilcoxon"}, "wilcoxon compares trials fold by fold"),
    ],
)
def test_invalid_run_options_are_refused_before_a_database_is_made(
    url: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        optimize(request(url, **options))
    assert not Path("hpo.db").exists()


@pytest.mark.thorough
def test_another_sampler_or_seed_is_refused_for_the_study(url: str) -> None:
    optimize(request(url, trials=1))
    with pytest.raises(StudyError, match="sampler"):
        optimize(request(url, trials=2, sampler="qmc"))
    assert optimize(request(url, trials=2, sampler=None, seed=None)).settled == 2  # as the study has it


@pytest.mark.thorough
def test_a_run_ends_when_until_is_reached(url: str) -> None:
    done = optimize(request(url, trials=500, until=0.8))
    assert done.ended == "until"
    assert done.best is not None
    assert done.best.value >= 0.8
    assert done.settled < 500
    assert done.settled + done.open == 500
    assert optimize(request(url, trials=500, until=0.8)).new == 0


@pytest.mark.thorough
def test_a_run_ends_at_its_timeout_and_releases_its_trials(url: str) -> None:
    seen: list[Progress] = []
    done = optimize(request(url, "held", timeout=4.0), seen.append)
    assert (done.ended, done.settled, done.open) == ("timeout", 0, 8)
    assert all(round(p.elapsed_seconds + (p.timeout_seconds or 0.0), 3) == 4.0 for p in seen if p.timeout_seconds)
    assert seen[0].timeout_seconds
    opened = storage.open(url)
    assert all(slot.tries == 0 for slot in Slots(opened).list(NAME))  # given back, unblamed
    opened.close()
    Path("go").touch()
    assert optimize(request(url, "held")).ended == "done"
    assert toy.unsound(url, NAME, trials=8) == []


@pytest.mark.thorough
def test_a_trial_that_takes_too_long_fails_even_if_it_holds_the_lock(storage_url: str) -> None:
    done = optimize(request(storage_url, "clutches", trial_timeout=2.0))
    assert (done.ended, done.failed + done.complete) == ("done", 8)
    assert done.complete
    assert toy.unsound(storage_url, NAME, trials=8, failed=done.failed) == []
    opened = storage.open(storage_url)
    baseline, *others = Slots(opened).list(NAME)
    opened.close()
    too_long = ("failed", "the trial took longer than 2 seconds", 1)
    assert (baseline.outcome, baseline.reason, baseline.attempt) == too_long
    for slot in others:  # each is over in no time; a machine on which many wait may yet take longer
        if slot.outcome != "complete":
            assert (slot.outcome, slot.reason, slot.attempt) == too_long
            assert (slot.settled_at or 0.0) - (slot.started_at or 0.0) > 2.0


@pytest.mark.thorough
def test_a_worker_without_a_sign_of_life_is_replaced(url: str) -> None:
    done = optimize(request(url, "clutches", stall_seconds=1.5, max_attempts=2))
    assert (done.ended, done.failed, done.complete) == ("done", 1, 7)
    opened = storage.open(url)
    slot = Slots(opened).list(NAME)[0]
    opened.close()
    assert slot.attempt == 2
    assert "no sign of life for 1.5 seconds" in (slot.reason or "")


@pytest.mark.thorough
def test_a_trial_that_kills_its_worker_fails_after_its_attempts(url: str) -> None:
    done = optimize(request(url, "dies", max_attempts=3))
    assert (done.ended, done.failed, done.complete) == ("done", 1, 7)
    assert toy.unsound(url, NAME, trials=8, failed=1) == []
    opened = storage.open(url)
    slot = Slots(opened).list(NAME)[0]
    opened.close()
    assert slot.attempt == 3
    assert "signal 9 (SIGKILL)" in (slot.reason or "")


@pytest.mark.thorough
def test_a_trial_that_exits_its_process_costs_an_attempt(url: str) -> None:
    """However it does: with the exit codes of an end in order, or by the signal that hpo is asked to end by."""
    tried = [{"x": x, "kind": "a"} for x in (0.1, 0.2, 0.3)]
    done = optimize(request(url, "quits", trials=8, prior="none", try_=tried, max_attempts=2))
    assert (done.ended, done.failed, done.complete) == ("done", 3, 5)
    assert toy.unsound(url, NAME, trials=8, failed=3) == []
    opened = storage.open(url)
    poisoned, others = Slots(opened).list(NAME)[:3], Slots(opened).list(NAME)[3:]
    opened.close()
    assert [(slot.attempt, slot.tries) for slot in poisoned] == [(2, 2)] * 3
    ends = ("exit code 0", "exit code 80", "ended by SIGTERM, which hpo did not send")
    for slot, end in zip(poisoned, ends, strict=True):
        assert "2 attempts ended without a result" in str(slot.reason)
        assert end in str(slot.reason)
    last = max(slot.settled_at or 0.0 for slot in others)
    assert all((slot.started_at or 0.0) > min(s.started_at or 0.0 for s in others) for slot in poisoned)
    assert all((slot.settled_at or 0.0) > last for slot in poisoned)  # they waited behind the others


@pytest.mark.thorough
def test_any_exception_of_a_trial_fails_it_in_a_run(url: str) -> None:
    done = optimize(request(url, "raises", trials=4, workers=1, prior="none"))
    assert (done.ended, done.failed) == ("done", 4)
    opened = storage.open(url)
    reasons = [slot.reason for slot in Slots(opened).list(NAME)]
    opened.close()
    assert reasons == ["KeyboardInterrupt", "GeneratorExit", "CancelledError", "SystemExit: 0"]


@pytest.mark.thorough
def test_workers_that_exit_while_loading_end_the_run(url: str) -> None:
    """Even with exit code 0, as of a worker that found nothing left to do."""
    with pytest.raises(StudyError, match=r"died before they could take a trial.*while it loaded toy.*exit code 0"):
        optimize(request(url, "no_load"))


@pytest.mark.thorough
def test_out_of_memory_is_retried_in_a_fresh_worker(url: str) -> None:
    assert optimize(request(url, "exhausts", workers=1)).complete == 8
    assert toy.unsound(url, NAME, trials=8) == []


@pytest.mark.thorough
def test_a_trial_killed_by_the_kernel_for_memory_is_retried_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of a control group is pretended: it grows with each look, as it does where the kernel kills."""
    kills = itertools.count()
    monkeypatch.setattr(worker_pool, "oom_kills", lambda: next(kills))
    done = optimize(request(url, "dies", workers=1, trials=4, max_attempts=9))
    assert (done.ended, done.failed, done.complete) == ("done", 1, 3)
    opened = storage.open(url)
    slot = Slots(opened).list(NAME)[0]
    opened.close()
    assert (slot.attempt, slot.reason) == (2, "out of memory twice, the last time: the kernel ended its worker")
    assert toy.unsound(url, NAME, trials=4, failed=1) == []


@pytest.mark.thorough
@pytest.mark.fresh  # the limit is of a process that has imported nothing heavy
def test_a_worker_that_grows_is_replaced_between_trials(url: str) -> None:
    # Each trial keeps 40 MB; the process has about 100 MB without.
    done = optimize(request(url, "grows", trials=6, workers=1, memory_limit=200 << 20))
    assert done.complete == 6
    processes = Path("processes").read_text().split()
    assert len(processes) == 6  # no trial was run twice
    assert 1 < len(set(processes)) < 6
    opened = storage.open(url)
    assert all(slot.attempt == 1 for slot in Slots(opened).list(NAME))
    opened.close()


@pytest.mark.thorough
def test_workers_that_cannot_start_end_the_run_with_their_error(url: str) -> None:
    with pytest.raises(StudyError, match=r"exit code 3: the library of that name was built for another machine$"):
        optimize(request(url, "no_start"))
    opened = storage.open(url)
    counts = Slots(opened).counts(NAME)
    opened.close()
    assert counts.open == 8  # no attempt was spent


def test_an_objective_that_cannot_be_loaded_ends_the_run(url: str) -> None:
    with pytest.raises(UsageError, match=r"objective '.*toy\.py:absent' cannot be loaded: .*toy\.py has no 'absent'$"):
        optimize(request(url, "absent"))


@pytest.mark.thorough
def test_a_run_whose_first_trials_all_fail_ends(url: str) -> None:
    with pytest.raises(StudyError, match=r"all failed, the last with: ZeroDivisionError: no such luck"):
        optimize(request(url, "wrong", trials=1000))
    opened = storage.open(url)
    counts = Slots(opened).counts(NAME)
    opened.close()
    assert counts.open > 0
    assert counts.running == 0


@pytest.mark.thorough
def test_a_study_deleted_during_a_run_ends_it(url: str) -> None:
    opened = storage.prepare(url)

    def delete(progress: Progress) -> None:
        if progress.running:
            studies.delete(opened, NAME, force=True)

    with pytest.raises(HpoError, match="deleted"):
        optimize(request(url, "sleeps"), delete)
    opened.close()


# On PostgreSQL chaos has several of them at once.
@pytest.mark.thorough
def test_a_study_stopped_during_a_run_ends_it_after_the_running_trials(url: str) -> None:
    opened = storage.prepare(url)

    def stop(progress: Progress) -> None:
        if progress.running == 2:
            halting.stop(opened, NAME, by="test")
            Path("go").touch()

    done = optimize(request(url, "held"), stop)
    assert (done.ended, done.complete, done.open, done.running, done.workers) == ("stopped", 2, 6, 0, 0)
    assert {slot.tries for slot in Slots(opened).list(NAME)} == {0, 1}  # what was in hand counts, the rest never began
    assert list(Roster(opened).present()) == []
    opened.close()


@pytest.mark.parametrize(
    "storage_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=["storage_url"]
)
def test_two_concurrent_runs_share_the_slots(storage_url: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("toy_run.py")), storage_url, "epochs", '{"trials": 16}']
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert toy.unsound(storage_url, NAME, trials=16) == []


@pytest.mark.thorough
@pytest.mark.fresh
def test_no_process_shows_the_password_in_its_command_line(url: str) -> None:
    """What any user of the machine may read of a worker holds nothing of the storage."""
    names: set[str] = set()
    lines: list[str] = []

    def look(progress: Progress) -> None:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):
                names.add(child.name())
                lines.append(" ".join(child.cmdline()))

    optimize(request(url, "epochs", trials=4), look)
    assert process.NAME in names
    assert not [line for line in lines if "hpo.db" in line or "toy" in line]


@pytest.mark.thorough
def test_dropped_database_connections_cost_no_trial(postgres: Any, database: Callable[[Any], str]) -> None:
    url = database(postgres)
    name = url.rpartition("/")[2].partition("?")[0]
    dropped: list[int] = []

    def drop(progress: Progress) -> None:
        if progress.running and (not dropped or progress.settled > dropped[-1]) and len(dropped) < 3:
            dropped.append(progress.settled)
            postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    done = optimize(request(url, "epochs", trials=20), drop)
    assert dropped
    assert done.ended == "done"
    assert toy.unsound(url, NAME, trials=20) == []
    opened = storage.open(url)
    assert all(slot.tries == 1 for slot in Slots(opened).list(NAME))  # none was blamed for it
    opened.close()
