"""Several processes that want the same pretrained network: one makes it, whatever becomes of the others."""

import multiprocessing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.training.pretrained import folder, kept

SPAWN = multiprocessing.get_context("spawn")
ROWS = 100_000


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _make(number: int, made: Any, barrier: Any, found: Any) -> None:
    def make() -> dict[str, Any]:
        with made.get_lock():
            made.value += 1
        return {"a": np.full(ROWS, number)}

    barrier.wait()
    found.put(int(kept("some", make)["a"].mean()))


def _never_done(begun: Any) -> None:
    def make() -> dict[str, Any]:
        begun.set()
        SPAWN.Event().wait()
        raise AssertionError("nobody sets it")

    kept("some", make)


def _killed(process: BaseProcess) -> None:
    process.kill()
    process.join()


def test_one_process_pretrains_and_all_share_the_network() -> None:
    made, barrier, found = SPAWN.Value("i", 0), SPAWN.Barrier(3), SPAWN.Queue()
    processes = [SPAWN.Process(target=_make, args=(number, made, barrier, found)) for number in (1, 2, 3)]
    for process in processes:
        process.start()
    answers = {found.get(timeout=120) for _ in processes}
    for process in processes:
        process.join()
    assert made.value == 1
    assert len(answers) == 1


def test_a_waiting_process_pretrains_when_the_first_is_killed() -> None:
    begun = SPAWN.Event()
    maker = SPAWN.Process(target=_never_done, args=(begun,))
    maker.start()
    assert begun.wait(timeout=120)
    made, barrier, found = SPAWN.Value("i", 0), SPAWN.Barrier(2), SPAWN.Queue()
    waiting = SPAWN.Process(target=_make, args=(7, made, barrier, found))
    waiting.start()
    try:
        barrier.wait(timeout=120)
        assert made.value == 0  # the maker is alive, and it is its turn
        _killed(maker)
        assert found.get(timeout=120) == 7
        waiting.join()
    finally:
        _killed(maker)
        _killed(waiting)
    assert made.value == 1
    assert [path.name for path in sorted(folder().glob("*.npz"))] == ["some.npz"]
