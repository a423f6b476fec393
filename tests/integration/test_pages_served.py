"""What programs ask of the pages: metrics, health, style sheets and scripts."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paged
import pytest
from climbing import open_rungs
from flask.testing import FlaskClient
from paged import READER, Read
from prometheus_client.parser import text_string_to_metric_families

from hpo.storage import Storage, studies
from hpo.storage.database import Storage as Opened
from hpo.storage.engine import connect
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyPlan, StudyRecord
from hpo.storage.worker_registry import Roster, Worker
from hpo.web.pages import create

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def client(store: Storage) -> FlaskClient:
    """Whoever asks; one look at the database serves nobody else."""
    return create(store, shared_seconds=-1).test_client()


@pytest.fixture
def searched(store: Storage, plan: StudyPlan) -> StudyRecord:
    """A search with something of everything."""
    return paged.search(store, plan)


def test_metrics_equal_the_counts_of_the_slots(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    Roster(store).sign_on(Worker(name="host:7:1:b", pid=7, host="red", gpu="GPU-1", refuses={"x": "no"}), 60)
    studies.create_or_resume(store, replace(searched, name='half "\\\n'))
    climbs = studies.create_or_resume(store, replace(searched, name="climbs", fidelity="full", rungs="quick,full"))
    open_rungs(store, climbs.name, 12)
    try:
        answer = client.get("/metrics", environ_overrides=READER)
    finally:
        Roster(store).sign_off("host:7:1:b")
    assert answer.status_code == 200
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    for outcome, number in (("complete", 2), ("pruned", 1), ("failed", 1), ("running", 1), ("open", 1)):
        assert found["hpo_slots", ("kind", "search"), ("outcome", outcome), ("study", "a/b")] == number
    for rung, target in (("quick", 12), ("full", 4), ("confirmed", 3)):
        assert found["hpo_rung_slots", ("count", "target"), ("rung", rung), ("study", "climbs")] == target
        assert found["hpo_rung_slots", ("count", "settled"), ("rung", rung), ("study", "climbs")] == 0
    assert found["hpo_best_value", ("direction", "maximize"), ("metric", "accuracy"), ("study", "a/b")] == 0.9375
    assert found["hpo_workers", ("gpu", "GPU-1"), ("host", "red")] == 1
    for state in ("running", "waiting", "stopped", "done"):
        assert found["hpo_study_state", ("state", state), ("study", "a/b")] == (state == "running")
        assert found["hpo_study_state", ("state", state), ("study", 'half "\\\n')] == (state == "done")
    assert found["hpo_oldest_claim_seconds", ("study", "a/b")] >= 0
    assert 0 <= found["hpo_last_settled_seconds", ("study", "a/b")] < 600
    documented = re.findall(r"^\| `(hpo_\w+)` \|", (PROJECT / "docs" / "dashboard.md").read_text(), re.MULTILINE)
    assert {name for name, *_ in found} == set(documented)
    assert not [name for name, *labels in found if ("study", 'half "\\\n') in labels and "seconds" in name]


@pytest.fixture
def away(tmp_path: Any) -> Iterator[FlaskClient]:
    """Whoever asks while nothing answers where the database was."""
    where = parse(f"postgresql://hpo:pass-word@/hpo?host={tmp_path}&port=5432")
    opened = Opened(where, connect(where, create=False))
    yield create(opened, shared_seconds=-1).test_client()
    opened.close()


def test_pages_report_an_unreachable_database(away: FlaskClient) -> None:
    page = away.get("/", environ_overrides=READER)
    assert page.status_code == 503
    assert "no server answers there" in Read(page.text).words
    live = away.get("/live/overview", environ_overrides=READER)
    assert live.status_code == 503
    assert live.json is not None
    assert "no server answers there" in live.json["reason"]
    assert away.get("/metrics").status_code == 503
    health = away.get("/healthz")
    assert (health.status_code, health.json) == (503, {"status": "the database does not answer"})
    assert not any("pass-word" in answer.text for answer in (page, live, health))


def test_the_health_check_reveals_only_the_status(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, json.loads(answer.data)) == (200, {"status": "ok"})


def test_static_assets_are_cached_by_etag(client: FlaskClient) -> None:
    for name in ("style.css", "live.js", "theme.js", "icon.svg"):
        first = client.get(f"/assets/{name}")
        assert first.status_code == 200
        assert not re.search(rb"https?://(?!www\.w3\.org)|@import|url\(", first.data)
        assert client.get(f"/assets/{name}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
