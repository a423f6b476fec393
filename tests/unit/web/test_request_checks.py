"""The checks that know nothing of users: names, origins, shapes of requests, headers."""

import json
import re
from typing import Any

import pytest
from flask import Flask, Response, request
from guarded import behind, guarded, small
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from hpo.errors import StorageError, UsageError
from hpo.storage import Storage
from hpo.web.application import mount
from hpo.web.security import hooks
from hpo.web.security.identity import nonce_of
from hpo.web.security.request_checks import (
    LARGEST_FILE,
    LARGEST_FORM,
    LARGEST_REQUEST,
    LIMIT,
    is_loopback,
    limit,
    names,
    refuse_foreign,
    refuse_malformed,
    refuse_what_is_no_json_object,
)
from hpo.web.security.users import Users


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]:8080", "localhost.", "hpo.example.org"]
)
def test_requests_for_own_host_names_are_served(host: str) -> None:
    client = behind(names("127.0.0.1", ["hpo.example.org"]).refuse_others)
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil.example@localhost",
        "localhost evil",
        "10.0.0.1",
        "localhost:1:2",
    ],
)
def test_requests_for_other_host_names_are_refused(host: str) -> None:
    answer = behind(names("127.0.0.1").refuse_others).get("/", headers={"Host": host})
    assert answer.status_code == 421


def test_served_on_all_interfaces_any_address_is_accepted_but_no_other_name() -> None:
    known = names("0.0.0.0")
    assert known.accept("10.0.0.1:8080")
    assert known.accept("[fe80::1]")
    assert not known.accept("evil.example")
    assert not known.accept("10.0.0.1.evil.example")


@pytest.mark.parametrize("name", ["", "http://x", "x:80", "a b", "x/y"])
def test_a_malformed_allowed_host_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="allowed-host"):
        names("127.0.0.1", [name])


def test_loopback_addresses_are_recognized() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("::")
    assert not is_loopback("")
    with pytest.raises(UsageError, match="no address"):
        is_loopback("256.0.0.1.2")


FOLLOWED = {"Origin": None, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
OURS = {"Host": "localhost:8080", "Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("method", "changes", "status"),
    [
        ("POST", {}, 200),
        ("POST", {"Sec-Fetch-Site": None}, 200),
        ("POST", {"Origin": None}, 200),
        ("POST", {"Origin": None, "Sec-Fetch-Site": None}, 200),  # a program: it has to know the token
        ("POST", {"Origin": "HTTP://LOCALHOST:8080"}, 200),
        ("POST", {"Origin": "http://localhost"}, 403),
        ("POST", {"Origin": "https://localhost:8080"}, 403),
        ("POST", {"Origin": "http://localhost:8080.evil.example"}, 403),
        ("POST", {"Origin": "http://localhost:8080@evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Origin": ""}, 403),
        ("POST", {"Origin": "http://localhost:8080/path"}, 403),
        ("POST", {"Origin": "http://localhost:99999"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
        ("GET", {"Origin": "https://evil.example"}, 403),
        ("GET", {"Origin": None, "Sec-Fetch-Site": "none"}, 200),
        ("GET", {"Origin": None, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
        ("GET", {"Origin": None, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", FOLLOWED, 200),
        ("GET", {**FOLLOWED, "Sec-Fetch-Dest": "iframe"}, 403),
        ("POST", FOLLOWED, 403),
        ("GET", {"Origin": None, "Sec-Fetch-Site": "invented"}, 403),
    ],
)
def test_requests_are_checked_for_same_origin(method: str, changes: dict[str, str | None], status: int) -> None:
    sent = {name: value for name, value in {**OURS, **changes}.items() if value is not None}
    client = behind(lambda: refuse_foreign(tls=False))
    assert client.open("/", method=method, headers=sent).status_code == status


def test_behind_tls_the_own_origin_is_https() -> None:
    client = behind(lambda: refuse_foreign(tls=True))
    host = {"Host": "hpo.example.org"}
    assert client.post("/", headers={**host, "Origin": "https://hpo.example.org"}).status_code == 200
    assert client.post("/", headers={**host, "Origin": "https://hpo.example.org:443"}).status_code == 200
    assert client.post("/", headers={**host, "Origin": "http://hpo.example.org"}).status_code == 403
    without = behind(lambda: refuse_foreign(tls=False)).post("/", headers={**host, "Origin": "https://hpo.example.org"})
    assert "--behind-tls" in without.text


@pytest.mark.thorough
@given(st.text(st.characters(codec="latin-1"), max_size=30))
def test_served_paths_are_unambiguous(path: str) -> None:
    with Flask("none").request_context({"REQUEST_METHOD": "GET", "PATH_INFO": path, **SERVER}):
        if refuse_malformed(of_writer) is not None:
            return
    text = path.encode("latin-1").decode()  # which it is
    assert text.startswith("/")
    assert text.isprintable()
    segments = text.split("/")
    assert ".." not in segments
    assert "" not in segments[1:-1]


SERVER = {"SERVER_NAME": "", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}


def of_writer(environ: dict[str, Any]) -> int:
    return limit(environ["PATH_INFO"], writes=True)


@pytest.mark.parametrize("path", ["/", "/dashboard/", "/studies/~2E~2E", "/studies/größe", "/a.b/..c"])
def test_well_formed_paths_are_served(path: str) -> None:
    assert behind(lambda: refuse_malformed(of_writer)).get(path).status_code == 200


def test_request_bodies_over_the_limit_are_refused() -> None:
    client = behind(lambda: refuse_malformed(of_writer))
    assert client.post("/api/x", data=b"x" * LARGEST_REQUEST).status_code == 200
    assert client.post("/api/x", data=b"x" * (LARGEST_REQUEST + 1)).status_code == 413
    assert client.post("/api/artifacts/1", data=b"x" * (LARGEST_REQUEST + 1)).status_code == 200
    too_much = client.post("/api/artifacts/1", environ_overrides={"CONTENT_LENGTH": str(LARGEST_FILE + 1)})
    assert "at most 32 MiB" in json.loads(too_much.text)["reason"]
    for path in ("/", "/healthz", "/login", "/api/artifacts/1"):
        stranger = client.post(
            path, data=b"x" * (LARGEST_FORM + 1), environ_overrides={LIMIT: limit(path, writes=False)}
        )
        assert stranger.status_code == 413
        assert "at most 8 KiB of who" in stranger.json["reason"]
    assert client.post("/login", data=b"x" * (LARGEST_FORM + 1)).status_code == 413
    for length in ("-1", "1e3", "٣", "+5"):
        environ = {"CONTENT_LENGTH": length}
        assert client.post("/api/x", environ_overrides=environ).status_code == 400, length


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "", 200),
        (b"{}", "application/json", 200),
        (b'{"a": 1}', "application/json; charset=utf-8", 200),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"[]", "application/json", 400),
        (b'"a"', "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a": ' + b"[" * 49 + b"]" * 49 + b"}", "application/json", 200),
        (b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", "application/json", 400),
        (b'{"a": ' * 50_000 + b"1" + b"}" * 50_000, "application/json", 400),
        (b'{"a": "\\ud83d\\ude00"}', "application/json", 200),
        (b'{"a": "\\ud83d"}', "application/json", 400),
        (b'{"\\ude00": 1}', "application/json", 400),
    ],
)
def test_a_change_to_the_api_is_a_json_object(body: bytes, kind: str, status: int) -> None:
    client = behind(refuse_what_is_no_json_object, lambda: request.get_data())
    answer = client.put("/api/x", data=body, content_type=kind)
    assert answer.status_code == status
    if status == 200:
        assert answer.data == body  # it can still be read behind


def test_every_answer_carries_the_headers(store: Storage) -> None:
    client = guarded(store, Users(required=False))
    for host, path in (("localhost", "/"), ("evil.example", "/"), ("localhost", "/..")):
        answered = client.get(path, headers={"Host": host}).headers
        assert answered["X-Content-Type-Options"] == "nosniff"
        assert answered["X-Frame-Options"] == "DENY"
        assert answered["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answered["Content-Security-Policy"]
        assert answered["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answered


def secured(kind: str, given: dict[str, str] | None = None, *, tls: bool = False) -> Client:
    app = small(lambda: Response(nonce_of(request.environ), mimetype=kind, headers=given))
    app.before_request(hooks.draw_nonce)
    app.after_request(lambda response: hooks.add_headers(response, tls=tls))
    return Client(app)


def test_pages_run_scripts_with_this_answer_s_nonce_alone() -> None:
    client = secured("text/html", tls=True)
    first, second = client.get("/"), client.get("/")
    assert first.text != second.text
    for answer in (first, second):
        assert f"script-src 'nonce-{answer.text}';" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" in answer.headers


def test_data_responses_are_sandboxed_and_without_cors() -> None:
    cors = {"Access-Control-Allow-Origin": "*", "access-control-allow-credentials": "true", "Server": "x"}
    answered = secured("application/json", cors).get("/").headers
    assert "sandbox" in answered["Content-Security-Policy"]
    assert not [name for name in answered.keys() if name.lower().startswith("access-control")]  # noqa: SIM118
    assert "Server" not in answered


def test_a_policy_of_a_page_s_own_is_kept_and_ours_added() -> None:
    own = {"Content-Security-Policy": "default-src 'self'"}
    policies = secured("text/html", own).get("/").headers.getlist("Content-Security-Policy")
    assert policies[0] == "default-src 'self'"
    assert "frame-ancestors 'none'" in policies[1]


def test_responses_with_an_etag_are_cached_but_pages_are_not() -> None:
    tag = {"ETag": '"1"'}
    assert secured("text/css", tag).get("/").headers["Cache-Control"] == "private, no-cache"
    assert secured("text/html", tag).get("/").headers["Cache-Control"] == "no-store"


def test_without_users_everybody_may_read_and_nobody_may_write(store: Storage) -> None:
    client = guarded(store, Users(required=False))
    assert client.get("/").text.startswith(" False ")
    refused = client.post("/studies/x/stop", headers={"X-CSRF-Token": ""})
    assert refused.status_code == 403
    assert "adduser" in refused.json["reason"]


@pytest.mark.parametrize(("error", "status"), [(StorageError("away"), 503), (ValueError("secret"), 500)])
def test_errors_in_optuna_dashboard_are_shown_only_in_the_log(
    error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    def inner(*_: object) -> Any:
        raise error

    app = Flask("none")
    mount(app, inner)
    answer = Client(app).get("/api/studies")
    assert answer.status_code == status
    assert str(error) not in answer.text
    assert str(error) in caplog.text


def test_a_line_in_the_log_is_one_line_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "hpo.web")
    app = small(lambda: "served")
    app.before_request(hooks.begin)
    app.after_request(hooks.log_request)
    Client(app).get("/a%0d%0aGET /forged", query_string="password=x")
    (record,) = [record for record in caplog.records if record.name == "hpo.web"]
    assert not re.search(r"[\r\n]|password", record.getMessage())
