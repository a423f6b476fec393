"""Reports as they are served, and what optuna-dashboard is given of them."""

from dataclasses import replace

import optuna
import paged
import pytest
from flask.testing import FlaskClient
from optuna_dashboard import get_note, save_note
from paged import READER, Read, read, settle

from hpo.storage import Storage, studies
from hpo.storage.studies import StudyPlan, StudyRecord, halting
from hpo.web.pages import create


@pytest.fixture
def client(store: Storage) -> FlaskClient:
    """Whoever asks; one look at the database serves nobody else."""
    return create(store, shared_seconds=-1).test_client()


@pytest.fixture
def searched(store: Storage, plan: StudyPlan) -> StudyRecord:
    """A search with something of everything."""
    return paged.search(store, plan)


def test_a_served_report_is_cached_until_something_changes(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    answer = client.get("/studies/a~2Fb/report", environ_overrides=READER)
    assert answer.status_code == 200
    assert "script-src 'nonce-the-nonce'" in answer.headers["Content-Security-Policy"]
    assert answer.text.count('<script nonce="the-nonce">') == 1
    assert "4 of 6" in answer.text
    save_note(optuna.load_study(study_name="a/b", storage=store.optuna), "Not made again, so not put here again.")
    assert client.get("/studies/a~2Fb/report", environ_overrides=READER).text == answer.text
    assert noted(store) == "Not made again, so not put here again."
    settle(store, "a/b", "complete", 0.5)
    assert "5 of 6" in client.get("/studies/a~2Fb/report", environ_overrides=READER).text


def test_a_report_on_measurements_points_to_their_search(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    studies.create_or_resume(store, replace(searched, name="race", kind="race", parent="a/b"))
    answer = client.get("/studies/race/report", environ_overrides=READER)
    assert answer.status_code == 404
    assert "hpo report a/b" in Read(answer.text).words


def noted(store: Storage) -> str:
    store.forget()
    note: str = get_note(optuna.load_study(study_name="a/b", storage=store.optuna))
    return note


def test_optuna_dashboard_links_back_and_keeps_notes(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    save_note(optuna.load_study(study_name="a/b", storage=store.optuna), "Ask Ana.")
    client.get("/studies/a~2Fb/report", environ_overrides=READER)
    first = noted(store)
    assert first.startswith("Ask Ana.")
    assert "[Live page](/studies/a~2Fb) · [Report](/studies/a~2Fb/report)" in first
    settle(store, "a/b", "complete", 0.96875)  # one is still in hand, so the note is left alone
    client.get("/studies/a~2Fb/report", environ_overrides=READER)
    assert noted(store) == first
    halting.stop(store, "a/b", by="anna", now=True)
    halting.resume(store, "a/b")
    client.get("/studies/a~2Fb/report", environ_overrides=READER)
    assert "0.9688" in noted(store)
    assert noted(store).startswith("Ask Ana.")
    save_note(optuna.load_study(study_name="a/b", storage=store.optuna), "No figures here, please.")
    settle(store, "a/b", "complete", 0.98)
    client.get("/studies/a~2Fb/report", environ_overrides=READER)
    assert noted(store) == "No figures here, please."


def test_opening_optuna_dashboard_adds_the_link_back(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    studies.create_or_resume(store, replace(searched, name="race", kind="race", parent="a/b"))
    for path in ("/", "/studies/a~2Fb"):
        assert "/studies/a~2Fb/dashboard" in read(client, path).links
    number = store.rdb.get_study_id_from_name("a/b")
    for _ in range(2):
        answer = client.get("/studies/a~2Fb/dashboard", environ_overrides=READER)
        assert (answer.status_code, answer.location) == (303, f"/dashboard/studies/{number}")
        assert "[Live page](/studies/a~2Fb)" in noted(store)
    number = store.rdb.get_study_id_from_name("race")
    assert client.get("/studies/race/dashboard", environ_overrides=READER).location == f"/dashboard/studies/{number}"
    store.rdb.delete_study(number)
    answer = client.get("/studies/race/dashboard", environ_overrides=READER)
    assert answer.status_code == 404
    assert "race" in Read(answer.text).words
