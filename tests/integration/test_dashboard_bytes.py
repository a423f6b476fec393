"""What comes to a dashboard's socket byte by byte: odd signs anywhere, bodies without end, requests with two ends."""

import logging
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from besieged import READER, TEXT, WRITER, Castle, castle

from hpo.web.security.request_checks import LARGEST_FILE, LARGEST_FORM, LARGEST_REQUEST

ODD = [bytes([n]) for n in b'\x00\x01\x08\t\x0b\x1f "%(,/:;<=?@\\~\x7f\x80\x85\xa0\xad\xc3\xe9\xff']
LONG = b"9" * 5000
VALUES = [
    *(b"x=" + sign for sign in ODD),
    b"",
    LONG,
    b"-1",
    b"\xff\xfe",
    "é漢\u202e".encode(),
    b"\xed\xa0\x80",  # half a surrogate pair
    b"%ff%00",
    b"[::1",
    b"http://[::1",
    b'"',
    b"*",
    b"W/",
    b"bytes=" + LONG + b"-",
    b"bytes=1-0,5-",
    b"Basic \xff",
    b"Basic " + b"/" * 400,
    b"Basic Og==",
    b"Thu, 99 Xyz 99999 99:99:99 GMT",
    b"Sat, 01 Jan 0000 00:00:00 +9999",
    b"multipart/form-data",
    b"application/x-www-form-urlencoded; charset=nothing",
    b"text/html;q=x, */*;q=" + LONG,
    b"\\" * 50,
    b";" * 500,
    b"," * 500,
]
FIELDS = [
    *("Cookie", "Host", "Authorization", "Referer", "Origin", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"),
    *("X-Forwarded-Host", "Accept", "Accept-Language", "Accept-Encoding", "If-None-Match", "If-Match", "If-Range"),
    *("If-Modified-Since", "Range", "Content-Type", "X-CSRF-Token", "Sec-Fetch-Site", "Sec-Fetch-Mode", "User-Agent"),
    *("Connection", "Expect", "Upgrade", "X-Requested-With", "Content-Length"),
]
PATHS = [
    "/",
    "/login",
    "/studies/toy",
    "/live/overview",
    "/metrics",
    "/dashboard",
    "/static/favicon.ico",
    "/api/studies",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Castle]:
    with castle(tmp_path_factory.mktemp("bytes"), guarded=True) as made:
        yield made


@pytest.fixture(scope="module")
def cookies(place: Castle) -> dict[tuple[str, str] | None, bytes]:
    """The cookies of each who logged in."""
    found: dict[tuple[str, str] | None, bytes] = {None: b""}
    for who in (READER, WRITER):
        visitor = place.visitor(who)
        found[who] = b"; ".join(f"{name}={value}".encode() for name, value in visitor.cookies.items())
        visitor.close()
    return found


class Line:
    """A connection of which every byte is ours."""

    def __init__(self, place: Castle) -> None:
        self.port = int(place.port)
        self.socket = socket.create_connection(("127.0.0.1", place.port), timeout=30)

    def send(self, first: bytes, *fields: bytes, body: bytes = b"") -> None:
        host = b"" if any(field.lower().startswith(b"host:") for field in fields) else b"Host: localhost:%d" % self.port
        self.socket.sendall(b"\r\n".join([first, *filter(None, [host]), *fields, b"", b""]) + body)

    def all(self) -> bytes:
        """What it answers until it hangs up."""
        said = b""
        try:
            while more := self.socket.recv(2**16):
                said += more
        except ConnectionResetError:
            pass
        return said


def ask(place: Castle, first: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    line = Line(place)
    with closing(line.socket):
        line.send(first, *fields, b"Connection: close", body=body)
        return line.socket.recv(2**16)  # a header of the request's may keep the connection open


def status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/1.") else 0


@pytest.mark.thorough
def test_odd_bytes_in_headers_cause_no_server_error(
    place: Castle, cookies: dict[object, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    for number, field in enumerate(FIELDS):
        for value in VALUES:
            path = PATHS[number % len(PATHS)].encode()
            fields = [field.encode() + b": " + value]
            if field != "Cookie":
                fields.append(b"Cookie: " + cookies[WRITER])
            said = ask(place, b"GET " + path + b" HTTP/1.1", *fields)
            assert 200 <= status(said) < 500 or status(said) == 501, (field, value, said[:300])
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_cookie_does_not_break_the_login(path: str, place: Castle, cookies: dict[object, bytes]) -> None:
    for other in (b"x=\xff", b"x=\xc3\xa9; y", b"\x80=1"):
        said = ask(place, b"GET %s HTTP/1.1" % path.encode(), b"Cookie: " + other + b"; " + cookies[WRITER])
        plain = ask(place, b"GET %s HTTP/1.1" % path.encode(), b"Cookie: " + cookies[WRITER])
        assert status(said) == status(plain) != 401
        assert status(ask(place, b"GET %s HTTP/1.1" % path.encode(), b"Cookie: " + other)) in (200, 303, 401)


ROUTES = [
    *("/{}", "/studies/{}", "/studies/{}/report", "/live/studies/{}", "/live/{}", "/assets/{}", "/api/{}"),
    *("/api/studies/{}", "/api/studies/{}/param_importances", "/api/studies/1/plot/{}", "/csv/{}", "/artifacts/1/{}"),
    *("/artifacts/{}/" + TEXT, "/static/{}", "/dashboard/{}", "/?{}", "/login?next={}", "/login?{}"),
    *("/studies/toy?{}", "/api/studies/1?after={}", "/api/studies/1?{}", "/csv/1?trial_ids={}"),
    *("/api/studies/1/param_importances?evaluator={}", "/api/meta?{}", "/metrics?{}"),
]
PIECES = [
    *(sign for sign in ODD if sign not in b" "),
    *(b"%%%02x" % n for n in (0, 9, 10, 13, 32, 34, 37, 47, 58, 92, 127, 128, 160, 195, 255)),
    b"99999999999999999999",
    b"-1",
    b"2147483648",
    LONG,
    b"%ed%a0%80",
    b"%",
    b"%zz",
    b"~ed~a0~80",
    b"~00",
    b"a" * 5000,
    b"..;/",
    b"a=" * 2000 + b"1",
    b"a&" * 2000,
    b"http://[::1",
]


@pytest.mark.thorough
@pytest.mark.parametrize("route", ROUTES)
def test_odd_bytes_in_paths_cause_no_server_error(
    route: str, place: Castle, cookies: dict[object, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    before, after = route.encode().split(b"{}")
    for piece in PIECES:
        said = ask(place, b"GET " + before + piece + after + b" HTTP/1.1", b"Cookie: " + cookies[WRITER])
        assert 200 <= status(said) < 500, (piece, said[:600])
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "first", [b"GET http://[::1/ HTTP/1.1", b"GET / HTTP/9.9", b"G\xff / HTTP/1.1", b"GET", b"\x00"]
)
def test_malformed_request_lines_cause_no_server_error(
    first: bytes, place: Castle, caplog: pytest.LogCaptureFixture
) -> None:
    assert 200 <= status(ask(place, first)) < 500
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("who", [None, READER])
@pytest.mark.parametrize(
    "path", ["/api/artifacts/1", "/api/artifacts/1/2", "/login", "/logout", "/", "/healthz", "/metrics"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_large_bodies_of_non_writers_are_refused_unread(
    method: str, path: str, who: tuple[str, str] | None, place: Castle, cookies: dict[object, bytes]
) -> None:
    first, length = f"{method} {path} HTTP/1.1".encode(), 30 * 2**20
    for expecting in ((), (b"Expect: 100-continue",)):
        line = Line(place)
        with closing(line.socket):
            line.send(first, b"Content-Length: %d" % length, b"Cookie: " + cookies[who], *expecting)
            said = line.all()  # it hangs up, and nothing of the body was sent
        assert status(said) == 413
        assert said.count(b"HTTP/1.1 ") == 1
        assert b"connection: close" in said.lower()
        assert b"x-content-type-options: nosniff" in said.lower()


def test_an_endless_body_ends_where_it_is_too_long(place: Castle, cookies: dict[object, bytes]) -> None:
    for who, path, most in (
        (None, b"/login", LARGEST_FORM),
        (READER, b"/api/artifacts/1", LARGEST_FORM),
        (WRITER, b"/api/trials/2/user-attrs", LARGEST_REQUEST),
        (WRITER, b"/api/artifacts/1", LARGEST_FILE),
    ):
        line, sent, piece = Line(place), 0, b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        line.socket.settimeout(0.0)
        with closing(line.socket):
            line.socket.setblocking(True)
            line.send(b"POST %s HTTP/1.1" % path, b"Transfer-Encoding: chunked", b"Cookie: " + cookies[who])
            try:
                while sent < most + 2**24:
                    line.socket.sendall(piece)
                    sent += len(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert sent < most + 2**24


def test_a_chunked_upload_of_a_writer_is_accepted_whole(place: Castle) -> None:
    visitor = place.visitor(WRITER)
    content = b'{"file": "data:text/plain;base64,' + b"QUFB" * 2**19 + b'", "filename": "a.txt"}'
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:1000], content[1000:])) + b"0\r\n\r\n"
    answer = visitor.ask("POST", "/api/artifacts/1", pieces, {"Content-Length": None, "Transfer-Encoding": "chunked"})
    assert answer.status == 201
    visitor.close()
    place.restore()


BEHIND = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
        [b"Content-Length: 0", b"Content-Length: 5"],
        [b"Content-Length: 0", b"Content-Length: 0"],
        [b"Content-Length: 0, 5"],
        [b"Content-Length: +0"],
        [b"Content-Length: -0"],
        [b"Content-Length: 0x0"],
        [b"Content-Length:"],
        [b"Content-Length: " + LONG],
        [b"Content-Length : 0"],
        [b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked, chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: \x0bchunked"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding:"],
        [b"Transfer-Encoding:", b" chunked"],
        [b"X: y", b" Content-Length: 5"],
        [b"Transfer-Encoding: chunked;x=1"],
        [b"Transfer-Encoding : chunked"],
        [b"X: y\nTransfer-Encoding: chunked"],
        [b"X: y\rTransfer-Encoding: chunked"],
    ],
)
def test_request_smuggling_is_refused_and_the_rest_unanswered(fields: list[bytes], place: Castle) -> None:
    line = Line(place)
    with closing(line.socket):
        line.send(b"POST /login HTTP/1.1", *fields, body=b"0\r\n\r\n" + BEHIND)
        said = line.all()
    assert status(said) == 400
    assert said.count(b"HTTP/1.") == 1
    assert b"connection: close" in said.lower()


def test_chunked_bodies_are_refused_for_http_1_0(place: Castle) -> None:
    line = Line(place)
    with closing(line.socket):
        line.send(b"POST /login HTTP/1.0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + BEHIND)
        assert status(line.all()) == 400


def test_a_pipelined_second_request_is_answered(place: Castle) -> None:
    last = BEHIND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for fields, body in (([b"Content-Length: 3"], b"a=b"), ([b"Transfer-Encoding: Chunked"], b"3\r\na=b\r\n0\r\n\r\n")):
        line = Line(place)
        with closing(line.socket):
            line.send(b"POST /login HTTP/1.1", *fields, body=body + last)
            assert line.all().count(b"HTTP/1.1 ") == 2
