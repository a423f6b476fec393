"""What definitions print and warn of in workers: on its way to a person, and kept with the trial."""

import json
import logging
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import talkative
import toy
from asking import asked
from fleets import Fleet

from hpo import storage
from hpo.errors import HpoWarning
from hpo.experiments.search_run import optimize
from hpo.fleet.worker.captured_output import KEPT, SHOWN
from hpo.logs import PRINTED
from hpo.storage import Storage
from hpo.storage.queries import study_results
from hpo.storage.slots.slots import Slots

NAME = "toy-line-quick"


@pytest.fixture
def opened(storage_url: str) -> Iterator[Storage]:
    store = storage.prepare(storage_url)
    yield store
    store.close()


def run(url: str, objective: str, **options: object) -> None:
    wanted = {"trials": 2, "workers": 1, "sampler": "random", "pruner": "none", "seed": 1, **options}
    file = f"{talkative.FILE}:{objective}"
    optimize(asked(definition=f"{toy.FILE}:study", objective=file, storage=url, **wanted))


def printed(opened: Storage) -> list[str | None]:
    """What is kept with each slot."""
    slots = Slots(opened)
    return [slots.output(slot) for slot in slots.list(NAME)]


def test_printed_lines_are_shown_as_they_come_and_kept_with_the_trial(
    opened: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, PRINTED), pytest.warns(HpoWarning) as told:
        run(opened.url, "prints", workers=2, trials=4)
    said = [record for record in caplog.records if record.name == PRINTED]
    lines = [record.getMessage() for record in said]
    assert 1 <= lines.count("loading data …") <= lines.count("talkative, version 2") <= 2  # one may come too late
    assert sorted(line for line in lines if line.startswith("building")) == [f"building {n}" for n in range(4)]
    assert sorted(line for line in lines if line.startswith("a program")) == [f"a program {n}" for n in range(4)]
    assert not [line for line in lines if "noise" in line or "stderr" in line]
    about = {(record.study, bool(record.worker)) for record in said if "version" not in record.getMessage()}  # type: ignore[attr-defined]
    assert about == {(NAME, True)}
    assert sorted(map(str, printed(opened))) == [f"building {n}\non stderr {n}" for n in range(4)]
    report = study_results.trial(opened, NAME, 2)
    assert report.output == "building 2\non stderr 2"
    ours = [str(each.message) for each in told if each.category is HpoWarning]  # a collection may tell of other things
    assert ours == ["it is slower than it could be"]  # once, however many said it


class TestOnOneFile:
    """What the database makes no difference to."""

    @pytest.fixture
    def storage_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'hpo.db'}"

    def test_a_flood_of_output_is_cut_when_shown_and_its_end_kept(
        self, opened: Storage, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, PRINTED):
            run(opened.url, "floods")
        lines = caplog.messages
        for number in range(2):
            cut = f"… what more it prints is not shown: hpo trial {NAME} {number} has the last 20,000 characters"
            assert lines.count(cut) == 1
            assert len([line for line in lines if line.endswith(f"of trial {number}")]) == SHOWN - 1
        for output in printed(opened):
            assert output is not None
            assert len(output) == KEPT
            assert "line 4999 of trial" in output.splitlines()[-1]

    @pytest.mark.thorough
    def test_the_last_output_of_a_trial_that_crashed_its_worker_is_kept(self, opened: Storage) -> None:
        run(opened.url, "crashes", trials=1, max_attempts=1)
        (first,) = Slots(opened).list(NAME)
        assert first.outcome == "failed"
        assert "terminate called" in (first.reason or "")
        assert (Slots(opened).output(first) or "").splitlines() == ["about to go", "terminate called"]

    @pytest.mark.thorough
    def test_printing_does_not_count_as_progress(self, opened: Storage) -> None:
        run(opened.url, "babbles", trials=1, max_attempts=1, stall_seconds=1.5)
        (slot,) = Slots(opened).list(NAME)
        assert "no sign of life for 1.5 seconds" in (slot.reason or "")
        assert set(str(Slots(opened).output(slot)).splitlines()) == {"still there"}

    def test_a_trial_that_prints_nothing_keeps_nothing(self, opened: Storage) -> None:
        optimize(
            asked(
                definition=f"{toy.FILE}:study", objective=f"{toy.FILE}:instant", storage=opened.url, trials=1, workers=1
            )
        )
        assert printed(opened) == [None]

    @pytest.mark.thorough
    def test_a_retried_trial_has_the_output_of_its_last_attempt(self, opened: Storage) -> None:
        """The first attempt, given back, has its own until the next one begins."""
        options = json.dumps({"objective": f"{talkative.FILE}:given_back", "trials": 1, "workers": 1, "pruner": "none"})
        command = [sys.executable, str(Path(__file__).with_name("toy_run.py")), opened.url, "instant", options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 60
            while not Path("began").exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        assert printed(opened) == ["try 0"]
        run(opened.url, "given_back", trials=1, sampler="random")
        assert printed(opened) == ["try 1"]
        assert study_results.trial(opened, NAME, 0).output is None

    @pytest.mark.thorough
    def test_a_fleet_logs_printed_lines_and_warnings(self, opened: Storage, tmp_path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(opened.url, "prints", trials=1)
        optimize_more = asked(
            definition=f"{toy.FILE}:study", storage=opened.url, fidelity="quick", trials=3, sampler="random", seed=1
        )
        from hpo.experiments.search_run import submit

        submit(optimize_more)
        arguments = ["--drain", "--processes", "2", "--log", "json", "--objective", f"{talkative.FILE}:prints"]
        fleet = Fleet(opened.url, *arguments, folder=tmp_path)
        try:
            assert fleet.process.wait(120) == 0
        finally:
            fleet.kill()
        lines = [json.loads(line) for line in fleet.said().splitlines()]
        told = [line for line in lines if line["logger"] == PRINTED and line["event"].startswith("building")]
        assert sorted(line["event"] for line in told) == ["building 1", "building 2"]
        assert {line["study"] for line in told} == {NAME}
        assert {line["worker"] for line in told} <= {line["worker"] for line in lines if line["event"] == "settled"}
        (note,) = [line for line in lines if "slower" in line["event"]]
        assert (note["level"], note["study"], note["event"]) == ("WARNING", NAME, "it is slower than it could be")
