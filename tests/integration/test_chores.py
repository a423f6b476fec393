"""A chore that one process of all is to do, on both databases, by a clock of the test's own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from slot_tools import Clock
from sqlalchemy import delete

from hpo.storage import Storage, chores, schema


@pytest.fixture(autouse=True)
def _none_left(store: Storage) -> Iterator[None]:
    yield
    with store.engine.begin() as connection:
        connection.execute(delete(schema.chores))


def test_a_due_chore_is_given_to_one_process(store: Storage, clock: Clock) -> None:
    def asked() -> int:
        with ThreadPoolExecutor(5) as many:
            return sum(many.map(lambda _: chores.take(store, "sweep", 15, clock=clock), range(10)))

    assert asked() == 1
    clock.now += 14
    assert asked() == 0
    clock.now += 1
    assert asked() == 1
    assert chores.take(store, "another", 15, clock=clock)


def test_a_clock_set_back_delays_no_chore(store: Storage, clock: Clock) -> None:
    assert chores.take(store, "sweep", 15, clock=clock)
    clock.now -= 100
    assert chores.take(store, "sweep", 15, clock=clock)
    assert not chores.take(store, "sweep", 15, clock=clock)
