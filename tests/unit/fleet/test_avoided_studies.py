"""Studies that end whoever loads them."""

import pytest

from hpo.fleet.supervisor import worker_pool
from hpo.fleet.supervisor.worker_pool import Avoided


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is."""
    now = [0.0]
    monkeypatch.setattr(worker_pool.time, "monotonic", lambda: now[0])
    return now


def test_a_study_is_avoided_after_two_deaths_in_a_row_for_growing_times(clock: list[float]) -> None:
    studies = Avoided()
    studies.died("a", "exit code 0")
    assert studies.now() == {}
    studies.died("a", "exit code 1")
    assert {name: (each.why, each.seconds) for name, each in studies.now().items()} == {"a": ("exit code 1", 60.0)}
    studies.died("a", "exit code 1")  # one that had begun before
    assert studies.now()["a"].seconds == 60.0
    seconds = []
    for _ in range(5):
        clock[0] += seconds[-1] if seconds else 60.0
        assert studies.now() == {}
        studies.died("a", "exit code 1")
        seconds.append(studies.now()["a"].seconds)
    assert seconds == [120.0, 240.0, 480.0, 600.0, 600.0]


def test_a_worker_that_loads_the_study_ends_the_avoidance(clock: list[float]) -> None:
    studies = Avoided()
    for _ in range(2):
        studies.died("a", "exit code 0")
        studies.died("b", "exit code 0")
    studies.worked("a")
    assert set(studies.now()) == {"b"}
    studies.died("a", "exit code 0")
    assert set(studies.now()) == {"b"}
