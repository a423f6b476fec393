"""Logging in: sessions and their ends, limits on tries, cookies, where one goes afterwards."""

import base64
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from hpo.errors import UsageError
from hpo.web.door import passwords
from hpo.web.door.changes import Changes
from hpo.web.door.limits import Allowance
from hpo.web.door.login import Login, local
from hpo.web.door.sessions import IDLE_SECONDS, MOST, SESSION_SECONDS, Sessions
from hpo.web.door.tries import ADDRESS_EVERY, ADDRESS_TRIES, USER_TRIES, Tries
from hpo.web.door.user import csrf_of, user_of
from hpo.web.door.users import Account, Users, add, remove

PASSWORD = "correct horse battery"
HASH = passwords.hashed("right")
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def behind(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{user_of(environ).name} {user_of(environ).may_write} {csrf_of(environ)}".encode()]


@pytest.fixture
def client(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    # The hash is checked for real in test_users_file; here that would take most of the time.
    monkeypatch.setattr(passwords, "matches", lambda kept, password: kept is not None and password == "right")
    writer = Account(name="ada", password=HASH, may_write=True)
    return make(Users(besides=writer), clock)


def make(users: Users, clock: Clock, *, tls: bool = False) -> Client:
    return Client(Login(Changes(behind), users, tls=tls, sessions=Sessions(clock), tries=Tries(clock)))


def log_in(client: Client, name: str = "ada", password: str = "right", to: str = "/", **options: Any) -> TestResponse:
    page = client.get("/login", headers=PAGE).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    form = {"name": name, "password": password, "csrf_token": found[1], "next": to}
    return client.post("/login", data=form, headers=PAGE, **options)


def test_what_becomes_of_the_users_counts_at_once(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    client = make(Users(file, required=False), clock)
    assert client.get("/").text == " False "  # nobody in particular, who may change nothing
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
    assert client.get("/").text == " False "


def test_users_that_cannot_be_read_let_nobody_in_and_are_no_reason_to_restart(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text("garbled")
    client = make(Users(file, required=False), clock)
    assert client.get("/healthz").status_code == 200
    with pytest.raises(UsageError, match="no file of users"):
        client.get("/")


def test_a_person_goes_to_the_login_and_back(client: Client) -> None:
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


def test_a_program_is_told(client: Client) -> None:
    answer = client.get("/api/studies", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert "/login" in answer.json["reason"]
    assert client.post("/studies/x/stop", headers=PAGE).status_code == 401


def test_who_follows_a_link_elsewhere_keeps_the_session(client: Client) -> None:
    # A browser keeps a strict cookie back at first: the page asks for itself again, and then it comes.
    answer = Client(client.application).get("/studies/x", headers={**PAGE, "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    again = Client(client.application).get("/studies/x", headers={**PAGE, "Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 303


def test_only_the_health_is_told_to_everybody(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.post("/healthz").status_code == 403
    assert client.get("/healthz/x").status_code == 401


def test_a_wrong_password_is_not_told_from_a_wrong_name(client: Client) -> None:
    wrong, nobody = log_in(client, password="wrong"), log_in(client, name="eve")
    assert wrong.status_code == nobody.status_code == 401
    assert client.get("/").status_code == 401
    assert log_in(client, name='"><script>', password="wrong").text.count("<script>") == 0


def test_a_change_takes_the_token(client: Client) -> None:
    log_in(client)
    token = client.get("/").text.split()[2]
    assert client.post("/x").status_code == 403
    assert client.post("/x", headers={"X-CSRF-Token": token[:-1]}).status_code == 403
    assert client.post("/x", headers={"X-CSRF-Token": token}).status_code == 200
    assert client.post("/x", data={"csrf_token": token}).status_code == 200
    assert client.post("/x", data={"csrf_token": token[::-1]}).status_code == 403
    assert client.post(f"/x?csrf_token={token}").status_code == 403  # addresses stand in logs
    other = Client(client.application)
    log_in(other)
    assert other.post("/x", headers={"X-CSRF-Token": token}).status_code == 403  # of another session


def test_a_session_ends_with_time(client: Client, clock: Clock) -> None:
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
    clock.now = began + SESSION_SECONDS
    assert client.get("/").status_code == 401


def test_a_user_has_so_many_sessions_and_no_more(clock: Clock) -> None:
    sessions = Sessions(clock)
    held = [sessions.begin("ada", HASH) for _ in range(MOST + 5)]
    other = sessions.begin("bob", HASH)
    alive = [one for one in held if sessions.find(one) is not None]
    assert alive == held[-MOST:]
    assert sessions.find(other) is not None
    clock.now += SESSION_SECONDS
    sessions.begin("bob", HASH)
    assert len(sessions) == 1


def test_cookies_are_out_of_reach(client: Client, clock: Clock) -> None:
    cookies = log_in(client).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"hpo_session", "hpo_known", "hpo_form"}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Secure" not in cookie
    users = Users(besides=Account(name="ada", password=HASH, may_write=True))
    page = make(users, clock, tls=True).get("/login", headers=PAGE)
    assert page.headers["Set-Cookie"].startswith("__Host-hpo_form=")
    assert "Secure" in page.headers["Set-Cookie"]
    page = make(users, clock).get("/login", headers=PAGE, base_url="http://localhost:8080")
    assert page.headers["Set-Cookie"].startswith("hpo_form_8080=")


def test_tries_of_one_address_run_out_and_come_back(client: Client, clock: Clock) -> None:
    answers = [log_in(client, password="wrong").status_code for _ in range(ADDRESS_TRIES + 2)]
    assert answers == [401] * ADDRESS_TRIES + [429] * 2
    refused = log_in(client)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= ADDRESS_EVERY + 1
    clock.now += ADDRESS_EVERY
    assert log_in(client).status_code == 303
    assert log_in(Client(client.application), password="wrong").status_code == 401  # the right one was given back


def test_many_addresses_cannot_lock_out_a_browser_that_is_known(client: Client) -> None:
    log_in(client)
    client.delete_cookie("hpo_session")
    stranger = Client(client.application)
    answers = [
        log_in(stranger, password="wrong", environ_overrides={"REMOTE_ADDR": f"10.0.{n}.1"}).status_code
        for n in range(USER_TRIES + 1)
    ]
    assert answers == [401] * USER_TRIES + [429]
    assert log_in(Client(client.application), environ_overrides={"REMOTE_ADDR": "10.1.0.1"}).status_code == 429
    assert log_in(client, environ_overrides={"REMOTE_ADDR": "10.1.0.2"}).status_code == 303


def test_a_known_browser_s_tries_run_out_too(clock: Clock) -> None:
    tries = Tries(clock)
    known = tries.token("ada")
    waits = [tries.take("10.0.0.1", "ada", known) for _ in range(ADDRESS_TRIES + 1)]
    assert [wait > 0 for wait in waits] == [False] * ADDRESS_TRIES + [True]
    assert tries.take("10.0.0.1", "ada", None) == 0  # which are not those of its address


def test_a_known_browser_is_known_for_its_user_alone_and_cannot_be_made_up(clock: Clock) -> None:
    tries = Tries(clock)
    for number in range(USER_TRIES):
        assert not tries.take(f"10.0.{number}.1", "ada", None)
    for known in (None, "", "made-up", "WyJhZGEiLCJ4Il0.made-up", tries.token("bob"), Tries(clock).token("ada")):
        assert tries.take("10.1.0.1", "ada", known) > 0
    assert not tries.take("10.2.0.1", "ada", tries.token("ada"))


def test_a_household_s_ipv6_addresses_count_as_one(clock: Clock) -> None:
    tries = Tries(clock)
    waits = [tries.take(f"2001:db8::{n:x}", f"user{n}", None) for n in range(1, ADDRESS_TRIES + 2)]
    assert [wait > 0 for wait in waits] == [False] * ADDRESS_TRIES + [True]


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("ab")), max_size=60), st.integers(1, 5), st.floats(1, 50))
def test_nobody_gets_more_tries_than_time_gives(steps: list[tuple[float, str]], burst: int, every: float) -> None:
    clock = Clock()
    allowance = Allowance(burst=burst, every=every, clock=clock)
    began, taken = clock.now, {"a": 0, "b": 0}
    for pause, key in steps:
        clock.now += pause
        wait = allowance.take(key)
        if not wait:
            taken[key] += 1
        assert taken[key] <= burst + (clock.now - began) / every + 1e-6
        if wait:
            assert wait <= every
            clock.now += wait + 1e-3
            assert allowance.take(key) == 0
            taken[key] += 1


def test_it_remembers_so_many_and_no_more(clock: Clock) -> None:
    allowance = Allowance(burst=1, every=1e9, most=100, clock=clock)
    assert all(allowance.take(n) == 0 for n in range(1000))
    assert allowance.take(999) > 0
    assert allowance.take(0) == 0  # forgotten


@given(st.text(max_size=40))
def test_after_the_login_one_stays_here(to: str) -> None:
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
def test_never_elsewhere(to: str) -> None:
    assert local(to) == "/"


def test_a_program_reads_the_metrics_by_password(client: Client) -> None:
    def ask(words: str, path: str = "/metrics") -> TestResponse:
        return client.get(path, headers={"Authorization": "Basic " + base64.b64encode(words.encode()).decode()})

    assert ask("ada:right").text.startswith("ada False")
    assert ask("ada:right", "/api/studies").status_code == 401
    assert ask("ada:wrong").status_code == 401
    assert "Basic" in client.get("/metrics").headers["WWW-Authenticate"]
    assert client.get("/metrics", headers={"Authorization": "Basic !"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401
    for _ in range(ADDRESS_TRIES):
        ask("ada:wrong")
    assert ask("ada:right").status_code == 429


def test_a_login_is_a_post(client: Client) -> None:
    assert client.put("/login").status_code == 405
    assert client.get("/logout").status_code == 405
    assert client.post("/login", data=b"\xff=\xff", content_type="application/x-www-form-urlencoded").status_code == 403
    assert client.post("/logout").headers["Location"] == "/login"
