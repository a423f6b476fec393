import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hpo.web.pages.shared import Shared


def test_concurrent_requests_share_one_computation() -> None:
    made: list[str] = []
    together, go = threading.Barrier(8), threading.Event()

    def make(key: str) -> str:
        go.wait(10)
        made.append(key)
        return key.upper()

    shared = Shared(make, seconds=60)

    def ask(_: int) -> str:
        together.wait(10)
        go.set()
        return shared.get("a")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == ["A"] * 8
    assert made == ["a"]


def test_one_key_does_not_wait_for_another() -> None:
    entered, leave = threading.Event(), threading.Event()

    def make(key: str) -> str:
        if key == "slow":
            entered.set()
            leave.wait(10)
        return key

    shared = Shared(make, seconds=60)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shared.get, "slow")
        assert entered.wait(10)
        assert shared.get("fast") == "fast"
        assert not slow.done()
        leave.set()
        assert slow.result(10) == "slow"


def test_old_or_forgotten_cache_entries_are_recomputed() -> None:
    numbers = iter(range(10))
    fresh = Shared(lambda _: next(numbers), seconds=60)
    assert [fresh.get("a"), fresh.get("a")] == [0, 0]
    fresh.forget()
    assert fresh.get("a") == 1
    stale = Shared(lambda _: next(numbers), seconds=-1)
    assert [stale.get("a"), stale.get("a")] == [2, 3]


def test_an_error_is_raised_and_not_kept() -> None:
    answers = iter([ZeroDivisionError(), "well"])

    def make(_: str) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shared = Shared(make, seconds=60)
    with pytest.raises(ZeroDivisionError):
        shared.get("a")
    assert shared.get("a") == "well"


def test_the_least_recently_used_entry_is_evicted_first() -> None:
    made: list[str] = []
    shared = Shared(lambda key: made.append(key), seconds=60, most=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        shared.get(key)
    assert made == ["a", "b", "c", "b"]
