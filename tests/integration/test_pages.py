"""Our pages as a browser's requests meet them, the door's word on who asks given by hand."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import optuna
import pytest
import toy
from flask.testing import FlaskClient
from optuna_dashboard import get_note, save_note
from prometheus_client.parser import text_string_to_metric_families

from hpo.search import digest
from hpo.service import studies
from hpo.service.hosts.roster import Roster, Worker
from hpo.service.storage import Storage
from hpo.service.storage.database import Storage as Opened
from hpo.service.storage.engine import connect
from hpo.service.storage.url import parse
from hpo.service.studies import StudyPlan, StudyRecord, halting, trials
from hpo.service.studies.slots import Slots
from hpo.web.door.user import CSRF, NONCE, USER, User
from hpo.web.pages import create
from hpo.web.pages.addresses import segment

WRITER = {USER: User(name="anna", may_write=True), CSRF: "the-token", NONCE: "the-nonce"}
READER = {USER: User(name="rita", may_write=False), CSRF: "", NONCE: "the-nonce"}
PROJECT = Path(__file__).parents[2]
EVIL = "</script><script>broken=1</script>/../a&b"


@pytest.fixture
def client(store: Storage) -> FlaskClient:
    """Whoever asks; one look at the database serves nobody else."""
    return create(store, shared_seconds=-1).test_client()


@pytest.fixture
def searched(store: Storage, plan: StudyPlan) -> StudyRecord:
    """A search that can be loaded: of 6 slots 2 complete, 1 infeasible, 1 failed, 1 in hand, 1 open."""
    record = studies.create_or_resume(store, replace(plan, **toys(), name="a/b"))
    slots = Slots(store)
    slots.open(record.name, 6, first=[{"x": 0.5, "kind": "a"}])
    for outcome, value, reason in (
        ("complete", 0.75, None),
        ("complete", 0.9375, None),
        ("pruned", None, "infeasible: too <high>"),
        ("failed", None, "ZeroDivisionError: no such luck"),
    ):
        settle(store, record.name, outcome, value, reason)
    slots.claim(record.name, "host:7:1:b", 600)
    return record


def toys() -> dict[str, str]:
    space = toy.study.space()
    return {
        "reference": f"{toy.FILE}:study",
        "definition": "toy",
        "space": space.name,
        "fingerprint": space.fingerprint,
    }


def settle(store: Storage, study: str, outcome: Any, value: float | None = None, reason: str | None = None) -> int:
    """Take a slot to its end; the number of its trial."""
    slots = Slots(store)
    slot = slots.claim(study, "host:7:1:b", 600)
    assert slot is not None
    trial = trials.create(store, studies.load(store, study), slot)
    toy.height(trial)
    slots.reserve(slot, digest(trial.params), params=trial.params, trial_number=trial.number)
    slots.settle(slot, outcome, value=value, reason=reason, trial_number=trial.number, params=trial.params)
    trials.tell(store, trial._trial_id, outcome, value)
    return trial.number


class Read(HTMLParser):
    """Text, links and forms of a page; fails where its elements do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.words += " "
        assert not {name for name in given if name.startswith("on") or name == "style"}
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "form":
            self.forms.append(given["action"] or "")
        if tag == "script":
            self.scripts.append(given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.words += " "

    def handle_data(self, data: str) -> None:
        self.words += data


def read(client: FlaskClient, path: str, who: dict[str, Any] = READER) -> Read:
    answer = client.get(path, environ_overrides=who)
    assert answer.status_code == 200
    return Read(answer.text)


def words(page: Read) -> str:
    return " ".join(page.words.split())


def test_the_overview_tells_how_each_study_stands(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    text = words(read(client, "/"))
    assert "a/b running" in text
    assert "4 of 6 settled" in text
    assert "2 complete 1 pruned 1 failed 1 running 1 open" in text
    assert "0.9375 accuracy" in text
    assert "feasible" in text
    assert "host:7" in text  # who is at it, though on no roster
    halting.stop(store, "a/b", by="olga", why="lunch")
    assert re.search(r"a/b stopped .* Stopped by olga, .* lunch", words(read(client, "/")))


def test_measurements_stand_under_their_search(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    studies.create_or_resume(store, replace(searched, name="a/b/race", kind="race", parent="a/b"))
    studies.create_or_resume(store, replace(searched, name="tables", kind="sweep"))
    text = words(read(client, "/"))
    assert text.index("a/b running") < text.index("race a/b/race") < text.index("Tables measured again")
    assert text.index("Tables measured again") < text.index("tables done")
    assert "race a/b/race" in words(read(client, "/studies/a~2Fb"))
    assert "race of a/b" in words(read(client, "/studies/a~2Fb~2Frace"))


def test_an_empty_storage_says_how_to_begin(client: FlaskClient) -> None:
    text = words(read(client, "/"))
    assert "There is no study yet" in text
    assert "hpo submit" in text


def test_the_page_of_a_study_tells_all_of_it(client: FlaskClient, searched: StudyRecord) -> None:
    text = words(read(client, "/studies/a~2Fb"))
    assert "best accuracy 0.9375 feasible, trial 1" in text
    assert "baseline middle 0.7500 complete, trial 0" in text
    assert re.search(r"x 0\.\d+ 0\.5 kind [ab] a", text)
    assert "1 trial failed ZeroDivisionError: no such luck" in text
    assert "hpo trial a/b 3" in text
    assert "1 trial pruned infeasible: too <high>" in text
    assert re.search(r"Trials that ended last .* 3 failed", text)
    assert "2 trials, in" not in text


def test_every_link_of_ours_leads_somewhere(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
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


def test_names_and_reasons_are_only_text(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
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


def test_the_roster_is_shown_with_what_each_has_in_hand(
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


def test_a_page_asks_again_only_for_what_is_new(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
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


def test_what_is_asked_for_again_is_what_the_page_was_made_of(client: FlaskClient, searched: StudyRecord) -> None:
    for who in (READER, WRITER):
        for page, live in (("/", "/live/overview"), ("/studies/a~2Fb", "/live/studies/a~2Fb")):
            whole = client.get(page, environ_overrides=who).text
            told = client.get(live, environ_overrides=who).json
            assert told is not None
            assert list(told["parts"]) == re.findall(r'<section id="(\w+)">', whole)
            for name, html in told["parts"].items():
                assert f'<section id="{name}">{html}' in whole


def test_only_who_may_write_is_offered_to_stop_and_resume(client: FlaskClient, searched: StudyRecord) -> None:
    for path in ("/", "/studies/a~2Fb"):
        assert read(client, path, READER).forms == ["/logout"]
        assert "/studies/a~2Fb/stop" in read(client, path, WRITER).forms
        assert "the-token" in client.get(path, environ_overrides=WRITER).text


def test_a_reader_changes_nothing(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    for what in ("stop", "resume"):
        before = studies.get(store, "a/b")
        for who in (READER, {}):
            answer = client.post(f"/studies/a~2Fb/{what}", environ_overrides=who)
            assert answer.status_code == 403
            assert studies.get(store, "a/b") == before
        halting.stop(store, "a/b", by="olga")


def test_stopping_and_resuming_by_a_form(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
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


def test_what_was_done_is_seen_at_once(store: Storage, searched: StudyRecord) -> None:
    client = create(store, shared_seconds=3600).test_client()
    assert "running" in words(read(client, "/"))
    client.post("/studies/a~2Fb/stop", environ_overrides=WRITER)
    assert "a/b stopped" in words(read(client, "/"))
    assert "Stopped by anna" in words(read(client, "/studies/a~2Fb"))


def test_what_is_not_there_is_not_found(client: FlaskClient) -> None:
    for path in ("/studies/none", "/studies/none/report", "/studies/none/dashboard", "/nowhere", "/studies/~FF"):
        answer = client.get(path, environ_overrides=READER)
        assert answer.status_code == 404
        assert "Not found" in Read(answer.text).words
    for path in ("/live/studies/none", "/live/x"):
        answer = client.get(path, environ_overrides=READER)
        assert answer.status_code == 404
        assert answer.json is not None
        assert list(answer.json) == ["error"]


def test_what_changes_things_is_no_link(client: FlaskClient, searched: StudyRecord) -> None:
    answer = client.get("/studies/a~2Fb/stop", environ_overrides=WRITER)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert client.post("/studies/none/stop", environ_overrides=WRITER).status_code == 404


def test_a_report_is_made_once_until_something_is_new(
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


def test_a_report_on_measurements_names_the_search(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    studies.create_or_resume(store, replace(searched, name="race", kind="race", parent="a/b"))
    answer = client.get("/studies/race/report", environ_overrides=READER)
    assert answer.status_code == 404
    assert "hpo report a/b" in Read(answer.text).words


def noted(store: Storage) -> str:
    store.forget()
    note: str = get_note(optuna.load_study(study_name="a/b", storage=store.optuna))
    return note


def test_optuna_dashboard_leads_back_and_keeps_what_people_write(
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


def test_on_the_way_to_optuna_dashboard_the_way_back_is_put_there(
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


def test_metrics_are_what_the_slots_say(client: FlaskClient, store: Storage, searched: StudyRecord) -> None:
    Roster(store).sign_on(Worker(name="host:7:1:b", pid=7, host="red", gpu="GPU-1", refuses={"x": "no"}), 60)
    studies.create_or_resume(store, replace(searched, name='half "\\\n'))
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


def test_a_database_that_is_away_is_said_to_be(away: FlaskClient) -> None:
    page = away.get("/", environ_overrides=READER)
    assert page.status_code == 503
    assert "no server answers there" in Read(page.text).words
    live = away.get("/live/overview", environ_overrides=READER)
    assert live.status_code == 503
    assert live.json is not None
    assert "no server answers there" in live.json["error"]
    assert away.get("/metrics").status_code == 503
    health = away.get("/healthz")
    assert (health.status_code, health.json) == (503, {"status": "the database does not answer"})
    assert not any("pass-word" in answer.text for answer in (page, live, health))


def test_who_only_wants_to_know_whether_it_is_well_is_told_nothing_else(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, json.loads(answer.data)) == (200, {"status": "ok"})


def test_what_pages_are_made_of_is_fetched_once(client: FlaskClient) -> None:
    for name in ("style.css", "live.js", "theme.js", "icon.svg"):
        first = client.get(f"/assets/{name}")
        assert first.status_code == 200
        assert not re.search(rb"https?://(?!www\.w3\.org)|@import|url\(", first.data)
        assert client.get(f"/assets/{name}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
