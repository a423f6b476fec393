"""The interface for programs on a real socket: what never reaches the application, and the client of the docs."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from besieged import Castle, castle
from pages import PROJECT, blocks

from hpo import storage
from hpo.storage import program_tokens

_SEARCH = b'{"definition": "fcnn", "trials": 2, "fidelity": "quick"}'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Castle]:
    with castle(tmp_path_factory.mktemp("place"), guarded=True) as made:
        yield made


@pytest.fixture(scope="module")
def token(place: Castle) -> str:
    opened = storage.open(f"sqlite:///{place.folder / 'hpo.db'}")
    return program_tokens.create(opened, "socket", scope="write", budget=25, seconds=600)


def send(
    place: Castle, token: str, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60)
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    try:
        connection.request(method, f"/api/v1{path}", body, sent)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()
    finally:
        connection.close()


def test_oversized_headers_and_bodies_are_refused(place: Castle, token: str) -> None:
    before = place.state()
    assert send(place, token, "GET", "/studies", **{"X-Long": "x" * 40_000})[0] == 431
    large = b'{"why": "' + b"x" * 20_000 + b'"}'
    code, kind, _ = send(place, token, "POST", "/studies/x/stop", large)
    assert (code, kind) == (413, "application/problem+json")
    # In one piece: the server closes as soon as it has had too much, and who still sends then hears no answer.
    chunks = (b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 20 + b"0\r\n\r\n"
    assert send(place, token, "POST", "/studies/x/stop", chunks, **{"Transfer-Encoding": "chunked"})[0] == 413
    assert send(place, "hpo_1_" + "x" * 30_000, "GET", "/studies")[0] == 401
    assert place.state() == before


def test_ambiguous_paths_are_refused_or_not_found(place: Castle, token: str) -> None:
    for path, code in [
        ("/studies/../../etc/passwd", 400),
        ("/studies/%2e%2e/%2e%2e/etc", 400),
        ("/studies/a%00b", 400),
        ("/studies/a%5cb", 400),
        ("/studies//best", 400),
        ("/studies/%ff", 400),
        ("/studies/~ff", 404),
        ("/studies/..%2f..", 400),
        ("/studies/toy'--/best", 404),
    ]:
        status_code, kind, body = send(place, token, "GET", path)
        assert (status_code, kind) == (code, "application/problem+json"), path
        assert json.loads(body)["status"] == code


def test_a_token_is_accepted_only_in_its_header(place: Castle, token: str) -> None:
    before = place.state()
    for headers in ({"Authorization": ""}, {"Authorization": f"Basic {token}"}, {"Cookie": f"token={token}"}):
        asked = {"Authorization": "", **headers}
        assert send(place, token, "POST", f"/studies?token={token}", _SEARCH, **asked)[0] == 401
    assert place.state() == before


def test_the_example_client_of_the_docs_works(place: Castle, token: str, tmp_path: Path) -> None:
    [client] = blocks(PROJECT / "docs" / "http.md", "python")
    file = tmp_path / "client.py"
    file.write_text(client.text)
    env = {"HPO_URL": f"http://127.0.0.1:{place.port}", "HPO_TOKEN": token, "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, str(file)], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "on all rungs together, and token 'socket' may open 25 more" in done.stderr
    file.write_text(client.text.replace('"name": "tonight"', '"name": "tonight", "fidelity": "quick"'))
    done = subprocess.run([sys.executable, str(file)], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("20 trials wait for workers\nwaiting\n", "")
