"""How many slots a worker could take now: what whoever starts workers elsewhere goes by."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleets import make
from slot_tools import Clock
from typer.testing import CliRunner

import hpo
from hpo import storage
from hpo.cli.app import app
from hpo.settings import MAX_ATTEMPTS
from hpo.storage import Storage
from hpo.storage.queries.durations import seconds_needed
from hpo.storage.slots.dispatch import claimable, offers
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting


@pytest.fixture
def opened(storage_url: str) -> Iterator[Storage]:
    store = storage.prepare(storage_url)
    yield store
    store.close()


def test_claimable_counts_the_slots_that_can_be_claimed(opened: Storage) -> None:
    clock = Clock()
    slots = Slots(opened, clock=clock)
    make(opened, "a", 4)
    make(opened, "b", 2)
    assert claimable(opened, slots) == {"a": 4, "b": 2}
    held = slots.claim("a", "w", 60)
    done = slots.claim("a", "v", 3600)
    assert held is not None
    assert done is not None
    slots.settle(done, "complete", 0.5)
    assert claimable(opened, slots, only=("a",)) == {"a": 2}
    clock.now += 61  # the lease has run out
    assert claimable(opened, slots) == {"a": 3, "b": 2}
    halting.stop(opened, "b", by="us", why=None, now=False)
    assert claimable(opened, slots) == {"a": 3}
    for _ in range(MAX_ATTEMPTS - 1):
        tried = [slots.claim("a", "w", 60) for _ in range(3)]
        clock.now += 61
        assert all(tried)
    assert claimable(opened, slots) == {"a": 2}  # the one that was tried once more has had its attempts


def test_every_interface_reports_the_same_number_of_claimable_slots(opened: Storage) -> None:
    make(opened, "a", 4)
    assert Slots(opened).claim("a", "w", 3600) is not None
    assert hpo.Study("a", storage=opened.url).claimable == 3
    runner = CliRunner()
    told = runner.invoke(app, ["status", "a", "--json", "--storage", opened.url])
    assert json.loads(told.stdout)["claimable"] == 3
    assert (
        "open 3, of which a worker could take 3 now"
        in runner.invoke(app, ["status", "a", "--storage", opened.url]).stdout
    )


def test_the_time_needed_for_a_trial_is_the_ninth_decile(opened: Storage, tmp_path: Path) -> None:
    clock = Clock()
    slots = Slots(opened, clock=clock)
    make(opened, "a", 30)
    assert seconds_needed(opened, "a", 0) is None
    assert [each.rung for each in offers(opened, slots)] == [0]
    for number in range(1, 21):
        slot = slots.claim("a", "w", 3600)
        assert slot is not None
        clock.now += number
        slots.settle(slot, "complete" if number % 2 else "pruned", 0.5)
    # Of the complete ones, of 1, 3, … 19 seconds.
    assert seconds_needed(opened, "a", 0) == 17
    assert seconds_needed(opened, "a", 2) == 17  # nobody knows better
