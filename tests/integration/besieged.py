"""Dashboards to attack, on real sockets: bare optuna-dashboard, and ours with its security, over the same database.

Each `Castle` has a copy of one small database of its own, so an attack that gets through spoils nothing for the next.
"""

import atexit
import hashlib
import http.client
import json
import re
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hpo.web.security.hooks import Access
from hpo.web.security.request_checks import names
from hpo.web.security.sessions import signing_key
from hpo.web.security.users import Users, add

WRITER, READER = ("wanda", "writes with a feather"), ("rita", "reads until the morning")
HTML, SVG, PNG, TEXT, OF_TRIAL = (f"{n}{n}{n}{n}0000-0000-4000-8000-000000000000" for n in range(1, 6))
SCRIPT = b"<script>document.title = 'mine now'</script>"
FOUND, HALTED = "found", "halted"  # searches of hpo's: one with an optimum, one that was stopped
SECRET = b"not to be read"
HISTORY = "5555aaaa-0000-4000-8000-000000000000"


@cache
def _template() -> Path:
    """A study with a trial of each state and files attached, one of preferences, and two of hpo's own; made once."""
    import optuna
    from programs import found_study, small_study

    from hpo import storage
    from hpo.storage import program_tokens
    from hpo.storage.studies import halting

    made = Path(tempfile.mkdtemp(prefix="hpo-template-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    (made / "artifacts").mkdir(parents=True)
    opened = storage.prepare(f"sqlite:///{made / 'hpo.db'}")
    kept = opened.optuna
    study = optuna.create_study(storage=kept, study_name="toy")
    study.add_trial(optuna.create_trial(value=1.0, params={}, distributions={}))
    running = study.ask()
    files = {HTML: ("text/html", SCRIPT), SVG: ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}
    files |= {PNG: ("image/png", b"\x89PNG\r\n\x1a\n"), TEXT: ("text/plain", b"text")}
    for name, (kind, content) in files.items():
        (made / "artifacts" / name).write_bytes(content)
        meta = json.dumps({"artifact_id": name, "filename": "file", "mimetype": kind, "encoding": None})
        kept.set_study_system_attr(study._study_id, f"artifacts:{name}", meta)
    (made / "artifacts" / OF_TRIAL).write_bytes(SCRIPT)
    meta = json.dumps({"artifact_id": OF_TRIAL, "filename": "page.html", "mimetype": "text/html", "encoding": None})
    kept.set_trial_system_attr(running._trial_id, f"artifacts:{OF_TRIAL}", meta)
    (made / "secret").write_bytes(SECRET)
    wishes = optuna.create_study(storage=kept, study_name="wishes")
    kept.set_study_system_attr(wishes._study_id, "preference:is_preferential", True)
    history = {"id": HISTORY, "timestamp": "2026-01-01T00:00:00", "mode": "ChooseWorst", "clicked": 0}
    history |= {"candidates": [0], "preferences": []}
    kept.set_study_system_attr(wishes._study_id, f"preference:history{HISTORY}", json.dumps(history))
    users = made / "users.json"
    add(users, *WRITER, may_write=True)
    add(users, *READER, may_write=False)
    found_study(opened, FOUND)
    small_study(opened, HALTED)
    halting.stop(opened, HALTED, by="ada", why="for a while")
    year = 365 * 86_400.0
    tokens = {
        "reads": program_tokens.create(opened, "reads", scope="read", budget=0, seconds=year),
        "writes": program_tokens.create(opened, "writes", scope="write", budget=500, seconds=year),
    }
    (made / "tokens.json").write_text(json.dumps(tokens))
    signing_key(opened)  # which would be drawn at the first start, and so count as a change
    opened.close()
    return made


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]  # names in lower case; of several, the last
    body: bytes


@dataclass(kw_only=True)
class Visitor:
    """Somebody with a cookie jar: a browser, or whoever pretends to be one."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""  # of the session
    connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: bytes | object = None, headers: dict[str, str | None] | None = None
    ) -> Answer:
        """Send exactly this path; `headers` change those of our own pages' requests, None leaves one out."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent: dict[str, str | None] = {
            "Host": f"localhost:{self.port}",
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()) or None,
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
        }
        if method not in ("GET", "HEAD"):
            sent |= {"Origin": f"http://localhost:{self.port}", "X-CSRF-Token": self.token or None}
            sent["Content-Length"] = str(len(content or b""))
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                self.connection.putheader(name, value)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent; the answer is there
            self.connection.endheaders(content or None)
        response = self.connection.getresponse()
        answer = Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        if response.will_close:
            self.close()
        return answer

    def log_in(self, name: str, password: str, **headers: str | None) -> Answer:
        """Through the login page, as a person does."""
        return self.try_password(name, password, self.login_token(), **headers)

    def login_token(self) -> str:
        """The token of the login page's form."""
        page = self.ask("GET", "/login", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}).body.decode()
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return found[1] if found else ""

    def try_password(self, name: str, password: str, token: str, **headers: str | None) -> Answer:
        """Send the login form."""
        from urllib.parse import urlencode

        form = urlencode({"name": name, "password": password, "csrf_token": token, "next": "/"}).encode()
        answer = self.ask("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded", **headers})
        if answer.status == 303:
            shell = self.ask("GET", "/dashboard", headers={"Accept": "text/html"}).body.decode()
            found = re.search(r'data-token="([^"]*)"', shell)
            self.token = found[1] if found else ""
        return answer

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


@dataclass(frozen=True, kw_only=True)
class Castle:
    """A server with a database of its own, until the `with` ends."""

    port: int
    folder: Path  # its database, its artifacts, its users
    template: Path  # what these were copied from

    @property
    def tokens(self) -> dict[str, str]:
        """Of a program that `reads`, and of one that `writes`."""
        found: dict[str, str] = json.loads((self.folder / "tokens.json").read_text())
        return found

    def visitor(self, who: tuple[str, str] | None = None) -> Visitor:
        """Somebody who asks; `who` has logged in, and where there is no login just knocks."""
        made = Visitor(port=self.port)
        if who is not None:
            made.log_in(*who)
        return made

    def state(self) -> str:
        """A digest of all that an attack could change: every row of the database, every attached file."""
        digest = hashlib.sha256()
        with closing(sqlite3.connect(self.folder / "hpo.db")) as connection:
            for line in connection.iterdump():
                digest.update(line.encode())
        for file in sorted((self.folder / "artifacts").iterdir()):
            digest.update(file.name.encode() + file.read_bytes())
        return digest.hexdigest()

    def restore(self) -> None:
        """Undo what was done to it, under the running server."""
        with (
            closing(sqlite3.connect(self.template / "hpo.db")) as kept,
            closing(sqlite3.connect(self.folder / "hpo.db")) as live,
        ):
            kept.backup(live)
        shutil.rmtree(self.folder / "artifacts")
        shutil.copytree(self.template / "artifacts", self.folder / "artifacts")


@contextmanager
def castle(folder: Path, *, guarded: bool) -> Iterator[Castle]:
    """A server over a fresh copy of the database: ours where it is `guarded`, or bare optuna-dashboard."""
    template = _template()
    copies = len(list(folder.iterdir()))
    here = shutil.copytree(template, folder / f"castle{copies}")
    make = _guarded if guarded else _bare
    server, close = make(here)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Castle(port=server.effective_port, folder=here, template=template)
    finally:
        with suppress(OSError):  # a thread at its answer pulled it in between, and all was closed before this pull
            server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)
        server.task_dispatcher.shutdown()
        close()


def _guarded(here: Path) -> tuple[Any, Any]:
    from hpo import storage
    from hpo.web import server
    from hpo.web.application import create
    from hpo.web.server import options

    opened = storage.open(f"sqlite:///{here / 'hpo.db'}")
    access = Access(names=names("127.0.0.1"), users=Users(here / "users.json"))
    made = create(opened, access, artifacts=here / "artifacts")
    return server.waitress_server(made.app, made.longest, **options(host="127.0.0.1", port=0)), opened.close


def _bare(here: Path) -> tuple[Any, Any]:
    from optuna.artifacts import FileSystemArtifactStore
    from optuna.storages import RDBStorage
    from optuna_dashboard import wsgi
    from waitress import create_server

    rdb = RDBStorage(f"sqlite:///{here / 'hpo.db'}")
    app = wsgi(rdb, FileSystemArtifactStore(here / "artifacts"))
    return create_server(app, host="127.0.0.1", port=0), rdb.engine.dispose
