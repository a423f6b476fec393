"""A server with fewer connections than processes that share it: they take turns, and say so once."""

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from hpo import storage
from hpo.errors import HpoWarning
from hpo.storage import Storage, connection_turns, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyPlan

MOST, PROCESSES, SLOTS = 3, 6, 60


@pytest.fixture
def few(postgres: Any, database: Callable[[Any], str]) -> Iterator[str]:
    """A database as a user has it who may have `MOST` connections."""
    name = parse(database(postgres)).sqlalchemy.database
    postgres.execute(f"CREATE ROLE few LOGIN CONNECTION LIMIT {MOST}")
    postgres.execute(f"ALTER DATABASE {name} OWNER TO few")
    yield postgres.url(name, user="few")
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute("DROP OWNED BY few")
    postgres.execute(f"ALTER DATABASE {name} OWNER TO postgres")
    postgres.execute("DROP ROLE few")


def open_now(postgres: Any) -> int:
    with psycopg.connect(postgres.url("postgres")) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'few'").fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.thorough
def test_more_processes_than_connections_settle_every_slot(
    postgres: Any, few: str, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_turns, "_LOOK_EVERY", 0.5)
    first = storage.prepare(few)
    studies.create_or_resume(first, plan)
    Slots(first).open(plan.name, SLOTS)
    every: list[Storage] = [first]
    failed: list[Exception] = []

    def serve(number: int) -> None:
        """As a process would: with an engine of its own."""
        try:
            mine = storage.open(few)
            every.append(mine)
            slots = Slots(mine)
            while (slot := slots.claim(plan.name, f"w{number}", 60)) is not None:
                assert slots.settle(slot, "complete", 0.5)
        except Exception as error:
            failed.append(error)

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        workers = [threading.Thread(target=serve, args=(number,)) for number in range(PROCESSES)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
    assert failed == []
    assert [slot.attempt for slot in Slots(first).list(plan.name)] == [1] * SLOTS
    assert len(every) == PROCESSES + 1
    said = {str(note.message) for note in notes if note.category is HpoWarning}
    assert [text for text in said if "they take turns" in text] == list(said)
    for each in every:
        each.close()


def test_no_connection_is_kept_while_the_server_is_short_of_them(
    postgres: Any, few: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = storage.prepare(few)
    monkeypatch.setattr(connection_turns, "_LOOK_EVERY", 0.0)
    studies.list_all(opened)
    assert opened.engine.pool.checkedin() == 0 or open_now(postgres) == 0  # type: ignore[attr-defined]
    monkeypatch.setattr(connection_turns, "_SHORT_FOR", 0.0)
    monkeypatch.setattr(connection_turns, "_SPARE", 0)
    opened.close()
    again = storage.open(few)  # there are enough, so it is kept
    studies.list_all(again)
    assert open_now(postgres) == 1
    again.close()


def test_connections_left_are_counted_more_rarely_where_many_are_left() -> None:
    assert [connection_turns._pause(left) for left in (0, 40, 120, 5000)] == [5.0, 5.0, 15.0, 30.0]
