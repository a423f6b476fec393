"""An outage is told once, whoever waits."""

import logging

import pytest

from hpo.service.supervisors.outage import Outage


def test_it_begins_with_the_first_and_ends_with_the_last_who_waits(caplog: pytest.LogCaptureFixture) -> None:
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
