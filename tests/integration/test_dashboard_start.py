"""`hpo dashboard` as a process: waits for its database, serves, ends when told to."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from besieged import WRITER, Visitor
from flask import Flask

from hpo import storage
from hpo.errors import UsageError
from hpo.web.application import Dashboard
from hpo.web.security import users
from hpo.web.server import listen

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the command with a file of users; it is killed after the test if it still runs."""
    file = tmp_path / "users.json"
    users.add(file, *WRITER, may_write=True)
    begun: list[subprocess.Popen[str]] = []

    def run(*arguments: str, named: bool = True, **environment: str) -> "subprocess.Popen[str]":
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HPO_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "hpo", "dashboard", *(("--users", str(file)) if named else ()), *arguments],
            env={**clean, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]", words: str) -> str:
    """Read what it says until a line has `words` in it."""
    assert process.stderr is not None
    lines = []
    while line := process.stderr.readline():
        lines.append(line)
        if words in line:
            return line
    raise AssertionError("".join(lines))


def port(line: str) -> int:
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
    assert found is not None
    return int(found[1])


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """End it as a container is ended: its exit code, and what it said last."""
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    return process.returncode, rest


def test_the_dashboard_serves_after_login_and_ends_on_sigterm(start: Start, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hpo.db'}"
    storage.prepare(url).close()
    process = start("--port", "0", "--storage", url, "--log", "json", "--artifacts", str(tmp_path / "new"))
    wanda = Visitor(port=port(said(process, "shows")))
    assert wanda.ask("GET", "/healthz").status == 200
    assert wanda.ask("GET", "/").status == 401
    assert wanda.log_in(*WRITER).status == 303
    assert wanda.ask("GET", "/").status == 200
    assert b'"artifact_is_available": true' in wanda.ask("GET", "/api/meta").body
    assert wanda.ask("GET", "/api/studies").status == 200
    assert wanda.ask("GET", "/metrics").status == 200
    wanda.close()
    code, log = ended(process)
    assert code == 0
    assert log.rstrip().endswith("stopped")
    assert '"event": "logged in"' in log
    assert WRITER[1] not in log


def test_a_first_user_added_at_run_time_requires_login_until_the_last_is_removed(start: Start, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hpo.db'}"
    storage.prepare(url).close()
    process = start("--port", "0", "--storage", url, named=False, XDG_CONFIG_HOME=str(tmp_path))
    wanda = Visitor(port=port(said(process, "shows")))
    assert wanda.ask("GET", "/").status == 200
    users.add(tmp_path / "hpo" / "users.json", *WRITER, may_write=True)
    assert wanda.ask("GET", "/").status == 401
    assert wanda.log_in(*WRITER).status == 303
    assert wanda.ask("GET", "/").status == 200
    users.remove(tmp_path / "hpo" / "users.json", WRITER[0])
    assert Visitor(port=wanda.port).ask("GET", "/").status == 200
    wanda.close()
    assert ended(process)[0] == 0


def beside(visitor: Visitor, other: int) -> Visitor:
    """The same browser at another dashboard of the same host, whose cookies are those of its port."""
    cookies = {name.replace(str(visitor.port), str(other)): value for name, value in visitor.cookies.items()}
    return Visitor(port=other, cookies=cookies, token=visitor.token)


@pytest.mark.thorough
def test_dashboards_of_one_database_share_logins_and_logouts_across_restarts(
    start: Start, postgres: object, database: Callable[[object], str]
) -> None:
    url = database(postgres)
    storage.prepare(url).close()
    one, two = (start("--port", "0", HPO_STORAGE=url) for _ in range(2))
    ports = [port(said(process, "shows")) for process in (one, two)]
    wanda = Visitor(port=ports[0])
    assert wanda.log_in(*WRITER).status == 303
    there = beside(wanda, ports[1])
    assert there.ask("GET", "/api/studies").status == 200
    assert there.ask("POST", "/studies/none/stop", b"").status == 404  # she may write: there is no such study
    assert ended(one)[0] == 0
    one = start("--port", "0", HPO_STORAGE=url)
    back = beside(wanda, port(said(one, "shows")))
    assert back.ask("GET", "/api/studies").status == 200
    assert back.ask("POST", "/logout", b"", {"X-CSRF-Token": None}).status == 403
    assert back.ask("POST", "/logout", b"").status == 303
    for visitor in (wanda, there):  # whose browser still sends the cookies
        again = beside(visitor, back.port)
        assert again.ask("GET", "/api/studies").status == 401
        again.close()
    assert there.ask("GET", "/api/studies").status == 401
    for visitor in (wanda, there, back):
        visitor.close()


def test_the_dashboard_waits_for_the_database_tables(
    start: Start, postgres: object, database: Callable[[object], str]
) -> None:
    url = database(postgres)
    process = start("--port", "0", HPO_STORAGE=url)
    assert "hpo db upgrade" in said(process, "waiting")
    storage.prepare(url).close()
    knocking = Visitor(port=port(said(process, "shows")))
    assert knocking.ask("GET", "/healthz").status == 200
    knocking.close()
    assert ended(process)[0] == 0


def test_the_dashboard_can_be_ended_while_waiting_for_its_database(start: Start) -> None:
    with socket.socket() as nobody:  # holds a port on which nobody listens
        nobody.bind(("127.0.0.1", 0))
        process = start(HPO_STORAGE=f"postgresql://hpo:secret@127.0.0.1:{nobody.getsockname()[1]}/hpo")
        assert "secret" not in said(process, "waiting")
        code, last = ended(process)
    assert code == 0
    assert "Traceback" not in last


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1 port {number}: .* --port"):
            listen(Dashboard(app=Flask("none"), longest=lambda _: 0), host="127.0.0.1", port=number)
