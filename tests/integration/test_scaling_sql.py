"""The question that a scaler asks PostgreSQL itself: the manifest's is ours, and it has the answer that hpo has."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from fleets import make
from typer.testing import CliRunner

from hpo import storage
from hpo.cli.app import app
from hpo.fleet.engines.scaling import demand
from hpo.settings import MAX_ATTEMPTS
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting

MANIFEST = Path(__file__).resolve().parents[2] / "docs" / "clusters" / "keda" / "scaledjob.yaml"


@pytest.fixture
def opened(storage_url: str) -> Iterator[Storage]:
    store = storage.prepare(storage_url)
    yield store
    store.close()


@pytest.mark.parametrize("storage_url", ["postgresql"], indirect=True)
def test_the_scaling_query_of_the_manifest_gives_hpos_answer(opened: Storage, storage_url: str) -> None:
    (job,) = [each for each in yaml.safe_load_all(MANIFEST.read_text()) if each["kind"] == "ScaledJob"]
    (trigger,) = job["spec"]["triggers"]
    question = trigger["metadata"]["query"].strip()
    printed = CliRunner().invoke(app, ["fleet", "wanted", "--max-workers", "8", "--sql", "--storage", opened.url])
    assert printed.stdout.strip() == question

    def answer() -> int:
        with psycopg.connect(storage_url) as connection:
            ((number,),) = connection.execute(question).fetchall()
            now = demand(opened)
            assert number == now.claimable + now.held
            return int(number)

    slots = Slots(opened)
    assert answer() == 0
    make(opened, "a", 4)
    make(opened, "reached", 3, until=0.9)
    assert answer() == 7
    good = slots.claim("reached", "w", 3600)
    assert good is not None
    assert answer() == 7  # what is in hand needs its worker
    slots.settle(good, "complete", 0.95)
    assert answer() == 4
    assert slots.claim("a", "w", 0.001) is not None  # its lease has run out by now
    assert answer() == 4
    for _ in range(MAX_ATTEMPTS):
        while (slot := slots.claim("a", "v", 3600)) is not None:
            assert slot.worker == "v"
        slots.record_crash("v", "it died")
    assert answer() == 0
    make(opened, "b", 2)
    halting.stop(opened, "b", by="us", why=None, now=False)
    assert answer() == 0


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_the_scaling_query_is_refused_for_sqlite(opened: Storage) -> None:
    refused = CliRunner().invoke(app, ["fleet", "wanted", "--max-workers", "8", "--sql", "--storage", opened.url])
    assert "--sql is for PostgreSQL" in str(refused.exception)
