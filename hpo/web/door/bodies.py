"""What is malformed or too large, turned away before anything behind the door reads it."""

import io
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hpo.web.door.answers import refusal
from hpo.web.door.origins import SAFE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["LARGEST_FILE", "LARGEST_FORM", "LARGEST_REQUEST", "LIMIT", "JsonObjects", "WellFormed", "body_of", "limit"]

LARGEST_FILE = 32 * 2**20  # bytes of a request that attaches a file; base64 makes a file a third longer
LARGEST_REQUEST = 2**20  # bytes of any other change
LARGEST_FORM = 8 * 2**10  # bytes of a login, and of whatever somebody sends who may change nothing
LIMIT = "hpo.limit"  # in the environment: how many bytes its body may have, decided before any of them was taken in
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_DEEPEST = 50  # levels of lists and objects in a body
_ATTACHING = "/api/artifacts/"
_FORMS = ("/login", "/logout")


class WellFormed:
    """Serves requests with a method, a path and a length that something behind the door could want."""

    def __init__(self, inner: "WSGIApplication", longest: "Callable[[WSGIEnvironment], int]") -> None:
        self._inner = inner
        self._longest = longest  # asked where the server did not

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        method = environ["REQUEST_METHOD"]
        if method not in _METHODS:
            answer = refusal(environ, 405, f"{method[:20]!r} is not served", headers={"Allow": ", ".join(_METHODS)})
        elif not _is_path(environ.get("PATH_INFO", "")):
            answer = refusal(environ, 400, "this is no path of ours")
        else:
            wrong = _wrong_length(environ, self._longest)
            if wrong is None:
                return self._inner(environ, start_response)
            answer = refusal(environ, *wrong)
        return answer(environ, start_response)


class JsonObjects:
    """Serves changes to `/api` whose body, where there is one, is a JSON object; behind the login, as reading costs."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        wrong = None
        if environ["REQUEST_METHOD"] not in SAFE and environ["PATH_INFO"].startswith("/api"):
            wrong = _wrong_json(environ)
        if wrong is None:
            return self._inner(environ, start_response)
        return refusal(environ, *wrong)(environ, start_response)


def limit(path: str, *, writes: bool) -> int:
    """How many bytes may be sent to that path; `writes`: by a user who may write."""
    if not writes or path in _FORMS:
        return LARGEST_FORM
    return LARGEST_FILE if path.startswith(_ATTACHING) else LARGEST_REQUEST


def body_of(environ: "WSGIEnvironment") -> bytes:
    """The whole body, which stays to be read again; `WellFormed` has seen to it that it is not too large."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _is_path(raw: str) -> bool:
    """Whether it reads the same to everybody: UTF-8, nothing unprintable, no way up, no empty segment but the last."""
    try:
        path = raw.encode("latin-1").decode()
    except UnicodeError:
        return False
    if not path.startswith("/") or "\\" in path or not path.isprintable():
        return False
    segments = path.split("/")[1:]
    return not any(s in (".", "..") for s in segments) and all(segments[:-1])


def _wrong_length(environ: "WSGIEnvironment", longest: "Callable[[WSGIEnvironment], int]") -> tuple[int, str] | None:
    """The status and the reason to refuse it; None where nothing is wrong with it."""
    given = environ.get("CONTENT_LENGTH") or "0"
    if not (given.isascii() and given.isdigit()):
        return 400, "the length of the request is no number"
    length, most = int(given), environ.get(LIMIT)
    if most is None:
        most = longest(environ)
    if length > most:
        who = " of who may not write, or has not logged in" if most == LARGEST_FORM else ""
        return 413, f"a request of {_size(length)} is too large: at most {_size(most)}{who}"
    return None


def _size(length: int) -> str:
    return f"{length / 2**20:.3g} MiB" if length >= 2**20 else f"{length / 2**10:.3g} KiB"


def _wrong_json(environ: "WSGIEnvironment") -> tuple[int, str] | None:
    body = body_of(environ)
    if not body:
        return None
    if environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower() != "application/json":
        return 415, "the body must be application/json"
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return 400, "the body is no JSON document"
    if not isinstance(read, dict):
        return 400, "the body must be a JSON object"
    return _unkeepable(read)


def _unkeepable(read: object) -> tuple[int, str] | None:
    """What in a document other programs could not read again, were it kept."""
    level, depth = [read], 0
    while level:
        if depth > _DEEPEST:
            return 400, f"the body is nested deeper than {_DEEPEST} levels"
        texts = [entry for entry in level if isinstance(entry, str)]
        texts += [key for entry in level if isinstance(entry, dict) for key in entry]
        if any("\ud800" <= sign <= "\udfff" for text in texts for sign in text):
            return 400, "the body has half a character in it (a surrogate without the other)"
        lists = [
            entry if isinstance(entry, list) else entry.values() for entry in level if isinstance(entry, dict | list)
        ]
        level, depth = [inner for one in lists for inner in one], depth + 1
    return None
