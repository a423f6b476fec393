"""Logging in: sessions and their ends, limits on tries, cookies, where one goes afterwards."""

import base64
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from guarded import guarded
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from hpo import storage
from hpo.storage import Storage
from hpo.web.security import users
from hpo.web.security.hooks import Access, protect
from hpo.web.security.login import local
from hpo.web.security.rate_limit import TRIES, TRIES_SECONDS, USER_SECONDS, USER_TRIES
from hpo.web.security.request_checks import names
from hpo.web.security.sessions import IDLE_SECONDS, SESSION_SECONDS
from hpo.web.security.users import Account, Users, add, known_users, remove

PASSWORD = "correct horse battery"
HASH = users.hashed("right")
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
ADA = Users(besides=Account(name="ada", password=HASH, may_write=True))


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def client(store: Storage, monkeypatch: pytest.MonkeyPatch) -> Client:
    # The hash is checked for real in test_users; here that would take most of the time.
    monkeypatch.setattr(users, "matches", lambda kept, password: kept is not None and password == "right")
    return guarded(store, ADA)


def token_of(client: Client, **options: Any) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login", headers=PAGE, **options).text)
    assert found is not None
    return found[1]


def log_in(client: Client, name: str = "ada", password: str = "right", to: str = "/", **options: Any) -> TestResponse:
    form = {"name": name, "password": password, "csrf_token": token_of(client), "next": to}
    return client.post("/login", data=form, headers=PAGE, **options)


def other(client: Client) -> Client:
    """Another browser at the same server."""
    return Client(client.application)


def moved(client: Client, to: Client) -> Client:
    """The same browser at another server of the same name."""
    for cookie in client._cookies.values():  # type: ignore[union-attr]
        to.set_cookie(cookie.key, cookie.value)
    return to


def test_changes_to_the_users_take_effect_at_once(store: Storage, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    client = guarded(store, Users(file, required=False))
    assert client.get("/").text.startswith(" False ")  # nobody in particular, who may change nothing
    assert client.get("/login").status_code == 404
    add(file, "ada", PASSWORD, may_write=True)
    assert client.get("/", headers=PAGE).headers["Location"] == "/login"
    assert log_in(client, password=PASSWORD).status_code == 303
    assert client.get("/").text.startswith("ada True ")
    add(file, "ada", f"{PASSWORD} again", may_write=False)
    assert client.get("/").status_code == 401
    assert log_in(client, password=PASSWORD).status_code == 401
    assert log_in(client, password=f"{PASSWORD} again").status_code == 303
    assert client.get("/").text.startswith("ada False ")
    remove(file, "ada")
    assert client.get("/").text.startswith(" False ")


def test_an_unreadable_users_file_lets_nobody_in_and_keeps_the_server_running(store: Storage, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text("garbled")
    client = guarded(store, Users(file, required=False))
    assert client.get("/healthz").status_code == 200
    answer = client.get("/")
    assert answer.status_code == 503
    assert "users.json" not in answer.text
    assert client.post("/", data=b"x" * 10_000).status_code == 413  # whoever sends it is nobody


def test_a_browser_is_redirected_to_the_login_and_back(client: Client) -> None:
    first = client.get("/studies/a b?x=1", headers=PAGE)
    assert first.status_code == 303
    assert first.headers["Location"] == "/login?next=/studies/a%2520b%3Fx%3D1"
    page = client.get(first.headers["Location"], headers=PAGE)
    to = re.search(r'name="next" value="([^"]+)"', page.text)
    assert to is not None
    done = log_in(client, to=to[1])
    assert (done.status_code, done.headers["Location"]) == (303, "/studies/a%20b?x=1")
    assert client.get("/").text.startswith("ada True ")
    assert client.get("/login?next=/studies/x", headers=PAGE).headers["Location"] == "/studies/x"


def test_a_program_without_login_gets_401_with_the_reason(client: Client) -> None:
    answer = client.get("/api/studies", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert "/login" in answer.json["reason"]
    assert client.post("/studies/x/stop", headers=PAGE).status_code == 401


def test_a_link_from_another_site_keeps_the_session(client: Client) -> None:
    # A browser keeps a strict cookie back at first: the page asks for itself again, and then it comes.
    followed = {**PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    answer = client.get("/studies/x", headers=followed)
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    assert client.get("/studies/x", headers={**PAGE, "Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_only_the_health_check_needs_no_login(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.post("/healthz").status_code == 403
    assert client.get("/healthz/x").status_code == 401


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(client: Client) -> None:
    wrong, nobody = log_in(client, password="wrong"), log_in(client, name="eve")
    assert wrong.status_code == nobody.status_code == 401
    assert client.get("/").status_code == 401
    assert log_in(client, name='"><script>', password="wrong").text.count("<script>") == 0


def test_a_change_needs_the_csrf_token(client: Client) -> None:
    log_in(client)
    token = client.get("/").text.split()[2]
    assert client.post("/x").status_code == 403
    assert client.post("/x", headers={"X-CSRF-Token": token[:-1]}).status_code == 403
    assert client.post("/x", headers={"X-CSRF-Token": token}).status_code == 200
    assert client.post("/x", data={"csrf_token": token}).status_code == 200
    assert client.post("/x", data={"csrf_token": token[::-1]}).status_code == 403
    assert client.post(f"/x?csrf_token={token}").status_code == 403  # addresses stand in logs
    another = other(client)
    log_in(another)
    assert another.post("/x", headers={"X-CSRF-Token": token}).status_code == 403  # of another session


def test_a_session_ends_when_idle_or_too_old(client: Client, clock: Clock) -> None:
    log_in(client)
    clock.now += IDLE_SECONDS - 1
    assert client.get("/").status_code == 200
    clock.now += IDLE_SECONDS + 1
    assert client.get("/").status_code == 401
    log_in(client)
    began = clock.now
    while clock.now - began < SESSION_SECONDS - IDLE_SECONDS / 2:
        assert client.get("/").status_code == 200
        clock.now += IDLE_SECONDS / 2
    clock.now = began + SESSION_SECONDS + 1
    assert client.get("/").status_code == 401


def test_login_and_logout_hold_for_every_dashboard_of_the_database(client: Client, store: Storage) -> None:
    log_in(client)
    elsewhere = moved(client, guarded(store, ADA))
    assert elsewhere.get("/").text.startswith("ada True ")
    token = elsewhere.get("/").text.split()[2]
    assert elsewhere.post("/logout", headers={"X-CSRF-Token": token}).status_code == 303
    assert client.get("/").status_code == 401
    assert moved(client, guarded(store, ADA)).get("/").status_code == 401  # nor after a restart


def test_a_login_does_not_hold_for_a_dashboard_of_another_database(client: Client, tmp_path: Path) -> None:
    log_in(client)
    foreign = storage.prepare(f"sqlite:///{tmp_path / 'other.db'}")
    assert moved(client, guarded(foreign, ADA)).get("/").status_code == 401
    foreign.close()


@pytest.mark.thorough
def test_without_its_database_nobody_can_log_in_and_only_the_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(users, "matches", lambda *_: True)
    opened = storage.prepare(f"sqlite:///{tmp_path / 'away.db'}")
    opened.patience = 0.0
    client = guarded(opened, ADA)
    assert log_in(client).status_code == 303
    for file in tmp_path.glob("away.db*"):
        file.unlink()
    for headers in ({}, PAGE):
        answer = client.get("/", headers=headers)
        assert answer.status_code == 503
        assert "away.db" not in answer.text
    assert "away.db" in caplog.text
    assert client.get("/healthz").status_code == 200
    opened.close()


def test_a_session_cannot_be_forged_from_the_signing_key_and_database(client: Client, store: Storage) -> None:
    # Whoever can read the key can sign, but does not know the hash of a password.
    app = Flask("forger")
    app.secret_key = client.application.secret_key
    signer = app.session_interface.get_signing_serializer(app)
    assert signer is not None
    now = int(time.time())
    for user in ("ada", "ada ", f"ada {HASH}"):
        forged = signer.dumps({"_user_id": user, "id": "0" * 32, "began": now, "_fresh": True})
        client.set_cookie("hpo_session", forged)
        assert client.get("/").status_code == 401


def test_the_user_of_the_environment_stays_logged_in_over_a_restart(
    store: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_DASHBOARD_USER", "eve")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HPO_DASHBOARD_PASSWORD", PASSWORD)
    client = guarded(store, known_users("127.0.0.1"))
    assert log_in(client, "eve", PASSWORD).status_code == 303
    assert moved(client, guarded(store, known_users("127.0.0.1"))).get("/").text.startswith("eve True ")
    monkeypatch.setenv("HPO_DASHBOARD_PASSWORD", f"{PASSWORD} again")
    assert moved(client, guarded(store, known_users("127.0.0.1"))).get("/").status_code == 401


def test_cookies_are_http_only_strict_and_host_bound(client: Client, store: Storage) -> None:
    cookies = log_in(client).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"hpo_session", "hpo_known"}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Secure" not in cookie
    page = guarded(store, ADA, tls=True).get("/login", headers=PAGE)
    assert page.headers["Set-Cookie"].startswith("__Host-hpo_session=")
    assert "Secure" in page.headers["Set-Cookie"]
    page = guarded(store, ADA).get("/login", headers=PAGE, base_url="http://localhost:8080")
    assert page.headers["Set-Cookie"].startswith("hpo_session_8080=")


def test_login_attempts_of_one_address_are_rate_limited(client: Client, clock: Clock) -> None:
    answers = [log_in(client, password="wrong").status_code for _ in range(TRIES + 2)]
    assert answers == [401] * TRIES + [429] * 2
    refused = log_in(client)
    assert refused.status_code == 429
    assert "Too many tries" in refused.text
    assert 0 < int(refused.headers["Retry-After"]) <= TRIES_SECONDS + 2
    clock.now += TRIES_SECONDS + 1
    assert log_in(client).status_code == 303


@pytest.mark.thorough
def test_a_correct_password_does_not_count_as_a_failed_attempt(client: Client) -> None:
    answers = [log_in(other(client)).status_code for _ in range(TRIES + 2)]
    assert answers == [303] * (TRIES + 2)


def from_address(address: str) -> dict[str, Any]:
    return {"environ_overrides": {"REMOTE_ADDR": address}}


@pytest.mark.thorough
def test_attackers_from_many_addresses_cannot_lock_out_a_trusted_browser(client: Client, clock: Clock) -> None:
    log_in(client)
    client.delete_cookie("hpo_session")
    stranger = other(client)
    tried = [log_in(stranger, password="wrong", **from_address(f"10.0.{n}.1")).status_code for n in range(USER_TRIES)]
    assert tried == [401] * USER_TRIES
    assert log_in(other(client), **from_address("10.1.0.1")).status_code == 429
    assert log_in(client, **from_address("10.1.0.2")).status_code == 303
    clock.now += USER_SECONDS + 1
    assert log_in(other(client), **from_address("10.1.0.1")).status_code == 303


@pytest.mark.thorough
def test_login_attempts_of_a_trusted_browser_are_rate_limited(client: Client) -> None:
    log_in(client)
    client.delete_cookie("hpo_session")
    answers = [log_in(client, password="wrong").status_code for _ in range(TRIES + 1)]
    assert answers == [401] * TRIES + [429]
    assert log_in(other(client)).status_code == 303  # which were not those of its address


@pytest.mark.thorough
def test_a_trusted_browser_cookie_is_for_one_user_and_cannot_be_forged(client: Client, tmp_path: Path) -> None:
    from hpo.web.security.rate_limit import _signer

    with client.application.app_context():
        bobs, adas = (_signer().dumps([name, "x"]) for name in ("bob", "ada"))
    foreign = Flask("foreign")
    foreign.config["SECRET_KEY"] = "another"
    with foreign.app_context():
        foreigns = _signer().dumps(["ada", "x"])
    for number in range(USER_TRIES):
        assert log_in(client, password="wrong", **from_address(f"10.0.{number}.1")).status_code == 401
    for known in ("", "made-up", "WyJhZGEiLCJ4Il0.made-up", bobs, foreigns):
        client.set_cookie("hpo_known", known)
        assert log_in(client, **from_address("10.1.0.1")).status_code == 429
    client.set_cookie("hpo_known", adas)
    assert log_in(client, **from_address("10.2.0.1")).status_code == 303


@pytest.mark.thorough
def test_ipv6_addresses_of_one_network_share_a_rate_limit(client: Client) -> None:
    answers = [
        log_in(client, f"user{n}", "wrong", **from_address(f"2001:db8::{n:x}")).status_code for n in range(1, TRIES + 2)
    ]
    assert answers == [401] * TRIES + [429]


@given(st.text(max_size=40))
def test_the_login_redirects_only_within_the_site(to: str) -> None:
    found = local(to)
    assert found == "/" or found == to
    split = urlsplit(found)
    assert not split.netloc
    assert not split.scheme
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))
    assert found.isprintable()


@pytest.mark.parametrize(
    "to", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "/logout", ""]
)
def test_redirects_to_other_sites_are_replaced_by_the_front_page(to: str) -> None:
    assert local(to) == "/"


@pytest.mark.thorough
def test_a_program_reads_the_metrics_by_password(client: Client) -> None:
    def ask(words: str, path: str = "/metrics") -> TestResponse:
        return client.get(path, headers={"Authorization": "Basic " + base64.b64encode(words.encode()).decode()})

    assert ask("ada:right").text.startswith("ada False")
    assert ask("ada:right", "/api/studies").status_code == 401
    assert ask("ada:wrong").status_code == 401
    assert "Basic" in client.get("/metrics").headers["WWW-Authenticate"]
    assert client.get("/metrics", headers={"Authorization": "Basic !"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401
    for _ in range(TRIES):
        ask("ada:wrong")
    refused = ask("ada:right")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert log_in(client).status_code == 429  # they are the same tries as the page's


def test_login_and_logout_accept_only_post(store: Storage) -> None:
    app = Flask("none")
    protect(app, store, Access(names=names("127.0.0.1"), users=ADA))
    client = Client(app)
    assert client.put("/login").status_code == 405
    assert client.get("/logout").status_code == 405
    assert client.post("/login", data=b"\xff=\xff", content_type="application/x-www-form-urlencoded").status_code == 403
    assert client.post("/logout").headers["Location"] == "/login"
