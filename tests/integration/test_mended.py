"""A full disk and a server that allows reading only: a fleet waits until they are mended, and says so once."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pytest
import toy
from sqlalchemy import event

from hpo import storage
from hpo.errors import StorageError
from hpo.fleet.supervisor import worker_exit
from hpo.fleet.supervisor.worker_messages import Outage
from hpo.fleet.worker.slot_sources import Source
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyPlan

TRIALS = 6


def begin(url: str, plan: StudyPlan) -> Storage:
    opened = storage.prepare(url)
    fingerprint = toy.study.space().fingerprint
    studies.create_or_resume(opened, replace(plan, reference=f"{toy.FILE}:study", fingerprint=fingerprint))
    Slots(opened).open(plan.name, TRIALS)
    return opened


def serve(opened: Storage, breaks: Callable[[], object], mends: Callable[[], object]) -> tuple[list[str], int]:
    """Work as a fleet does, while something breaks in the third trial; what was said of it, and how often it ended."""
    told: list[str] = []
    back: list[bool] = []
    trained: list[float] = []

    def away(error: StorageError) -> None:
        told.append(str(error))
        mends()

    def make(beat: Callable[[], None]) -> toy.Objective:
        def run(trial: optuna.Trial) -> float:
            value = toy.height(trial)
            trained.append(value)
            if len(trained) == 3:
                breaks()
            trial.set_user_attr("note", "x" * 20_000)
            return value

        return run

    opened.patience, opened.on_away, opened.on_back = float("inf"), away, lambda: back.append(True)
    server = Server(opened, None, make, source=Source(opened, Slots(opened), drain=True))
    assert server.run() == "drained"
    assert len(trained) == TRIALS
    return told, len(back)


def test_a_fleet_waits_for_a_full_disk_and_reports_it_once(plan: StudyPlan) -> None:
    opened = begin("hpo.db", plan)
    full: list[bool] = []

    @event.listens_for(opened.engine, "checkout")
    def no_more_pages(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={1 if full else 2**30}")

    told, back = serve(opened, lambda: full.append(True), full.clear)
    assert (len(told), back) == (1, 1)
    assert "the disk is full" in told[0]
    assert toy.unsound(opened.url, plan.name, trials=TRIALS) == []
    opened.close()


def test_a_fleet_waits_for_a_read_only_server_and_reports_it_once(
    postgres: Any, database: Callable[[Any], str], plan: StudyPlan, caplog: pytest.LogCaptureFixture
) -> None:
    opened = begin(database(postgres), plan)
    name = parse(opened.url).sqlalchemy.database
    chores = worker_exit.Housekeeping(opened, max_attempts=3, outage=Outage())
    caplog.set_level(logging.INFO, "hpo.fleet")

    def sweep() -> None:
        """What a fleet's supervisor does meanwhile."""
        for _ in range(3):
            chores._freed = chores._recovered = float("-inf")
            chores._sweep()

    def breaks() -> None:
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        opened.engine.dispose()
        sweep()

    def mends() -> None:
        sweep()
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")

    told, back = serve(opened, breaks, mends)
    assert (len(told), back) == (1, 1)
    assert "the server allows reading only" in told[0]
    assert toy.unsound(opened.url, plan.name, trials=TRIALS) == []
    sweep()
    said = [record.getMessage() for record in caplog.records if record.name == "hpo.fleet"]
    assert said == ["waiting for the database", "the database is back"]
    opened.close()


def test_a_single_run_does_not_wait_for_a_full_disk(plan: StudyPlan) -> None:
    opened = begin("hpo.db", plan)

    @event.listens_for(opened.engine, "checkout")
    def no_more_pages(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count=1")

    with pytest.raises(StorageError, match="the disk is full"):
        opened.patient.answer(lambda: Slots(opened).open(plan.name, 10_000))
    opened.close()
