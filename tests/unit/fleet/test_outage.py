"""An outage is told once, whoever waits."""

import contextlib
import logging
import math

import pytest

from hpo.errors import ReplacedError, StorageError
from hpo.fleet.supervisor.worker_messages import Outage


def test_an_outage_lasts_from_the_first_to_the_last_waiting_worker(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hpo.fleet")
    outage = Outage()
    outage.ended("w1")  # it never waited
    assert not caplog.records
    for who in ("w1", "w2", "w1"):
        outage.began(who, "the disk is full")
    outage.ended("w1")
    outage.ended("w1")
    assert [record.getMessage() for record in caplog.records] == ["waiting for the database"]
    assert caplog.records[0].reason == "the disk is full"  # type: ignore[attr-defined]
    outage.ended("w2")
    assert [record.getMessage() for record in caplog.records[1:]] == ["the database is back"]
    outage.began("w2", "it starts up")
    assert [record.getMessage() for record in caplog.records[2:]] == ["waiting for the database"]


def test_an_outage_that_needs_somebody_is_reported_once_more(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hpo.fleet")
    outage = Outage()
    outage.began("w1", "it went away")
    outage.began("w1", "it refuses the password", blocked=True)
    outage.began("w2", "it refuses the password", blocked=True)
    told = [record.reason for record in caplog.records]  # type: ignore[attr-defined]
    assert told == ["it went away", "it refuses the password"]
    outage.ended("w1")
    outage.ended("w2")
    outage.began("w1", "the disk is full", blocked=True)
    assert len(caplog.records) == 4


@pytest.mark.parametrize(
    ("patience", "error", "raised"),
    [
        (60.0, StorageError("it restarts", transient=True), False),
        (0.0, StorageError("it restarts", transient=True), True),
        (60.0, StorageError("the disk is full", mendable=True), True),
        (math.inf, StorageError("the disk is full", mendable=True), False),
        (math.inf, StorageError("whatever else"), False),
        (math.inf, ReplacedError("another program's"), True),
    ],
)
def test_a_supervisor_waits_only_for_errors_that_may_pass(patience: float, error: StorageError, raised: bool) -> None:
    outage = Outage(patience=patience)
    with pytest.raises(StorageError) if raised else contextlib.nullcontext():
        outage.refused("free", error)


def test_a_run_waits_for_the_database_without_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hpo.fleet")
    outage = Outage(patience=60.0)
    outage.began("w1", "it starts up")
    outage.ended("w1")
    assert not caplog.records
