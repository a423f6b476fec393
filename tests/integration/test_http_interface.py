"""What programs are told over HTTP: the same as the command line tells, and why not in one line."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import DEFINITION, Programs, found_study, small_study

from hpo import storage
from hpo.cli.main import main
from hpo.search.job import Job
from hpo.storage import program_tokens, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting
from hpo.web.addresses import segment
from hpo.web.security import rate_limit, users
from hpo.web.security.rate_limit import TRIES
from hpo.web.security.users import Users

NAME = "by hand/1"
STUDY = f"/studies/{segment(NAME)}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one study, to be copied."""
    file = tmp_path_factory.mktemp("made") / "hpo.db"
    opened = storage.prepare(f"sqlite:///{file}")
    small_study(opened)
    opened.close()
    return file


@pytest.fixture
def programs(made: Path, tmp_path: Path) -> Iterator[Programs]:
    opened = storage.open(f"sqlite:///{shutil.copy(made, tmp_path)}")
    yield Programs(storage=opened)
    opened.close()


@pytest.fixture
def reader(programs: Programs) -> str:
    return programs.token("reader")


@pytest.fixture
def writer(programs: Programs) -> str:
    return programs.token("writer", budget=20)


def told(programs: Programs, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints: its document, or its error."""
    assert main([*words, "--storage", programs.storage.url]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def train(store: storage.Storage, name: str, better: dict[str, object]) -> None:
    """All that is open of a study that measures; the better configuration is better by 1 or a little more."""
    slots = Slots(store)
    while (slot := slots.claim(name, "me", 60)) is not None:
        job = Job.from_payload(slot.payload)
        gain = 1.0 + job.seed % 3 / 10 if dict(job.params) == better else 0.0
        assert slots.settle(slot, "complete", 3.0 + job.seed % 7 / 10 - gain, params=dict(job.params))


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/studies", ["status"]),
        (STUDY, ["status", NAME]),
        (f"{STUDY}/best", ["best", NAME]),
        (f"{STUDY}/trials/1", ["trial", NAME, "1"]),
    ],
)
def test_an_http_answer_equals_the_commands_json(
    programs: Programs, reader: str, capsys: pytest.CaptureFixture[str], path: str, command: list[str]
) -> None:
    answer = programs.ask(reader, "GET", path)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    given, printed = answer.json, json.loads(told(programs, capsys, *command, "--json"))
    for document in (given, printed):
        for one in document if isinstance(document, list) else [document]:
            one.pop("eta_seconds", None)  # it changes with time
            one.pop("eta_range", None)
    assert given == printed


def test_trials_over_http_are_paged_and_equal_the_export(
    programs: Programs, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = json.loads(told(programs, capsys, "export", NAME, "-o", "-", "--format", "json"))["trials"]
    first = programs.ask(reader, "GET", f"{STUDY}/trials?limit=2").json
    rest = programs.ask(reader, "GET", f"{STUDY}/trials?offset=2&limit=2").json
    assert (first["total"], first["offset"], rest["offset"]) == (3, 0, 2)
    assert first["trials"] + rest["trials"] == printed
    assert printed[0]["curve"] == [[1, None]]  # which was not finite
    assert programs.ask(reader, "GET", f"{STUDY}/trials?offset=3").json["trials"] == []


def test_a_definition_over_http_equals_hpo_show_and_only_installed_ones_load(
    programs: Programs, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert DEFINITION in programs.ask(reader, "GET", "/definitions").json
    assert main(["show", DEFINITION, "--json"]) == 0
    assert programs.ask(reader, "GET", f"/definitions/{DEFINITION}").json == json.loads(capsys.readouterr().out)
    for other in ("./evil.py:study", "os:path", "../fcnn", "studies.fcnn:study"):
        refused = programs.ask(reader, "GET", f"/definitions/{segment(other)}")
        assert refused.status_code == 404
        assert f"there is no definition {other!r} on this server" in refused.json["detail"]


def test_an_error_is_the_commands_line_as_problem_json(
    programs: Programs, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = programs.ask(reader, "GET", "/studies/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    line = told(programs, capsys, "status", "nothing", code=1).removeprefix("hpo: ").rstrip("\n")
    assert answer.json == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": line}


@pytest.mark.parametrize(
    "name", ["' OR 1=1 --", "../../etc/passwd", "a\u202eb", "名前", "%2e%2e", "~", "a\x00b", "\ud800"]
)
def test_any_study_name_is_one_path_segment(programs: Programs, reader: str, name: str) -> None:
    assert programs.ask(reader, "GET", f"/studies/{segment(name)}").status_code == 404
    if name.isprintable():
        small_study(programs.storage, name)
        assert programs.ask(reader, "GET", f"/studies/{segment(name)}").json["study"] == name


def test_a_search_is_submitted_within_the_budget(programs: Programs, writer: str) -> None:
    answer = programs.submit(writer, 8, "new")
    assert answer.status_code == 200
    assert (answer.json["study"], answer.json["added"], answer.json["state"]) == ("new", 8, "waiting")
    assert programs.submit(writer, 8, "new").json["added"] == 0  # asked for again it costs nothing
    climbing = {"definition": DEFINITION, "trials": 20, "name": "climbs"}
    refused = programs.ask(writer, "POST", "/studies", climbing)
    assert refused.status_code == 403
    assert "on all rungs together, and token 'writer' may open 12 more" in refused.json["detail"]
    assert studies.lookup(programs.storage, "climbs") is None
    climbs = programs.ask(writer, "POST", "/studies", {**climbing, "trials": 3}).json
    spent = next(token.spent for token in program_tokens.list_all(programs.storage) if token.name == "writer")
    assert spent == 8 + climbs["target"]  # promotions and confirmations are trained as well
    assert programs.submit(writer, 7, "new").status_code == 409  # there are more already


_WANTED = {"definition": DEFINITION, "trials": 1}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"definition": DEFINITION}, "trials is missing"),
        ({**_WANTED, "trials": 0}, "trials 0: input should be greater than or equal to 1"),
        ({**_WANTED, "trials": "1"}, "trials '1': input should be a valid integer"),
        ({**_WANTED, "trials": True}, "trials True: input should be a valid integer"),
        ({**_WANTED, "trials": 1.5}, "trials 1.5: input should be a valid integer"),
        ({**_WANTED, "objective": "os:system"}, "there is no 'objective' here: leave it out"),
        ({**_WANTED, "name": "x" * 513}, "name"),
        (b'{"definition": "fcnn", "trials": NaN}', "the body has NaN in it, which is no number of JSON"),
        (b'{"definition": "fcnn", "trials": 1e999}', "trials"),
        (b'{"definition": "fcnn", "trials": -Infinity}', "the body has -Infinity in it"),
        (b'{"definition": "fcnn", "trials": 1, "trials": 9}', "the body has 'trials' twice in one object"),
        (b'{"definition": "fcnn", "trials": 1' + b"0" * 5000 + b"}", "the body is no JSON document"),
        (b'{"definition": "\\ud800", "trials": 1}', "half a character"),
        (b"[1]", "the body must be a JSON object"),
        (b"\xff\xfe", "the body is no JSON document"),
    ],
)
def test_a_malformed_body_is_refused_in_one_line(programs: Programs, writer: str, body: object, detail: str) -> None:
    refused = programs.ask(writer, "POST", "/studies", body)
    assert refused.status_code == 400
    assert detail in refused.json["detail"]
    assert "\n" not in refused.json["detail"]
    assert [record.name for record in studies.list_all(programs.storage)] == [NAME]


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"definition": "./evil.py:study"}, "there is no definition './evil.py:study' on this server"),
        ({"definition": "os.path:join"}, "there is no definition 'os.path:join' on this server"),
        ({"space": "narrow"}, "has no space 'narrow'"),
        ({"fidelity": "slow"}, "has no fidelity 'slow'"),
        ({"name": "a\nb"}, "a name must have from 1 to 512 printable characters"),
    ],
)
def test_impossible_requests_are_refused_with_409_and_one_line(
    programs: Programs, writer: str, more: dict[str, str], detail: str
) -> None:
    refused = programs.ask(writer, "POST", "/studies", {**_WANTED, **more})
    assert refused.status_code == 409
    assert detail in refused.json["detail"]
    assert [record.name for record in studies.list_all(programs.storage)] == [NAME]


def test_a_study_of_a_file_cannot_be_continued_as_an_installed_definition(programs: Programs, writer: str) -> None:
    plan = studies.get(programs.storage, NAME)
    with programs.storage.write() as connection:
        connection.exec_driver_sql("UPDATE hpo_study SET reference = '/home/ada/fcnn.py:study'")
    refused = programs.submit(writer, 6, NAME, space=plan.space)
    assert refused.status_code == 409
    assert "is of another definition (/home/ada/fcnn.py:study), not of fcnn" in refused.json["detail"]
    assert studies.get(programs.storage, NAME).reference == "/home/ada/fcnn.py:study"


def test_a_study_is_stopped_resumed_and_extended_over_http(programs: Programs, writer: str) -> None:
    stopped = programs.ask(writer, "POST", f"{STUDY}/stop", {"why": "the data were wrong", "now": True})
    assert (stopped.json["state"], stopped.json["stopped_by"]) == ("stopped", "token writer")
    assert (stopped.json["stopped_why"], stopped.json["running"]) == ("the data were wrong", 0)
    more = programs.submit(writer, 7, NAME)
    assert (more.json["added"], more.json["state"]) == (2, "stopped")
    assert Slots(programs.storage).claim(NAME, "me", 60) is None
    assert programs.ask(writer, "POST", f"{STUDY}/resume").json["state"] == "waiting"
    assert programs.ask(writer, "POST", "/studies/nothing/stop").status_code == 404
    assert programs.ask(writer, "POST", "/studies/nothing/comparison").status_code == 404


@pytest.mark.thorough
def test_a_comparison_over_http_runs_in_stages_on_the_fleet_and_ends_in_a_verdict(programs: Programs) -> None:
    store, path = programs.storage, f"/studies/{segment('found')}/comparison"
    token = programs.token("judge", budget=60)
    better = found_study(store, "found")
    assert programs.ask(token, "GET", path).status_code == 404
    poor = programs.ask(programs.token("poor", budget=1), "POST", path, {"pairs": 4})
    assert poor.status_code == 403
    assert [record.kind for record in studies.list_all(store)] == ["search", "search"]  # nothing is left of it
    stages, opened = [], 0
    while (left := programs.ask(token, "POST", path, {"pairs": 4}).json)["state"] == "waiting":
        again = programs.ask(token, "POST", path, {"pairs": 4}).json
        assert again == {**left, "added": 0}
        stages.append((left["stage"], left["target"], left["settled"]))
        opened += left["added"]
        train(store, left["measured_in"], better)
    assert [stage for stage, *_ in stages] == ["race", "second heat", "final", "as reported"]
    assert all(settled == 0 for *_, settled in stages)
    assert [one.spent for one in program_tokens.list_all(store) if one.name == "judge"] == [opened]
    report = left["report"]
    assert (report["study"], report["pairs"], report["optimum"]["params"]) == ("found", 4, better)
    assert 1.0 <= report["difference"] <= 1.2
    assert programs.ask(token, "GET", path).json == report
    assert programs.ask(token, "POST", path, {"pairs": 0}).status_code == 400


def test_changes_need_a_token_with_write_scope(programs: Programs, reader: str, writer: str) -> None:
    changes = [("/studies", {"definition": DEFINITION, "trials": 1}), (f"{STUDY}/stop", {}), (f"{STUDY}/resume", None)]
    for path, body in changes:
        assert programs.ask(reader, "POST", path, body).status_code == 403
        nobody = programs.ask(None, "POST", path, body)
        assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hpo"')
    assert programs.ask(None, "GET", "/studies").status_code == 401
    assert programs.ask(writer, "GET", f"/studies?access_token={writer}").status_code == 400
    assert programs.ask(None, "GET", f"/studies?access_token={writer}").status_code == 401
    program_tokens.revoke(programs.storage, "writer")
    assert programs.ask(writer, "POST", f"{STUDY}/stop").status_code == 401
    halting.resume(programs.storage, NAME)
    assert not halting.resume(programs.storage, NAME)  # nobody had stopped it


def test_an_api_token_does_not_open_the_pages_for_people(programs: Programs, writer: str) -> None:
    from werkzeug.test import Client

    client, bearer = Client(programs.app), {"Authorization": f"Bearer {writer}"}
    assert client.get("/metrics", headers=bearer).status_code == 200
    for path in ("/", "/api/studies", f"/studies/{segment(NAME)}/report"):
        assert client.get(path, headers=bearer).status_code in (303, 401)
    assert client.post(f"/studies/{segment(NAME)}/stop", headers=bearer).status_code == 401


def test_a_login_cookie_does_not_open_the_http_api(tmp_path: Path, programs: Programs) -> None:
    from werkzeug.test import Client

    path = tmp_path / "users.json"
    users.add(path, "wanda", "writes with a feather", may_write=True)
    app = Programs(storage=programs.storage, users=Users(path)).app
    client = Client(app)
    page = client.get("/login").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"name": "wanda", "password": "writes with a feather", "csrf_token": token}
    assert client.post("/login", data=form).status_code == 303
    assert client.get("/api/v1/studies").status_code == 200
    shell = client.get("/dashboard", headers={"Accept": "text/html"}).text
    csrf = shell.split('data-token="')[1].split('"')[0]
    refused = client.post(f"/api/v1{STUDY}/stop", headers={"X-CSRF-Token": csrf}, json={})
    assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")
    assert client.post(f"/studies/{segment(NAME)}/stop", headers={"X-CSRF-Token": csrf}).status_code == 303


def test_unknown_tokens_are_rate_limited_and_known_ones_still_work(programs: Programs, reader: str) -> None:
    wrong = f"hpo_1_{'a' * 43}"
    assert [programs.ask(wrong, "GET", "/studies").status_code for _ in range(TRIES + 1)] == [401] * TRIES + [429]
    refused = programs.ask(wrong, "GET", "/studies")
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    assert programs.ask(reader, "GET", "/definitions").status_code == 200


def test_requests_of_each_token_are_rate_limited(
    programs: Programs, reader: str, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "REQUESTS", 5)
    programs = Programs(storage=programs.storage)
    codes = [programs.ask(reader, "GET", "/definitions").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    refused = programs.ask(reader, "GET", "/definitions")
    assert refused.json["detail"] == "more than 5 requests in 60 seconds"
    assert programs.ask(writer, "GET", "/definitions").status_code == 200


def test_unknown_methods_and_paths_are_problem_json(programs: Programs, writer: str) -> None:
    for method, path, code in [
        ("DELETE", STUDY, 405),
        ("PUT", "/studies", 405),
        ("OPTIONS", "/studies", 405),
        ("GET", "/nothing", 404),
        ("GET", "", 404),
        ("POST", f"{STUDY}/delete", 404),
        ("GET", f"{STUDY}/trials/-1", 404),
        ("GET", f"{STUDY}/trials/99999999999999999999", 404),
        ("GET", f"{STUDY}/trials/nan", 404),
    ]:
        answer = programs.ask(writer, method, path)
        assert (answer.status_code, answer.mimetype) == (code, "application/problem+json"), (method, path)
    assert programs.ask(writer, "GET", "/studies", Host="evil.example").status_code == 421
    foreign = programs.ask(writer, "POST", f"{STUDY}/stop", {}, Origin="https://evil.example")
    assert (foreign.status_code, foreign.mimetype) == (403, "application/problem+json")
    plain = programs.ask(writer, "POST", f"{STUDY}/stop", b"{}", Content_Type="text/plain")
    assert plain.status_code == 415
    large = programs.ask(writer, "POST", f"{STUDY}/stop", {"why": "x" * 9000})
    assert (large.status_code, large.json["detail"]) == (413, "a request of 8.8 KiB is too large: at most 8 KiB")


def test_an_unreachable_database_is_503_with_retry_after(programs: Programs, reader: str, tmp_path: Path) -> None:
    programs.storage.patience = 0.0
    programs.storage.close()
    for file in tmp_path.glob("hpo.db*"):
        file.rename(tmp_path / f"gone{file.name}")
    answer = programs.ask(reader, "GET", "/studies")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.mimetype == "application/problem+json"
