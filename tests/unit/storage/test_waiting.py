"""How long a database that is away is waited for, and who is told."""

import math
from collections.abc import Callable

import pytest

from hpo.errors import StorageError
from hpo.storage import waiting
from hpo.storage.waiting import patiently

AWAY = StorageError("no server answers there", transient=True)


class Times:
    """A clock that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    times = Times()
    monkeypatch.setattr(waiting, "time", times)
    return times


def away_until(times: Times, end: float) -> Callable[[], str]:
    def call() -> str:
        if times.now < end:
            raise AWAY
        return "answer"

    return call


@pytest.mark.thorough
def test_unlimited_patience_waits_as_long_as_needed(times: Times) -> None:
    week = 7 * 24 * 3600.0
    assert patiently(away_until(times, week), seconds=math.inf) == "answer"
    assert week <= times.now < week + 2
    assert max(times.slept) <= 2  # nobody who may stop waiting is kept for longer


def test_the_default_patience_ends_within_a_minute(times: Times) -> None:
    with pytest.raises(StorageError) as caught:
        patiently(away_until(times, math.inf))
    assert caught.value is AWAY
    assert 50 < times.now <= waiting.PATIENCE


def test_an_outage_and_its_end_are_each_reported_once(times: Times) -> None:
    heard: list[object] = []
    call = away_until(times, 30)
    patiently(call, on_away=heard.append, on_back=lambda: heard.append("back"))
    assert heard == [AWAY, "back"]
    patiently(call, on_away=heard.append, on_back=lambda: heard.append("back"))
    assert heard == [AWAY, "back"]


def test_an_outage_that_becomes_mendable_is_reported_once_more(times: Times) -> None:
    refused = StorageError("it refuses the password", mendable=True)
    answers: list[StorageError | None] = [AWAY, AWAY, refused, AWAY, refused, None]
    heard: list[object] = []

    def call() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    patiently(call, seconds=math.inf, on_away=heard.append)
    assert heard == [AWAY, refused]


def test_waiting_ends_when_told_to_stop(times: Times) -> None:
    with pytest.raises(StorageError):
        patiently(away_until(times, math.inf), seconds=math.inf, unless=lambda: times.now > 100)
    assert 100 < times.now <= 102


def test_a_lasting_error_is_not_waited_for(times: Times) -> None:
    full = StorageError("the disk is full")
    heard: list[object] = []

    def call() -> None:
        raise full

    with pytest.raises(StorageError) as caught:
        patiently(call, seconds=math.inf, on_away=heard.append)
    assert (caught.value, heard, times.slept) == (full, [], [])
