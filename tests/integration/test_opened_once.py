"""A command opens its database once: what planning has opened is handed on to whoever does it and tells of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import small_tables
import toy

from hpo import storage
from hpo.cli.main import ERROR, main
from hpo.storage import opening
from hpo.storage.slots.slots import Slots

NAME = "toy-line-quick"
NOBODY = ("--workers", "0", "--timeout", "1s")  # no process is started: who works at it is not the question here


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, int]]:
    """Runs a command on a database in a file; its exit code, and how often it opened the database."""
    url = f"sqlite:///{tmp_path}/hpo.db"
    openings: list[object] = []
    connect = opening.connect

    def counted(*given: object, **more: object) -> object:
        openings.append(given)
        return connect(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "connect", counted)

    def run(*words: str) -> tuple[int, int]:
        openings.clear()
        return main([*words, "--storage", url]), len(openings)

    return run


@pytest.mark.thorough
def test_a_search_opens_its_database_once(command) -> None:
    search = ("optimize", f"{toy.FILE}:study", "--fidelity", "quick", "--trials", "3", *NOBODY)
    assert command(*search) == (0, 1)
    assert command(*search) == (0, 1)


@pytest.mark.parametrize("wait", [(), ("--json",)])
def test_submit_opens_its_database_once(command, wait) -> None:
    assert command("submit", f"{toy.FILE}:study", "--fidelity", "quick", "--trials", "3", *wait) == (0, 1)
    assert command("submit", NAME, "--trials", "4", *wait) == (0, 1)


@pytest.mark.thorough
@pytest.mark.parametrize("method", [(), ("--greedy", "--fidelity", "quick")])
def test_a_sweep_opens_its_database_once(command, method) -> None:
    tables = ("sweep", f"{small_tables.FILE}:study", *method, *NOBODY)
    assert command(*tables) == (0, 1)
    assert command(*tables) == (0, 1)


def test_a_comparison_opens_its_database_once(command, tmp_path: Path) -> None:
    assert command("submit", f"{toy.FILE}:study", "--fidelity", "quick", "--trials", "2") == (0, 1)
    with_results = storage.open(f"sqlite:///{tmp_path}/hpo.db")
    slots = Slots(with_results)
    for x in (0.5, 0.7):
        slot = slots.claim(NAME, "me", 60)
        assert slot is not None
        assert slots.settle(slot, "complete", x, params={"x": x, "kind": "a"})
    with_results.close()
    assert command("compare", NAME, *NOBODY) == (ERROR, 1)  # its time is up before anybody trained
