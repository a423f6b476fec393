"""What is said of workers and of how a study stands."""

from dataclasses import replace

import pytest
from fleet_records import HAND, NOW, ONE, STUDY

from hpo.cli.printing import status_text
from hpo.cli.printing.status_text import show_serving, show_workers, state_words, study_lines
from hpo.storage.queries.status import RungStatus
from hpo.storage.worker_registry import FleetWorker, Serving, WorkerRecord


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is NOW, however long after this file was read a test of it runs."""
    monkeypatch.setattr(status_text, "ago", lambda moment: (NOW - moment).total_seconds())


def row(capsys: pytest.CaptureFixture[str], worker: FleetWorker) -> str:
    show_workers([worker])
    return " ".join(capsys.readouterr().out.split("─")[-1].split())


@pytest.mark.parametrize(
    ("worker", "words"),
    [
        (replace(ONE, running_trial=HAND), "ares:7 2 threads 3 h 0 min deep trial 12 for 3 min 2 s ago"),
        (
            replace(ONE, running_trial=replace(HAND, trial=None)),
            "ares:7 2 threads 3 h 0 min deep a trial for 3 min 2 s ago",
        ),
        (replace(ONE, gpu="GPU-1", gpu_name="H200", doing="waiting"), "ares:7 H200 3 h 0 min waiting 2 s ago"),
        (replace(ONE, threads=None, study="deep"), "ares:7 - 3 h 0 min deep alone 2 s ago"),
        (replace(ONE, alive=False, seconds_silent=180.0), "ares:7 2 threads 3 h 0 min - 3 min ago: dead"),
        (
            replace(ONE, refuses={"deep": "no such data"}),
            "ares:7 2 threads 3 h 0 min - 2 s ago 1 worker cannot serve deep: no such data",
        ),
    ],
)
def test_a_worker_is_printed_in_one_row(worker: FleetWorker, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert row(capsys, worker) == words


def test_workers_of_one_study_show_only_refusals_of_that_study(capsys: pytest.CaptureFixture[str]) -> None:
    show_workers([replace(ONE, refuses={"deep": "no such data", "other": "older code"})] * 2, study="deep")
    said = capsys.readouterr().out
    assert "2 workers cannot serve deep: no such data" in said
    assert "older code" not in said


def test_workers_able_and_unable_to_serve_a_study_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    record = WorkerRecord(
        name="ares:7::", pid=7, started_at=0, beaten_at=0, lease_expires_at=0, alive=True, seconds_silent=0
    )
    show_serving(Serving(ready=(record,), refusing={"a": "older code", "b": "older code"}))
    assert capsys.readouterr().out.splitlines() == [
        "1 worker is there to serve it",
        "2 workers cannot serve it: older code",
    ]
    show_serving(Serving(ready=(), refusing={}))
    assert "hpo worker" in capsys.readouterr().out


def test_a_studys_state_is_printed_with_the_command_that_continues_it() -> None:
    stopped = replace(STUDY, state="stopped", stopped_at=NOW, stopped_by="ada", stopped_why="too warm")
    assert (
        state_words(stopped) == f"stopped by ada at {NOW:%Y-%m-%d %H:%M} UTC (too warm): hpo resume deep lets it go on"
    )
    assert "hpo worker" in state_words(replace(STUDY, state="waiting"))
    assert state_words(replace(STUDY, state="done", until=0.85)).startswith("done: its best is as good as 0.85")
    assert state_words(STUDY) == "running"


def test_a_printed_study_has_its_limits_and_its_running_trials() -> None:
    said = "\n".join(study_lines(replace(STUDY, until=0.9, trial_timeout=600.0)))
    assert "ares:7: trial 12, attempt 2 for 3 min" in said
    assert "nothing more begins once a value is as good as 0.9, a trial may take 10 min" in said
    assert "4 of 9: 4 complete" in said
    assert "limits" not in "\n".join(study_lines(STUDY))


def test_a_printed_study_that_climbs_has_how_far_each_rung_is() -> None:
    sizes = (("quick", 9, 4), ("full", 4, 1), ("full", 3, 0))
    rungs = tuple(RungStatus(fidelity=name, target=target, settled=settled) for name, target, settled in sizes)
    said = study_lines(replace(STUDY, fidelity=None, rungs=rungs))
    assert said[0] == "deep: toy, space line, rungs quick 4/9, full 1/4, confirmed 0/3, maximize"
