"""Our pages as a browser's requests meet them, the door's word on who asks given by hand."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

import paged
import pytest
from flask.testing import FlaskClient
from paged import EVIL, READER, WRITER, Read, read, settle, words

from hpo.storage import Storage, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord, halting
from hpo.storage.worker_registry import Roster, Worker
from hpo.web.addresses import segment
from hpo.web.pages import create


@pytest.fixture
def client(store: Storage) -> FlaskClient:
    """Whoever asks; one look at the database serves nobody else."""
    return create(store, shared_seconds=-1).test_client()


@pytest.fixture
def searched(store: Storage, plan: StudyPlan) -> StudyRecord:
    """A search with something of everything."""
    return paged.search(store, plan)


def test_the_overview_page_shows_the_state_of_each_study(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    text = words(read(client, "/"))
    assert "a/b running" in text
    assert "4 of 6 settled" in text
    assert "2 complete 1 pruned 1 failed 1 running 1 open" in text
    assert "0.9375 accuracy" in text
    assert "feasible" in text
    assert "host:7" in text  # who is at it, though on no roster
    halting.stop(store, "a/b", by="olga", why="lunch")
    assert re.search(r"a/b stopped .* Stopped by olga, .* lunch", words(read(client, "/")))


def test_the_overview_lists_measurements_under_their_search(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    studies.create_or_resume(store, replace(searched, name="a/b/race", kind="race", parent="a/b"))
    studies.create_or_resume(store, replace(searched, name="tables", kind="sweep"))
    text = words(read(client, "/"))
    assert text.index("a/b running") < text.index("race a/b/race") < text.index("Tables measured again")
    assert text.index("Tables measured again") < text.index("tables done")
    assert "race a/b/race" in words(read(client, "/studies/a~2Fb"))
    assert "race of a/b" in words(read(client, "/studies/a~2Fb~2Frace"))


def test_the_overview_of_an_empty_storage_suggests_a_first_command(client: FlaskClient) -> None:
    text = words(read(client, "/"))
    assert "There is no study yet" in text
    assert "hpo submit" in text


def test_a_study_page_shows_best_baseline_failures_and_last_trials(client: FlaskClient, searched: StudyRecord) -> None:
    text = words(read(client, "/studies/a~2Fb"))
    assert "best accuracy 0.9375 feasible, trial 1" in text
    assert "baseline middle 0.7500 complete, trial 0" in text
    assert re.search(r"x 0\.\d+ 0\.5 kind [ab] a", text)
    assert "1 trial failed ZeroDivisionError: no such luck" in text
    assert "hpo trial a/b 3" in text
    assert "1 trial pruned infeasible: too <high>" in text
    assert re.search(r"Trials that ended last .* 3 failed", text)
    assert "2 trials, in" not in text


def test_a_study_page_shows_the_front(client: FlaskClient, store: Storage, plan: StudyPlan) -> None:
    studies.create_or_resume(store, replace(plan, **paged.toys(), name="f", objectives="accuracy,parameters"))
    slots = Slots(store)
    slots.open("f", 3)
    for number, values in enumerate(((0.75, 10.0), (0.5, 20.0), (0.9375, 40.0))):
        slot = slots.claim("f", "host:7:1:b", 600)
        assert slot is not None
        assert slots.settle(slot, "complete", values[0], trial_number=number, params={"x": 0.5}, further=values[1:])
    text = words(read(client, "/studies/f"))
    assert "maximize accuracy against fewer parameters, sampler" in text
    assert "Trial accuracy parameters 2 0.9375 40.00 0 0.7500 10.00 " in text
    assert "maximize accuracy against fewer parameters" in words(read(client, "/"))


def test_every_link_of_the_pages_resolves(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    studies.create_or_resume(store, replace(searched, name=EVIL))
    settle_one(store, EVIL)
    seen, ahead = set[str](), ["/"]
    while ahead:
        path = ahead.pop()
        seen.add(path)
        links = {urlsplit(link).path for link in read_any(client, path)}
        ours = {
            link for link in links if link and not link.startswith("/dashboard") and not link.endswith("/dashboard")
        }
        ahead += sorted(ours - seen - set(ahead))
    assert {f"/studies/{segment(EVIL)}", f"/studies/{segment(EVIL)}/report", "/studies/a~2Fb"} <= seen


def settle_one(store: Storage, study: str) -> None:
    Slots(store).open(study, 1)
    settle(store, study, "complete", 0.5)


def read_any(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path, environ_overrides=WRITER)
    assert answer.status_code == 200, path
    assert "broken=1</script><script>" not in answer.text
    return re.findall(r'<a [^>]*href="([^"]*)"', answer.text)


def test_names_and_reasons_are_escaped_in_pages(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    studies.create_or_resume(store, replace(searched, name=EVIL))
    Slots(store).open(EVIL, 2)
    settle(store, EVIL, "failed", None, "<img src=x onerror=broken=1>")
    halting.stop(store, EVIL, by="<b>eve", why="<script>broken=1</script>")
    Roster(store).sign_on(Worker(name="<i>w", pid=1, host="<i>", refuses={EVIL: "<u>no"}), 60)
    try:
        for path in ("/", f"/studies/{segment(EVIL)}"):
            page = read(client, path, WRITER)
            assert {script.get("nonce") for script in page.scripts} == {"the-nonce"}
            assert EVIL in page.words
            assert "<script>broken=1</script>" in page.words
            assert not {"img", "b>eve", "i"} & {
                tag for tag in re.findall(r"<(\w+)", page.words) if tag not in page.words
            }
    finally:
        Roster(store).sign_off("<i>w")


def test_the_overview_lists_workers_with_their_running_trials(
    client: FlaskClient, store: Storage, searched: StudyRecord
) -> None:
    roster = Roster(store)
    roster.sign_on(Worker(name="host:7:1:b", pid=7, host="red", gpu="GPU-0123456789", gpu_name="H200"), 60)
    roster.sign_on(Worker(name="host:8:1:b", pid=8, host="blue", threads=3, refuses={"a/b": "other version"}), 60)
    roster.sign_on(Worker(name="host:9:1:b", pid=9, host="green", doing="waiting for a GPU"), -1)
    try:
        text = words(read(client, "/"))
        assert re.search(r"blue process 8, .* 3 threads .* nothing cannot serve a/b: other version", text)
        assert re.search(r"green process 9, .* waiting for a GPU silent", text)
        assert re.search(r"red process 7, .* H200 GPU-01234567… .* a/b", text)
        assert "of a run on one machine" not in text
        its = words(read(client, "/studies/a~2Fb"))
        assert "red" in its  # it is at it
        assert "other version" in its  # it would be
        assert "green" not in its
    finally:
        for record in roster.present():
            roster.sign_off(record.name)


def test_a_live_page_is_sent_only_changed_parts(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    for path in ("/live/overview", "/live/studies/a~2Fb"):
        first = client.get(path, environ_overrides=READER)
        assert first.status_code == 200
        assert first.json is not None
        assert first.json["wait"] == 2
        again = client.get(path, environ_overrides=READER, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        settle_more(store)
        later = client.get(path, environ_overrides=READER, headers={"If-None-Match": first.headers["ETag"]})
        assert later.status_code == 200
        assert later.json != first.json


def settle_more(store: Storage) -> None:
    target = Slots(store).counts("a/b").target
    Slots(store).open("a/b", target + 1)
    settle(store, "a/b", "complete", 0.25)


def test_the_live_parts_equal_those_of_the_whole_page(client: FlaskClient, searched: StudyRecord) -> None:
    for who in (READER, WRITER):
        for page, live in (("/", "/live/overview"), ("/studies/a~2Fb", "/live/studies/a~2Fb")):
            whole = client.get(page, environ_overrides=who).text
            told = client.get(live, environ_overrides=who).json
            assert told is not None
            assert list(told["parts"]) == re.findall(r'<section id="(\w+)">', whole)
            for name, html in told["parts"].items():
                assert f'<section id="{name}">{html}' in whole


def test_only_writers_see_stop_and_resume(client: FlaskClient, searched: StudyRecord) -> None:
    for path in ("/", "/studies/a~2Fb"):
        assert read(client, path, READER).forms == ["/logout"]
        assert "/studies/a~2Fb/stop" in read(client, path, WRITER).forms
        assert "the-token" in client.get(path, environ_overrides=WRITER).text


def test_readers_cannot_stop_or_resume_a_study(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    for what in ("stop", "resume"):
        before = studies.get(store, "a/b")
        for who in (READER, {}):
            answer = client.post(f"/studies/a~2Fb/{what}", environ_overrides=who)
            assert answer.status_code == 403
            assert studies.get(store, "a/b") == before
        halting.stop(store, "a/b", by="olga")


def test_a_writer_stops_and_resumes_a_study_by_form(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    answer = client.post("/studies/a~2Fb/stop", data={"why": "  too\nwarm "}, environ_overrides=WRITER)
    assert (answer.status_code, answer.location) == (303, "/studies/a~2Fb")
    record = studies.get(store, "a/b")
    assert (record.stopped_by, record.stopped_why) == ("anna", "too warm")
    assert Slots(store).counts("a/b").running == 1
    client.post("/studies/a~2Fb/stop", data={"now": "1"}, environ_overrides=WRITER)
    assert Slots(store).counts("a/b").running == 0
    answer = client.post("/studies/a~2Fb/resume", environ_overrides=WRITER, headers={"Accept": "application/json"})
    assert answer.json == {"done": True}
    assert studies.get(store, "a/b").stopped_at is None


def test_a_stop_is_visible_at_once_despite_the_page_cache(store: Storage, searched: StudyRecord) -> None:
    client = create(store, shared_seconds=3600).test_client()
    assert "running" in words(read(client, "/"))
    client.post("/studies/a~2Fb/stop", environ_overrides=WRITER)
    assert "a/b stopped" in words(read(client, "/"))
    assert "Stopped by anna" in words(read(client, "/studies/a~2Fb"))


def test_unknown_pages_are_404(client: FlaskClient) -> None:
    for path in ("/studies/none", "/studies/none/report", "/studies/none/dashboard", "/nowhere", "/studies/~FF"):
        answer = client.get(path, environ_overrides=READER)
        assert answer.status_code == 404
        assert "Not found" in Read(answer.text).words
    for path in ("/live/studies/none", "/live/x"):
        answer = client.get(path, environ_overrides=READER)
        assert answer.status_code == 404
        assert answer.json is not None
        assert list(answer.json) == ["reason"]


def test_changes_are_refused_for_get_requests(client: FlaskClient, searched: StudyRecord) -> None:
    answer = client.get("/studies/a~2Fb/stop", environ_overrides=WRITER)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert client.post("/studies/none/stop", environ_overrides=WRITER).status_code == 404
